"""Parameters and answers that many routes share."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response

from api.schemas.base import ErrorRead

StudyRef = Annotated[str, Path(description="Id or name of a study", max_length=100, examples=["digits-mlp"])]
Id = Annotated[int, Path(ge=0, le=2**62)]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items of a page")]
PageCursor = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before")]

_MEANINGS = {
    401: "A token is needed, or the one given is not in force",
    403: "The token's role may not do this",
    404: "No such thing",
    409: "The request does not fit the state of things",
    413: "The body is too large",
    422: "The request breaks a rule; `field` and `hint` say which",
    429: "Too many requests, or too many wrong tokens: `Retry-After` says when to come again",
}


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route for OpenAPI; 401, 403, 422 and 429 can always happen."""
    return {
        status: {"model": ErrorRead, "description": _MEANINGS[status]}
        for status in sorted({401, 403, 422, 429, *statuses})
    }


def as_written(text: str) -> Response:
    """Return JSON text as an answer without building its shape anew, which costs more than all else for long ones."""
    return Response(text, media_type="application/json")
