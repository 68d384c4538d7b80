"""Waiting for a condition instead of sleeping for a while."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float = 10.0, *, what: str = "", interval_s: float = 0.02) -> T:
    """Call `condition` until it returns something true, and return that.

    Args:
        condition: What is waited for; asked at least once. An exception it raises ends the wait.
        timeout_s: Seconds after which the wait fails.
        what: Named in the failure; the condition's own name if empty.
        interval_s: Seconds between two calls.

    Raises:
        TimeoutError: The condition stayed false; the message holds what it last returned.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__qualname__", repr(condition))
            raise TimeoutError(f"not within {timeout_s} s: {name} (last answer: {result!r})")
        time.sleep(interval_s)
