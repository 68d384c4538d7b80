"""`python -m api.asks FD PARENT`: answer what the API asks, until it goes away.

Started fresh, never forked, by `api.asks.process`; it may import torch, which the API must not.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import warnings

from api.asks.lifeline import die_with_parent
from api.asks.wire import decode_request, encode_failure, encode_suggestions
from search.errors import SearchError
from search.samplers import get_sampler
from search.types import Suggestion

log = logging.getLogger("api.asks")


def answer(line: bytes) -> bytes:
    """Return the answer to one message; every failure is an answer, too."""
    try:
        name, request, batch = decode_request(line)
        sampler = get_sampler(name)
        if batch is not None:
            return encode_suggestions(list(sampler.suggest_batch(request, *batch)))
        one: Suggestion | None = sampler.suggest(request)
        return encode_suggestions(None if one is None else [one])
    except SearchError as error:
        return encode_failure(error.message)
    except Exception as error:  # whatever a library raises: the API has a way on, and the log has the details
        log.exception("an ask failed")
        return encode_failure(f"{type(error).__name__}: {error}")


def main(fd: int, parent_pid: int) -> None:
    """Answer messages from the socket `fd` until its other end is closed."""
    die_with_parent(parent_pid)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the API, which closes the socket
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    warnings.simplefilter("ignore")  # of libraries, about their own experimental parts
    with socket.socket(fileno=fd) as link, link.makefile("rb") as lines:
        for line in lines:
            link.sendall(answer(line))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
