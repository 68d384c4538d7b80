"""Turn what HTTP says into the errors of this package."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import httpx

from tunewell.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LeaseLost,
    NotFound,
    Problem,
    ServerBusy,
    ServerFailure,
    ServerUnreachable,
    TunewellError,
    Unauthorized,
)

BY_STATUS: dict[int, type[TunewellError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    429: ServerBusy,
    502: ServerBusy,
    503: ServerBusy,
    504: ServerBusy,
}
START_HINT = "start one with `make up`, or name another with --server or TUNEWELL_SERVER"


def from_network(error: Exception, server: str) -> TunewellError:
    """Map an exception of the HTTP library: nothing answered, or not to the end."""
    if isinstance(error, httpx.InvalidURL):
        return Invalid(Problem("server_address", f"{server} is not a usable address: {error}"))
    if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
        hint = "the server may be overloaded, or something between is swallowing the answer: try again"
        return ServerUnreachable(Problem("timeout", f"the server at {server} did not answer in time", hint=hint))
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
        text = f"no Tunewell server answers at {server}: {_reason(error)}"
        return ServerUnreachable(Problem("server_unreachable", text, hint=START_HINT))
    text = f"the connection to {server} broke: {_reason(error)}"
    return ServerUnreachable(Problem("connection_lost", text, hint="try again; the server may be restarting"))


def from_response(response: httpx.Response, server: str, *, has_token: bool) -> TunewellError:
    """Map an answer that is not a success to one error, with the server's own words where it sent any.

    Args:
        response: The answer, its body read.
        server: The address, for the message.
        has_token: Whether the request carried a token, which decides what to advise on a 401.
    """
    problem = _problem(response, server)
    if problem.code == "lease_lost":
        return LeaseLost(problem)
    if response.status_code == 401 and not problem.hint:
        problem = replace(problem, hint=_token_hint(has_token))
    default = ServerFailure if response.status_code >= 500 or response.is_redirect else Invalid
    return BY_STATUS.get(response.status_code, default)(problem)


def _problem(response: httpx.Response, server: str) -> Problem:
    retry_after_s = _retry_after_s(response)
    detail = _detail(response)
    if detail is None:
        return _foreign(response, server, retry_after_s)
    code, message = detail.get("code"), detail.get("message")
    return Problem(
        code=str(code) if code else f"http_{response.status_code}",
        message=str(message) if message else f"the server answered {response.status_code}",
        field=_text(detail.get("field")),
        hint=_text(detail.get("hint")),
        status=response.status_code,
        retry_after_s=retry_after_s,
    )


def _foreign(response: httpx.Response, server: str, retry_after_s: float | None) -> Problem:
    """Describe an answer without our error shape: a proxy, or another program at that address."""
    status = response.status_code
    words = f"{status} {response.reason_phrase}".strip()
    hint = "is this address a Tunewell server, and not something else's?"
    if status in (429, 502, 503, 504):
        hint = "the server, or a proxy before it, is overloaded or restarting: try again"
    message = f"the server at {server} answered {words} to {response.request.method} {response.request.url.path}"
    return Problem(f"http_{status}", message, hint=hint, status=status, retry_after_s=retry_after_s)


def _detail(response: httpx.Response) -> Mapping[str, object] | None:
    try:
        body = response.json()
    except (json.JSONDecodeError, UnicodeDecodeError, httpx.ResponseNotRead):
        return None
    detail = body.get("error") if isinstance(body, dict) else None
    return detail if isinstance(detail, dict) else None


def _token_hint(has_token: bool) -> str:
    if has_token:
        return "the server does not know this token: check TUNEWELL_TOKEN or --token, or `tunewell login` again"
    return "`tunewell login`, set TUNEWELL_TOKEN, or pass --token"


def _retry_after_s(response: httpx.Response) -> float | None:
    text = response.headers.get("Retry-After", "")
    return float(text) if text.isascii() and text.isdigit() and len(text) < 6 else None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _reason(error: Exception) -> str:
    return str(error).rstrip(".") or type(error).__name__
