"""HTTP/1.1 as uvicorn reads it, with an end to what never ends: heads of requests that grow, or that never come.

uvicorn bounds neither the bytes before a request reaches the application nor the time that they take.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024
"""Of a request's first line and headers, and of all else around its body: lengths of chunks, trailers."""
HEAD_S: Final = 20.0
"""How long a request's first line and headers may take, from the connection on or from the request before."""

_TOO_LARGE: Final = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


class BoundedHttp(HttpToolsProtocol):
    """Closes connections whose request does not arrive whole in time, or whose head is too large."""

    head_s = HEAD_S
    _n_bytes = 0  # since the last byte of a body, or the end of a request
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Take a connection: its first request has to come."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, unless what was read is too much for a head."""
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        self._n_bytes += len(data)
        super().data_received(data)
        if self._n_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            if self.cycle is None or self.cycle.response_complete:
                self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Hand a request to the application."""
        self._n_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._n_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request's body: what comes next is the head of another one."""
        self._n_bytes = 0
        super().on_message_complete()

    def _await_head(self) -> None:
        self._stop_timer()
        self._timer = self.loop.call_later(self.head_s, self._on_late)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _on_late(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self.transport.close()
