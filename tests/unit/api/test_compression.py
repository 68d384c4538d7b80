"""What leaves the server compressed, and what never does."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.types import ASGIApp

from api.compression import Compression, reads_gzip
from api.pages import add_pages

LONG = {"numbers": list(range(40_000))}
SCRIPT = b"export const answer = 42;\n" * 100


async def _pieces() -> AsyncIterator[str]:
    yield "data: " + "x" * 1_000
    yield "\n\n"


def _always(answer: Response) -> Callable[[Request], Response]:
    return lambda _request: answer


def _api() -> ASGIApp:
    app = FastAPI()
    answers: dict[str, Response] = {
        "/long": JSONResponse(LONG, headers={"Vary": "Origin"}),
        "/middle": JSONResponse({"text": "x" * 1_000}),
        "/short": JSONResponse({"ok": True}),
        "/metrics": PlainTextResponse("x 1\n" * 500),
        "/picture": Response(b"\0" * 1_000, media_type="image/png"),
        "/download": JSONResponse(LONG, headers={"Content-Disposition": "attachment"}),
        "/packed": Response(gzip.compress(b"x" * 900), media_type="text/plain", headers={"Content-Encoding": "gzip"}),
        "/part": PlainTextResponse("x" * 1_000, status_code=206, headers={"Content-Range": "bytes 0-999/2000"}),
        "/empty": Response(status_code=204),
        "/api/v1/tokens": JSONResponse(LONG),
    }
    for path, answer in answers.items():
        app.add_route(path, _always(answer), methods=["GET", "POST"])
    app.add_route("/stream", lambda _request: StreamingResponse(_pieces(), media_type="text/plain"))
    return Compression(app)


def ask(app: ASGIApp, path: str, encoding: str = "gzip", method: str = "GET", **headers: str) -> httpx.Response:
    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as http:
            return await http.request(method, path, headers={"Accept-Encoding": encoding, **headers})

    return asyncio.run(call())


@pytest.mark.parametrize("path", ["/long", "/middle", "/metrics"])
def test_a_whole_text_is_compressed_for_whoever_reads_that(path: str) -> None:
    app = _api()
    packed, plain = ask(app, path), ask(app, path, "identity")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < len(plain.content) / 2
    assert "Accept-Encoding" in packed.headers["vary"]
    assert packed.headers["vary"] == plain.headers["vary"]


def test_what_an_answer_varied_by_before_stays() -> None:
    assert ask(_api(), "/long").headers["vary"] == "Origin, Accept-Encoding"


@pytest.mark.parametrize("path", ["/short", "/picture", "/download", "/part", "/empty", "/stream", "/api/v1/tokens"])
def test_what_is_short_streamed_downloaded_or_secret_passes_as_it_is(path: str) -> None:
    app = _api()
    asked, plain = ask(app, path), ask(app, path, "identity")
    assert "content-encoding" not in asked.headers
    assert asked.content == plain.content
    assert asked.headers.raw == plain.headers.raw


def test_what_is_compressed_already_is_left_alone() -> None:
    assert ask(_api(), "/packed").content == b"x" * 900


def test_answers_to_changes_are_never_compressed() -> None:
    app = _api()
    assert "content-encoding" not in ask(app, "/long", method="POST").headers
    assert ask(app, "/long").headers["content-encoding"] == "gzip"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("gzip, deflate, br", True),
        ("GZIP;q=0.5", True),
        ("*", True),
        ("br;q=1, *;q=0.1", True),
        ("", False),
        ("br, identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, *", False),
        ("gzip;q=lots", False),
        ("x-gzipped", False),
    ],
)
def test_what_a_caller_reads_is_taken_from_its_word(given: str, expected: bool) -> None:
    assert reads_gzip(Headers({"Accept-Encoding": given})) is expected


@pytest.fixture
def pages(tmp_path: Path) -> ASGIApp:
    """Serve a dashboard as the build leaves it: one script with its twin, one without."""
    (tmp_path / "assets").mkdir()
    for name, content in {"index.html": b"<!doctype html>" + b" " * 600, "assets/page-1a2b.js": SCRIPT}.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
    (tmp_path / "assets" / "tiny-3c4d.js").write_bytes(b"1")
    app = FastAPI()
    add_pages(app, tmp_path)
    return Compression(app)


def test_a_file_is_sent_as_the_twin_that_the_build_has_made(pages: ASGIApp) -> None:
    packed, plain = ask(pages, "/assets/page-1a2b.js"), ask(pages, "/assets/page-1a2b.js", "identity")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content == SCRIPT
    assert packed.headers["content-type"] == plain.headers["content-type"]
    assert packed.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
    assert packed.headers["etag"] != plain.headers["etag"]


def test_hashed_files_are_kept_for_good_and_the_page_that_names_them_is_asked_for_each_time(pages: ASGIApp) -> None:
    caching: Mapping[str, str] = {
        path: ask(pages, path).headers["cache-control"]
        for path in ("/assets/page-1a2b.js", "/assets/tiny-3c4d.js", "/", "/studies/a.gz", "/studies/" + "n" * 300)
    }
    kept = "public, max-age=31536000, immutable"
    assert list(caching.values()) == [kept, kept, "no-cache", "no-cache", "no-cache"]


def test_a_page_that_has_not_changed_is_not_sent_again(pages: ASGIApp) -> None:
    for encoding in ("gzip", "identity"):
        tag = ask(pages, "/studies", encoding).headers["etag"]
        again = ask(pages, "/studies", encoding, **{"If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"


def test_a_range_is_of_the_file_itself(pages: ASGIApp) -> None:
    part = ask(pages, "/assets/page-1a2b.js", Range="bytes=7-11")
    assert (part.status_code, part.content) == (206, SCRIPT[7:12])
    assert "content-encoding" not in part.headers


def test_a_file_without_twin_is_sent_as_it_is_and_a_twin_is_no_file(pages: ASGIApp) -> None:
    assert ask(pages, "/assets/tiny-3c4d.js").content == b"1"
    refused = ask(pages, "/assets/page-1a2b.js.gz")
    assert refused.status_code == 404


def test_what_is_not_built_says_how_to_build_it(tmp_path: Path) -> None:
    app = FastAPI()
    add_pages(app, tmp_path / "nowhere")
    answer = ask(app, "/studies")
    assert "make dashboard" in answer.text
    assert json.loads(ask(app, "/assets/x.js").text)["detail"] == "Not Found"
