"""A reader of live events as the dashboard is one, that keeps account of every point it was told."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx
from tunewell._sse import Message, SseParser

_PAUSE_S = 0.3
_IDLE_S = 20.0
PointKey = tuple[int, str, int]
"""Trial, name, step."""


@dataclass(slots=True)
class Reader:
    """Follows the stream over cut connections, from before the first study.

    The server sends batches whose last message alone carries the place in the stream. A batch that was cut off does not
    count, because it comes again.

    Attributes:
        address: The server, as `http://host:port`.
        n_told: How often each point was in a batch that counts.
        batches_at: When batches with points came, by `time.monotonic`.
        ended: Trials that were said to be over.
        resets: How often the server could not tell what was missed.
        n_connections: How often a stream was opened.
    """

    address: str
    n_told: Counter[PointKey] = field(default_factory=Counter)
    batches_at: list[float] = field(default_factory=list)
    ended: set[int] = field(default_factory=set)
    resets: int = 0
    n_connections: int = 0
    _last_id: str | None = None
    _pending: list[tuple[str, Any]] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __enter__(self) -> Self:
        """Begin, and wait for the first word."""
        self._thread = threading.Thread(target=self._run, name="reader", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()

    @property
    def is_following(self) -> bool:
        """Whether it knows its place in the stream."""
        return self._last_id is not None

    def next_after(self, moment: float) -> float | None:
        """Return when the first batch with points came after a moment; None where none did."""
        return next((at for at in list(self.batches_at) if at >= moment), None)

    def take(self, messages: Sequence[Message]) -> None:
        """Take messages in their order; a batch counts once its last message is there."""
        for message in messages:
            self._take(message)

    def _run(self) -> None:
        timeout = httpx.Timeout(5, read=_IDLE_S)
        with httpx.Client(timeout=timeout, trust_env=False) as http:
            while not self._stop.is_set():
                with suppress(httpx.HTTPError):
                    self._follow(http)
                self._stop.wait(_PAUSE_S)

    def _follow(self, http: httpx.Client) -> None:
        headers = {} if self._last_id is None else {"Last-Event-ID": self._last_id}
        self._pending.clear()
        parser = SseParser()
        with http.stream("GET", f"{self.address}/api/v1/events", headers=headers) as answer:
            self.n_connections += answer.is_success
            for piece in answer.iter_raw() if answer.is_success else ():
                self.take(parser.feed(piece))
                if self._stop.is_set():
                    return

    def _take(self, message: Message) -> None:
        if message.event == "hello":
            self._last_id = self._last_id or message.event_id
            return
        if message.event == "reset":
            self.resets += 1
        self._pending.append((message.event, json.loads(message.data)))
        if message.event_id is not None and message.event_id != self._last_id:
            self._last_id = message.event_id
            self._count()

    def _count(self) -> None:
        for kind, data in self._pending:
            if kind == "metrics":
                points = [(one["trial_id"], name, step) for one in data["trials"] for name, step, _ in one["points"]]
                self.n_told.update(points)
                if points:
                    self.batches_at.append(time.monotonic())
            elif kind == "trial" and data["state"] in ("COMPLETE", "PRUNED", "FAIL"):
                self.ended.add(data["trial_id"])
        self._pending.clear()
