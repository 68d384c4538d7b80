"""Send what lies in a spool: patiently, and as the protocol wants it."""

from __future__ import annotations

import itertools
import logging
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeAlias, TypeVar, cast

from tunewell._messages import (
    MAX_LOGS_PER_REPORT,
    MAX_POINTS_PER_REPORT,
    Finish,
    LogEntry,
    MemoryPeak,
    MetricPoint,
    Outcome,
    Report,
)
from tunewell.errors import TunewellError
from tunewell.retry import decide_retry

MAX_REASON_CHARS = 4000
_MAX_CHARS_PER_REPORT = 1 << 20  # at most six bytes each: below the server's limit of 8 MiB a request
log = logging.getLogger(__name__)
T = TypeVar("T")
Point: TypeAlias = tuple[str, int, float, str]  # name, step, value, time
Line: TypeAlias = tuple[str, str, str]  # stream, time, text


def persist(send: Callable[[], T], pause: Callable[[float], bool]) -> T | None:
    """Send until the server answers; None if `pause` says to give up.

    Raises:
        TunewellError: A refusal that repeating would not change.
    """
    n_failures = 0
    while True:
        try:
            return send()
        except TunewellError as error:
            n_failures += 1
            retry = decide_retry(error, n_failures, jitter=random.random())
            if retry is None:
                raise
            if n_failures == 3:
                log.warning("%s; reports are kept on disk until it answers", retry.reason)
            if pause(retry.delay_s):
                return None


def split_reports(
    points: Sequence[Point], lines: Sequence[Line], *, step: int | None, n_steps: int | None
) -> Iterator[dict[str, Any]]:
    """Yield bodies of reports that hold points and lines in their order, each within what a request may hold."""
    starts = range(0, len(points), MAX_POINTS_PER_REPORT)
    chunks = (points[at : at + MAX_POINTS_PER_REPORT] for at in starts)
    for some, texts in itertools.zip_longest(chunks, _line_chunks(lines)):
        yield {"step": step, "n_steps": n_steps, "metrics": list(some or ()), "logs": list(texts or ())}


def _line_chunks(lines: Sequence[Line]) -> list[list[Line]]:
    chunks: list[list[Line]] = []
    n_chars = 0
    for line in lines:
        n_chars += len(line[2])
        if not chunks or len(chunks[-1]) == MAX_LOGS_PER_REPORT or n_chars > _MAX_CHARS_PER_REPORT:
            chunks.append([])
            n_chars = len(line[2])
        chunks[-1].append(line)
    return chunks


def read_report(body: Mapping[str, Any]) -> Report:
    """Return a spooled report as the protocol sends it."""
    return Report(
        seq=body["seq"],
        step=body.get("step"),
        n_steps=body.get("n_steps"),
        metrics=tuple(
            MetricPoint(name, step, value, datetime.fromisoformat(at)) for name, step, value, at in body["metrics"]
        ),
        logs=tuple(
            LogEntry(at=datetime.fromisoformat(at), text=text, stream=stream) for stream, at, text in body["logs"]
        ),
        can_pause=body.get("can_pause", False),
        memory=tuple(MemoryPeak(n_lanes, peak_bytes) for n_lanes, peak_bytes in body.get("memory", ())),
    )


def read_finish(body: Mapping[str, Any]) -> Finish:
    """Return a spooled finish as the protocol sends it."""
    return Finish(
        outcome=cast(Outcome, body["outcome"]),
        reason=body["reason"],
        values=body["values"],
        is_retryable=body["is_retryable"],
        diagnosis=body.get("diagnosis"),
    )


def clean(text: str, n_max: int) -> str:
    """Return a text as the server takes it: without NUL and lone surrogates, at most `n_max` characters."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\\0")[:n_max]
