"""What a machine has and what is used of it, for workers and scripts alike."""
