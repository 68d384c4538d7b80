"""The dashboard at scale, in a real browser on the real API. Run: `python -m benchmarks.dashboard`."""
