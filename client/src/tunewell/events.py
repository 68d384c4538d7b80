"""The server's events as an iterator that survives a cut connection."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator, Iterator
from contextlib import closing, suppress

import httpx

from tunewell._pacing import Pacing
from tunewell._sse import Message, SseParser
from tunewell._transport import Params, Transport
from tunewell.errors import Problem, ServerFailure, ServerUnreachable, TunewellError
from tunewell.records import Event
from tunewell.retry import decide_retry

# The server sends a comment every 15 s: three missing ones mean that the connection is dead.
IDLE_S = 45.0


class EventStream:
    """Events of one study or of all, in order, without gaps: after a cut it continues behind the last event it saw.

    Where the server no longer has what was missed it says `reset`. After each connection comes a `hello`.

    Args:
        transport: The connection.
        study: Id or name; None follows everything.
        last_event_id: Where to continue; None starts with what happens from now on.
        patience_s: Seconds to try to reach a server that is away before giving up.
        pacing: Clock, pause and randomness.
    """

    def __init__(
        self,
        transport: Transport,
        study: str | int | None = None,
        last_event_id: str | None = None,
        *,
        patience_s: float = 60.0,
        pacing: Pacing | None = None,
    ) -> None:
        self._transport = transport
        self._params: Params | None = None if study is None else {"study": str(study)}
        self._last_id = last_event_id
        self._patience_s = patience_s
        self._closed = threading.Event()
        self._socket: socket.socket | None = None
        self._pacing = pacing or Pacing(sleep=self._wait)

    def __iter__(self) -> Iterator[Event]:
        """Yield events until `close`.

        Raises:
            ServerUnreachable: The server stayed away for `patience_s`.
            TunewellError: The server refuses the stream.
        """
        n_failures, away_since = 0, self._pacing.now()
        while not self._closed.is_set():
            try:
                with closing(self._connection()) as connection:
                    for event in connection:
                        yield event
                        # A server that cuts every stream after its hello must not be asked without pauses.
                        n_failures = n_failures if event.kind == "hello" else 0
                        away_since = self._pacing.now()
                error: TunewellError = _ended()
            except TunewellError as caught:
                error = caught
            n_failures += 1
            self._pause(error, n_failures, away_since)

    def close(self) -> None:
        """End the iteration from any thread, also while it waits for bytes."""
        self._closed.set()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connection(self) -> Generator[Event]:
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self._last_id is not None:
            headers["Last-Event-ID"] = self._last_id
        parser = SseParser()
        with self._transport.stream("/events", params=self._params, headers=headers, idle_s=IDLE_S) as response:
            self._socket = _socket_of(response)
            for piece in response.iter_raw():
                if self._closed.is_set():
                    return
                for message in parser.feed(piece):
                    event = _event(message)
                    yield event
                    self._remember(event)

    def _remember(self, event: Event) -> None:
        # The hello of a resumed stream carries the cursor of *now*: events before it are still to come.
        if event.event_id and (event.kind != "hello" or self._last_id is None):
            self._last_id = event.event_id

    def _pause(self, error: TunewellError, n_failures: int, away_since: float) -> None:
        if self._closed.is_set():
            return
        retry = decide_retry(error, n_failures, jitter=self._pacing.jitter())
        if retry is None or self._pacing.now() + retry.delay_s - away_since > self._patience_s:
            raise error
        self._pacing.sleep(retry.delay_s)

    def _wait(self, seconds: float) -> None:
        self._closed.wait(seconds)


def _event(message: Message) -> Event:
    try:
        data = json.loads(message.data)
    except ValueError as error:
        raise ServerFailure(Problem("bad_answer", "the event stream sent something that is not JSON")) from error
    return Event(message.event, data if isinstance(data, dict) else {}, message.event_id)


def _socket_of(response: httpx.Response) -> socket.socket | None:
    network = response.extensions.get("network_stream")
    found = network.get_extra_info("socket") if network is not None else None
    return found if isinstance(found, socket.socket) else None


def _ended() -> ServerUnreachable:
    return ServerUnreachable(Problem("connection_lost", "the server ended the event stream"))
