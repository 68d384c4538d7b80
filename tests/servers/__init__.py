"""Real servers and processes for tests and benchmarks, from PATH or from wheels, never skipped."""
