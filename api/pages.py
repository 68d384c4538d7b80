"""The dashboard and the API's documentation, from files; no request to any other host."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

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
_NEVER_VIEWS = ("api/", "assets/", "vendor/")


def add_pages(app: FastAPI, root: Path) -> None:
    """Serve `/docs`, the dashboard's files, and its index page for every path that is a view of it."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_DOCS)

    files = StaticFiles(directory=root, check_dir=False)

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str, request: Request) -> Response:
        try:
            response = await files.get_response(path or "index.html", request.scope)
        except (HTTPException, RuntimeError) as error:  # no such file, or nothing is built
            if path.startswith(_NEVER_VIEWS):
                raise HTTPException(404) from error
            return _index(root)
        response.headers["Cache-Control"] = _FOREVER if path.startswith("assets/") else "no-cache"
        return response


def _index(root: Path) -> Response:
    """Answer a view's address, whatever it is: names of studies may well look like names of files."""
    index = root / "index.html"
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT)
    return FileResponse(index, headers={"Cache-Control": "no-cache"})
