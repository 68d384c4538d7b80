"""What every request passes before it reaches a route: host, origin, content type, size. Plain ASGI, no buffering."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import telemetry
from api.errors import ApiError, Forbidden, Invalid, TooLarge, TooSlow

PAUSE_S: Final = 30.0
"""How long a body may pause."""
JSON_S: Final = 120.0
"""How long a JSON body may take in all."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_CSP = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'"
)
SAFE_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", _CSP.encode()),
]


def error_body(error: ApiError) -> dict[str, object]:
    """Return the one JSON shape of every refusal."""
    detail: dict[str, object] = {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "hint": error.hint,
    }
    if error.span is not None:
        detail["span"] = error.span
    return {"error": detail}


class Guard:
    """Refuses what no route should see and counts what passes.

    Args:
        app: What is guarded.
        host_names: Names by which this server may be called; protects loopback against DNS rebinding.
        max_body_bytes: Largest JSON body. Uploads of artifacts and of data sets have limits of their own.
    """

    pause_s, json_s = PAUSE_S, JSON_S

    def __init__(self, app: ASGIApp, host_names: Iterable[str], max_body_bytes: int) -> None:
        self._app = app
        self._host_names = frozenset(host_names)
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_at = time.perf_counter()
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        answer = _Answer(send)
        try:
            self._check(scope, headers)
            await self._app(scope, self._limited(scope, receive, answer), answer.send)
        except ApiError as refusal:
            await answer.refuse(refusal)
        _count(scope, answer.status, time.perf_counter() - started_at)

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        _check_text(scope)
        host = headers.get("host", "")
        if _name_of(host) not in self._host_names:
            hint = "call it by a name it knows, or add the name to TUNEWELL_ALLOWED_HOSTS"
            raise Forbidden("host_unknown", f"this server is not called {_name_of(host)!r}", "Host", hint)
        if scope["method"] in _SAFE:
            return
        origin = headers.get("origin")
        if origin is not None and _netloc_of(origin) != host.lower():
            raise Forbidden("origin_foreign", f"a page of {origin} may not change anything here", "Origin")
        if headers.get("sec-fetch-site") == "cross-site":
            raise Forbidden("origin_foreign", "a page of another site may not change anything here", "Sec-Fetch-Site")
        if not _is_upload(scope):
            self._check_json(headers)

    def _check_json(self, headers: dict[str, str]) -> None:
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > self._max_body_bytes:
            raise self._too_large()
        has_body = "transfer-encoding" in headers or length not in ("", "0")
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if has_body and content_type != "application/json":
            hint = "send JSON with the header `Content-Type: application/json`"
            raise Invalid("not_json", f"the body's content type is {content_type!r}", "Content-Type", hint)

    def _limited(self, scope: Scope, receive: Receive, answer: _Answer) -> Receive:
        if _is_upload(scope):
            return _in_time(receive, answer, self.pause_s, None)
        receive_in_time = _in_time(receive, answer, self.pause_s, self.json_s)
        n_bytes = 0

        async def receive_limited() -> Message:
            nonlocal n_bytes
            message = await receive_in_time()
            n_bytes += len(message.get("body", b""))
            if n_bytes > self._max_body_bytes:
                # The framework answers 400 to whatever goes wrong while it reads a body: answer before it does.
                await answer.refuse(self._too_large())
                raise self._too_large()
            return message

        return receive_limited

    def _too_large(self) -> TooLarge:
        limit = self._max_body_bytes
        return TooLarge("body_too_large", f"the body is larger than {limit} bytes", hint="send less at a time")


def _in_time(receive: Receive, answer: _Answer, pause_s: float, whole_s: float | None) -> Receive:
    """Return a way to receive a body that must come in time; once it is whole, waiting is no fault."""
    loop = asyncio.get_running_loop()
    last_at = None if whole_s is None else loop.time() + whole_s
    is_whole = False

    async def receive_in_time() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        pause_ends_at = loop.time() + pause_s
        try:
            async with asyncio.timeout_at(pause_ends_at if last_at is None else min(pause_ends_at, last_at)):
                message = await receive()
        except TimeoutError:
            refusal = TooSlow("body_too_slow", "the rest of the body did not come in time", hint="send less, or faster")
            # The framework answers 400 to whatever goes wrong while it reads a body: answer before it does.
            await answer.refuse(refusal)
            raise refusal from None
        is_whole = not message.get("more_body", False)
        return message

    return receive_in_time


class _Answer:
    """The one answer to a request: completed with headers, and final once a refusal has gone out."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._has_started = False
        self._is_refused = False
        self.status = 500

    async def send(self, message: Message) -> None:
        """Pass a part of the application's answer on, unless the request was refused meanwhile."""
        if not self._is_refused:
            await self._pass(message)

    async def refuse(self, refusal: ApiError) -> None:
        """Answer with a refusal, unless an answer is under way."""
        if self._has_started:
            return
        self._is_refused = True
        body = json.dumps(error_body(refusal)).encode()
        # The request's body was not read: the connection cannot be used again.
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"connection", b"close"),
        ]
        await self._pass({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._pass({"type": "http.response.body", "body": body})

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._has_started = True
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *SAFE_HEADERS]}
        await self._send(message)


def _check_text(scope: Scope) -> None:
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise Invalid("text_nul", "the address holds a NUL character (%00)", hint="leave it out")


def _netloc_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return None


def _is_upload(scope: Scope) -> bool:
    path = scope["path"]
    is_piece = scope["method"] == "PATCH" and ("/datasets/uploads/" in path or "/code/uploads/" in path)
    return is_piece or (scope["method"] == "PUT" and "/artifacts/" in path)


def _name_of(host: str) -> str:
    name = host.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


def _count(scope: Scope, status: int, duration_s: float) -> None:
    route = getattr(scope.get("route"), "path", "other")
    telemetry.REQUESTS.labels(scope["method"], route, str(status)).inc()
    if not route.endswith("/events"):
        telemetry.DURATION.labels(route).observe(duration_s)
