"""Choosing ports on the loopback interface."""

import socket

from stack.errors import StackError
from stack.settings import LOOPBACK, MAX_PORT

N_TRIES = 100


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: closed connections do not count
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def next_free_port(first: int) -> int:
    """Return the first free port from `first` upwards.

    Raises:
        StackError: `no_port`, where a hundred ports in a row are taken.
    """
    ports = range(first, min(first + N_TRIES, MAX_PORT + 1))
    for port in ports:
        if is_free(port):
            return port
    raise StackError("no_port", f"ports {first} to {ports[-1]} are all taken: set TUNEWELL_PORT to a free one")


def any_free_port() -> int:
    """Return a port that the system chooses."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
