"""What Tunewell costs, measured: `python -m benchmarks` prints one JSON document; docs/benchmarks.md explains it."""
