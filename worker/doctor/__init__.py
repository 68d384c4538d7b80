"""Whether a worker could do its work here: what only a worker knows to look at, beside the SDK's own checks."""
