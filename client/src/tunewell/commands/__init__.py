"""Commands of studies: what a worker and an agent share to run one, watch it, tell it to end, and end it."""
