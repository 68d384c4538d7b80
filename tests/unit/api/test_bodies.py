"""Long bodies are read as the standard library reads them, only sooner."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Body, FastAPI

from api.routes.bodies import LongBodyRoute


def answers(body: bytes) -> list[Any]:
    """Return what an ordinary route answers to a body, and what such a one does."""
    app = FastAPI()
    for name, kind in (("plain", APIRouter()), ("long", APIRouter(route_class=LongBodyRoute))):
        kind.add_api_route(f"/{name}", read, methods=["POST"])
        app.include_router(kind)

    async def ask() -> list[Any]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
            headers = {"Content-Type": "application/json"}
            found = [await client.post(f"/{name}", content=body, headers=headers) for name in ("plain", "long")]
        return [(one.status_code, one.json()) for one in found]

    return asyncio.run(ask())


def read(body: Any = Body()) -> str:  # noqa: B008 - a parameter of FastAPI's
    return repr(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": [1, 1.5, -0.0, 1e400, 123456789012345678901234567890], "b": null, "a": true}',
        b"[NaN, Infinity, -Infinity]",
        json.dumps("\ud800 alone").encode(),
        json.dumps("\u00e9 \U0001f642").encode("utf-16"),
        b"[" * 500 + b"]" * 500,
        b'"\\u00e9" ',
    ],
)
def test_what_can_be_read_is_the_same(body: bytes) -> None:
    plain, long = answers(body)
    assert plain[0] == 200
    assert long == plain


@pytest.mark.parametrize("body", [b'{"a": 1,}', b"[1 2]", b"nan", b'"\xff"', b'{"a": 01}', b'"a\nb"'])
def test_what_cannot_is_refused_in_the_same_words(body: bytes) -> None:
    plain, long = answers(body)
    assert plain[0] in (400, 422)
    assert long == plain
