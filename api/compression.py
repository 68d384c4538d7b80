"""Answers compressed on their way out. Plain ASGI; only what is whole, is text, and holds no secret.

A stream passes as it is: events must leave at once, and what is downloaded (artifacts, data, logs, exports) keeps its
length, its ranges and its own compression. So does whatever answers another method than GET: tokens are made by POST,
and an answer that holds a secret beside text of the caller's would tell the secret by its length (BREACH).
"""

from __future__ import annotations

import zlib
from typing import Final

import anyio.to_thread
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_FAST: Final = 3  # of gzip's levels: a tenth larger than the best, in a third of its time
_LARGE_BYTES: Final = 500  # a smaller answer fits into one packet anyway
_LONG_BYTES: Final = 64_000  # takes so long that other requests should not wait for it
_UNTOUCHED: Final = ("/api/v1/tokens", "/api/v1/session")
_TEXTS: Final = frozenset({"application/json", "text/plain"})
_OF_FILES: Final = ("content-encoding", "content-disposition", "etag")  # files and downloads see to themselves
_GZIP: Final = 16 + zlib.MAX_WBITS


def reads_gzip(headers: Headers) -> bool:
    """Return whether a caller takes an answer in gzip, by its `Accept-Encoding` (RFC 9110, 12.5.3)."""
    weights = dict(_weighed(part) for part in headers.get("accept-encoding", "").split(","))
    return weights.get("gzip", weights.get("*", 0.0)) > 0


class Compression:
    """Compresses answers to GET that are text, whole and larger than a packet, where the caller reads gzip."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"].startswith(_UNTOUCHED):
            await self._app(scope, receive, send)
            return
        await self._app(scope, receive, _Outlet(send, is_gzip_read=reads_gzip(Headers(scope=scope))).send)


class _Outlet:
    """One answer; its head waits for its first bytes, which say whether it is whole."""

    def __init__(self, send: Send, *, is_gzip_read: bool) -> None:
        self._send = send
        self._is_gzip_read = is_gzip_read
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_text(message):
            self._head = message
            return
        head, self._head = self._head, None
        if head is not None:
            is_whole = message["type"] == "http.response.body" and not message.get("more_body", False)
            if is_whole and len(message.get("body", b"")) >= _LARGE_BYTES:
                message = await self._packed(head, message)
            await self._send(head)
        await self._send(message)

    async def _packed(self, head: Message, message: Message) -> Message:
        # A copy: the list may be the framework's own.
        headers = MutableHeaders(raw=list(head["headers"]))
        headers.add_vary_header("Accept-Encoding")
        if self._is_gzip_read:
            body: bytes = message["body"]
            is_long = len(body) >= _LONG_BYTES
            body = await anyio.to_thread.run_sync(_compress, body) if is_long else _compress(body)
            headers["Content-Encoding"] = "gzip"
            headers["Content-Length"] = str(len(body))
            message = {**message, "body": body}
        head["headers"] = headers.raw
        return message


def _is_text(head: Message) -> bool:
    headers = Headers(raw=head["headers"])
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in _TEXTS and head["status"] != 206 and not any(name in headers for name in _OF_FILES)


def _compress(body: bytes) -> bytes:
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _GZIP)
    return packer.compress(body) + packer.flush()


def _weighed(part: str) -> tuple[str, float]:
    name, _, rest = part.partition(";")
    key, _, value = rest.strip().partition("=")
    try:
        weight = float(value) if key.strip().lower() == "q" else 1.0
    except ValueError:
        weight = 0.0
    return name.strip().lower(), weight
