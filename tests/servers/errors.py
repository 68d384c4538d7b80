"""What the test servers raise."""


class ServerUnavailableError(Exception):
    """A server that the tests need is not there or does not start; the message says how to get it."""
