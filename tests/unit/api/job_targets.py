"""What the tests of jobs have done: functions that a fresh process imports by their path."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

Report = Callable[[int, int], None]


def double(payload: int, report: Report) -> tuple[int, int]:
    """Return twice the payload and the process that did it."""
    report(1, 2)
    report(2, 2)
    return 2 * payload, os.getpid()


def fail(payload: str, report: Report) -> None:
    """Refuse."""
    raise ValueError(payload)


def die(payload: int, report: Report) -> None:
    """End without a word."""
    os._exit(payload)


def hang(payload: object, report: Report) -> None:
    """Say which process this is, and never end."""
    report(os.getpid(), 0)
    threading.Event().wait()
