"""What the finished trials of a study say: which parameters matter, what goes with what, what the search was worth."""
