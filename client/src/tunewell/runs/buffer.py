"""What a run logged and its spool does not hold yet.

Logging only appends to a queue: no lock, no file, no network. A thread moves the queue into the spool. A queue that
grows faster than the disk takes it is moved by whoever logs, so that memory stays bounded and nothing is lost.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import TypeAlias

from tunewell._messages import MAX_LOG_CHARS
from tunewell.delivery import Line, clean, split_reports
from tunewell.spool import Spool

log = logging.getLogger("tunewell")
MAX_QUEUED = 50_000
Values: TypeAlias = list[tuple[str, float]]


class Buffer:
    """A bounded queue before a spool.

    Args:
        spool: Where it ends up.
        max_bytes: How much the spool may hold that the server has not heard; what comes then is left out.

    Attributes:
        n_left_out: Points and lines for which there was no room.
    """

    def __init__(self, spool: Spool, max_bytes: int) -> None:
        self._spool = spool
        self._max_bytes = max_bytes
        self._points: deque[tuple[int, float, Values]] = deque()
        self._asides: deque[tuple[int, float, Values]] = deque()
        self._lines: deque[tuple[str, float, str]] = deque()
        self._lock = threading.Lock()
        self.n_left_out = 0

    def put(self, step: int, values: Values) -> None:
        """Take numbers of one step."""
        self._points.append((step, time.time(), values))
        if len(self._points) > MAX_QUEUED:
            self.drain()

    def put_aside(self, step: int, values: Values) -> None:
        """Take numbers that say nothing of how far the run is."""
        self._asides.append((step, time.time(), values))

    def put_line(self, stream: str, text: str) -> None:
        """Take a line of output."""
        self._lines.append((stream, time.time(), text))
        if len(self._lines) > MAX_QUEUED:
            self.drain()

    def drain(self) -> bool:
        """Move what is queued into the spool. Returns whether there was anything."""
        with self._lock:
            points = [self._points.popleft() for _ in range(len(self._points))]
            asides = [self._asides.popleft() for _ in range(len(self._asides))]
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if not (points or asides or lines):
                return False
            flat = [(name, step, value, at) for step, at, values in (*points, *asides) for name, value in values]
            if self._spool.size_bytes() > self._max_bytes:
                self._leave_out(len(flat) + len(lines))
                return False
            self._report(points[-1][0] if points else None, flat, [_line(*one) for one in lines])
            return True

    def forget(self) -> None:
        """Drop what is queued: in a forked child it is the parent's to send."""
        self._lock = threading.Lock()
        self._points, self._asides, self._lines = deque(), deque(), deque()

    def _leave_out(self, n: int) -> None:
        if not self.n_left_out:
            log.warning(
                "the run's spool %s has reached %d bytes that no server has heard: from here on points and lines are "
                "left out. Raise TUNEWELL_SPOOL_MAX_BYTES, or see why the server is away",
                *(self._spool.path, self._max_bytes),
            )
        self.n_left_out += n

    def _report(self, step: int | None, flat: list[tuple[str, int, float, float]], lines: list[Line]) -> None:
        times: dict[float, str] = {}
        points = [(name, at_step, value, times.get(at) or _remember(times, at)) for name, at_step, value, at in flat]
        for body in split_reports(points, lines, step=step, n_steps=None):
            self._spool.report(body)


def _remember(times: dict[float, str], at: float) -> str:
    # The points of a step have one time.
    if len(times) > 1000:
        times.clear()
    return times.setdefault(at, _text(at))


def _line(stream: str, at: float, text: str) -> Line:
    return stream, _text(at), clean(text, MAX_LOG_CHARS)


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
