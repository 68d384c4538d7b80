"""Requests that never come whole: heads that grow or do not end, bodies that stop, trailers without end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress

import pytest
import uvicorn
from starlette.types import Message, Receive, Scope, Send
from uvicorn.server import ServerState

from api.guard import Guard
from api.protocol import MAX_HEAD_BYTES, BoundedHttp

WHOLE = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class Hasty(BoundedHttp):
    """Waits only shortly."""

    head_s = 0.1


class HastyGuard(Guard):
    """Waits only shortly."""

    pause_s = 0.1


async def _read_and_answer(_scope: Scope, receive: Receive, send: Send) -> None:
    n_bytes, has_more = 0, True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        n_bytes, has_more = n_bytes + len(message["body"]), message["more_body"]
    body = str(n_bytes).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _connected(
    kind: type[BoundedHttp],
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    loop, config = asyncio.get_running_loop(), uvicorn.Config(_read_and_answer, ws="none", log_level="critical")
    server = await loop.create_server(lambda: kind(config, ServerState(), {}, loop), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield reader, writer
    finally:
        writer.close()
        server.close()


def _answer_to(sent: bytes, *more: bytes, kind: type[BoundedHttp] = BoundedHttp, n_answers: int = 0) -> bytes:
    """Send bytes, and the next ones after each answer.

    Returns:
        What came until there were `n_answers` answers, or where it is 0 until the server closed the connection.
    """

    async def talk() -> bytes:
        async with _connected(kind) as (reader, writer):
            found, left = b"", [*more]
            writer.write(sent)
            with suppress(ConnectionError):  # closed while we still sent
                while got := await reader.read(1 << 16):
                    found += got
                    n_found = found.count(b"HTTP/1.1 ") if found[-1:].isdigit() else 0
                    if n_answers and n_found == n_answers:
                        break
                    if n_found and left:
                        writer.write(left.pop(0))
            return found

    return asyncio.run(asyncio.wait_for(talk(), 30.0))


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_head_that_does_not_come_ends_the_connection(begun: bytes) -> None:
    assert _answer_to(begun, kind=Hasty) == b""


def test_one_that_does_not_come_after_a_whole_request_ends_it_too() -> None:
    assert _answer_to(WHOLE, b"GET / HT", kind=Hasty).count(b"HTTP/1.1 200 OK") == 1


def test_whole_requests_are_answered_one_after_another() -> None:
    large = WHOLE[:-2] + b"X-Large: " + b"x" * (MAX_HEAD_BYTES // 2) + b"\r\n\r\n"
    assert _answer_to(*[large] * 4, n_answers=4).count(b"HTTP/1.1 200 OK") == 4


def _longest(start: bytes, repeated: bytes) -> bytes:
    return (start + repeated * MAX_HEAD_BYTES)[: MAX_HEAD_BYTES + 1]


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX-Large: "], ids=["address", "header"])
def test_a_head_that_grows_is_refused(start: bytes) -> None:
    # No byte more than is read before the refusal: the kernel would reset the connection for the rest.
    assert _answer_to(_longest(start, b"x")).startswith(b"HTTP/1.1 431 ")
    assert _answer_to(_longest(b"GET / HTTP/1.1\r\n", b"X: y\r\n")).startswith(b"HTTP/1.1 431 ")


def test_a_body_in_many_small_chunks_is_no_large_head_but_trailers_are() -> None:
    answer = _answer_to(POST + b"1\r\nx\r\n" * MAX_HEAD_BYTES + b"0\r\n\r\n", n_answers=1)
    assert answer.endswith(b"\r\n\r\n%d" % MAX_HEAD_BYTES)
    # More than is read at once: what comes in one piece with the end of the body is not counted.
    assert _answer_to(POST + b"1\r\nx\r\n0\r\n" + b"X-Trailer: y\r\n" * MAX_HEAD_BYTES) == b""


def _guarded(messages: Iterable[Message], headers: dict[str, str]) -> list[Message]:
    """Send a request through the guard whose body stops after `messages`; return what was answered."""
    sent: list[Message] = []
    left = list(messages)

    async def receive() -> Message:
        if left:
            return left.pop(0)
        await asyncio.get_running_loop().create_future()  # never comes
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    given = {"host": "127.0.0.1", "content-type": "application/json", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/studies",
        "query_string": b"",
        "headers": [(key.encode(), value.encode()) for key, value in given.items()],
    }
    guard = HastyGuard(_read_and_answer, ["127.0.0.1"], 1000)
    asyncio.run(asyncio.wait_for(guard(scope, receive, send), 30.0))
    return sent


def test_a_body_that_stops_is_refused_and_a_whole_one_is_not() -> None:
    part: Message = {"type": "http.request", "body": b"[1,", "more_body": True}
    end: Message = {"type": "http.request", "body": b"2]", "more_body": False}
    start, body = _guarded([part], {"content-length": "5"})
    assert start["status"] == 408
    assert json.loads(body["body"])["error"]["code"] == "body_too_slow"
    assert (b"connection", b"close") in start["headers"]
    assert _guarded([part, end], {"content-length": "5"})[0]["status"] == 200
