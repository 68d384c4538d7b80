"""Which children of the test process are shared servers, so that no test takes them for its own."""

SERVER_PIDS: set[int] = set()
"""Process ids of the servers that were started; a few numbers too many do no harm."""
