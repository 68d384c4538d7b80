"""What the best networks of a search reach on the test parts, beside simple models and the bars set for them."""
