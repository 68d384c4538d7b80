"""Server-sent events: every reader follows the stored stream from its own cursor, so none can miss anything.

A hub only wakes the readers of this process; readers also look by themselves once a second, which is how they
learn of what other API processes wrote. Batches go out at most twice a second to each reader, merged.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

from db import events
from db.engine import Database
from db.events import Cursor, Event

_MIN_INTERVAL_S = 0.5
_LOOK_INTERVAL_S = 1.0
_KEEP_ALIVE_S = 15.0
_MAX_EVENTS = 2000
Fetch = Callable[[Cursor], Awaitable[list[Event]]]


class EventHub:
    """Wakes the readers of this process. `notify` may be called from any thread."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._changed = asyncio.Event()
        self.is_closing = False
        self.n_readers = 0

    def open(self) -> None:
        """Bind to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """Let every reader finish."""
        self.is_closing = True
        self._wake()

    def notify(self) -> None:
        """Tell readers that something was committed."""
        if self._loop is not None and self.n_readers and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    async def wait(self, timeout_s: float) -> None:
        """Return when something was committed, or after `timeout_s` seconds."""
        changed = self._changed
        try:
            await asyncio.wait_for(changed.wait(), timeout_s)
        except TimeoutError:
            return

    def _wake(self) -> None:
        # Each wake-up uses up its event object, so readers that come later wait for the next one.
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


async def stream(
    hub: EventHub, database: Database, cursor: Cursor | None, study_id: int | None
) -> AsyncIterator[bytes]:
    """Yield the stream as `text/event-stream`, from `cursor` or, without one, from now on."""
    start, is_kept = await asyncio.to_thread(_start, database, cursor)
    yield _hello(start)
    if not is_kept:
        yield encode("reset", {}, str(start))

    def fetch_sync(after: Cursor) -> list[Event]:
        with database.read() as session:
            return events.list_after(session, after, _MAX_EVENTS, study_id)

    async def fetch(after: Cursor) -> list[Event]:
        return await asyncio.to_thread(fetch_sync, after)

    hub.n_readers += 1
    try:
        async for chunk in _follow(hub, fetch, start):
            yield chunk
    finally:
        hub.n_readers -= 1


async def _follow(hub: EventHub, fetch: Fetch, cursor: Cursor) -> AsyncIterator[bytes]:
    clock = asyncio.get_running_loop().time
    sent_at = clock()
    while not hub.is_closing:
        batch = await fetch(cursor)
        if batch:
            cursor = batch[-1].cursor
            yield b"".join(encode_batch(batch))
            sent_at = clock()
            await asyncio.sleep(_MIN_INTERVAL_S)
            continue
        if clock() - sent_at > _KEEP_ALIVE_S:
            yield b": keep-alive\n\n"
            sent_at = clock()
        await hub.wait(_LOOK_INTERVAL_S)


def encode_batch(batch: Sequence[Event]) -> list[bytes]:
    """Return messages for a batch: metric points merged by trial, repeated study and log notices sent once.

    Every message carries the cursor of the whole batch's end only in the last one, so that a reader that is cut off
    in between asks for the batch again; applying a message twice changes nothing.
    """
    points: dict[int, dict[str, Any]] = {}
    notices: dict[tuple[str, int | None], Event] = {}
    for event in batch:
        if event.kind == "metrics" and event.trial_id is not None:
            _merge(points, event.trial_id, event.payload)
        else:
            key = (event.kind, event.payload.get(f"{event.kind}_id", event.trial_id))
            notices.pop(key, None)  # the latest notice counts, at the latest place
            notices[key] = event
    messages = [("metrics", {"trials": list(points.values())})] if points else []
    messages += [(event.kind, dict(event.payload)) for event in notices.values()]
    last = len(messages) - 1
    return [
        encode(kind, payload, str(batch[-1].cursor) if place == last else None)
        for place, (kind, payload) in enumerate(messages)
    ]


def encode(kind: str, payload: dict[str, Any], cursor: str | None) -> bytes:
    """Return one message in the wire format."""
    head = "" if cursor is None else f"id: {cursor}\n"
    return f"{head}event: {kind}\ndata: {json.dumps(payload, separators=(',', ':'), allow_nan=False)}\n\n".encode()


def _merge(points: dict[int, dict[str, Any]], trial_id: int, payload: Any) -> None:
    known = points.get(trial_id)
    if known is None:
        points[trial_id] = {**payload, "points": list(payload["points"])}
        return
    known["points"].extend(payload["points"])
    known["step"] = payload["step"]
    known["n_steps"] = payload["n_steps"]


def _start(database: Database, cursor: Cursor | None) -> tuple[Cursor, bool]:
    with database.read() as session:
        if cursor is None:
            return events.newest_cursor(session), True
        if events.is_kept(session, cursor):
            return cursor, True
        return events.newest_cursor(session), False


def _hello(cursor: Cursor) -> bytes:
    return encode("hello", {"cursor": str(cursor)}, str(cursor))
