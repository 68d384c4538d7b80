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
<link rel="stylesheet" href="/vendor/swagger/swagger-ui.css"></head><body><div id="swagger"></div>
<script src="/vendor/swagger/swagger-ui-bundle.js"></script>
<script src="/vendor/swagger/init.js"></script></body></html>"""
_FOREVER = "public, max-age=31536000, immutable"


def add_pages(app: FastAPI, root: Path) -> None:
    """Serve `/docs`, the dashboard's files, and its index page for every path that is a view of it."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(_DOCS)

    files = StaticFiles(directory=root, check_dir=False)

    @app.get("/{path:path}", include_in_schema=False)
    async def page(path: str, request: Request) -> Response:
        if path.startswith(("api/", "vendor/", "assets/")) or "." in path.rpartition("/")[2]:
            return await _file(files, path, request)
        index = root / "index.html"
        if not index.is_file():
            return HTMLResponse(_NOT_BUILT)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})


async def _file(files: StaticFiles, path: str, request: Request) -> Response:
    if path.startswith("api/"):
        raise HTTPException(404)
    try:
        response = await files.get_response(path, request.scope)
    except RuntimeError as error:  # the folder does not exist: nothing is built
        raise HTTPException(404) from error
    if path.startswith("assets/"):
        response.headers["Cache-Control"] = _FOREVER
    return response
