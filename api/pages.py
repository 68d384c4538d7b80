"""The dashboard and the API's documentation, from files; no request to any other host."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.compression import reads_gzip

_NOT_BUILT = """<!doctype html><html lang="en"><title>Tunewell</title><body>
<h1>The dashboard is not built</h1><p>Run <code>make dashboard</code> and reload.
The API works without it: <a href="/openapi.json">/openapi.json</a>.</p>"""
_DOCS = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Tunewell API</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/favicon.svg"><link rel="stylesheet" href="/vendor/swagger/swagger-ui.css"></head>
<body><div id="swagger"></div>
<script src="/vendor/swagger/swagger-ui-bundle.js"></script>
<script src="/vendor/swagger/init.js"></script></body></html>"""
_FOREVER = "public, max-age=31536000, immutable"  # names of built assets carry their hash
_INDEX, _TWIN = "index.html", ".gz"
_NEVER_VIEWS = ("api/", "assets/", "vendor/")


def add_pages(app: FastAPI, root: Path) -> None:
    """Serve `/docs`, the dashboard's files, and its index page for every path that is a view of it."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_DOCS)

    files = _Files(directory=root, check_dir=False)

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str, request: Request) -> Response:
        try:
            response = await files.get_response(path or _INDEX, request.scope)
        except (HTTPException, RuntimeError) as error:  # no such file, or nothing is built
            if path.startswith(_NEVER_VIEWS):
                raise HTTPException(404) from error
            # A view's address, whatever it is: names of studies may well look like names of files.
            path, response = _INDEX, await _index(files, request)
        response.headers["Cache-Control"] = _FOREVER if path.startswith("assets/") else "no-cache"
        return response


class _Files(StaticFiles):
    """Files with their compressed twins `NAME.gz`, which the build has made: sent where the caller reads gzip."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or its twin under the file's own name.

        Raises:
            HTTPException: There is no such file.
        """
        if path.endswith(_TWIN):
            raise HTTPException(404)  # the twin of a file is no page of its own
        twin = await self._find_twin(path, scope)
        response = twin or await super().get_response(path, scope)
        response.headers.add_vary_header("Accept-Encoding")
        return response

    async def _find_twin(self, path: str, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        # Ranges are of the file itself: what resumes a download must find the bytes that it began with.
        if "range" in headers or not reads_gzip(headers):
            return None
        try:
            response = await super().get_response(path + _TWIN, scope)
        except HTTPException:
            return None
        response.headers["Content-Encoding"] = "gzip"
        return response


async def _index(files: _Files, request: Request) -> Response:
    try:
        return await files.get_response(_INDEX, request.scope)
    except (HTTPException, RuntimeError):
        return HTMLResponse(_NOT_BUILT)
