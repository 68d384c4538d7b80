"""What the API refuses, and how each refusal looks to the caller.

ApiError                   anything this service refuses, with a stable code and an HTTP status
├── Invalid           422  a payload that breaks a rule
├── Unauthorized      401  no token, or one that is unknown or expired
├── Forbidden         403  a token whose role may not do this, or a foreign origin
├── NotFound          404  no such thing
├── Conflict          409  the request does not fit the state of things
│   └── LeaseLost     409  the attempt is no longer the caller's
├── TooSlow           408  a body that did not come in time
├── TooLarge          413  a body over its limit
├── TooManyRequests   429  more than the limit, or wrong too often; says when to come again
└── Unavailable       503  a part that this request needs does not answer
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from difflib import get_close_matches


class ApiError(Exception):
    """A refusal that names the rule, the offending value and what would be accepted."""

    status = 500

    def __init__(
        self,
        code: str,
        message: str,
        field: str | None = None,
        hint: str | None = None,
        *,
        span: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field or None
        self.hint = hint or None
        # Seconds after which the same request may pass; None where time changes nothing.
        self.retry_after_s: float | None = None
        # The characters of the field's text that it is about: the first one, from 0, and the one after the last.
        self.span = span


class Invalid(ApiError):
    """A payload that breaks a rule."""

    status = 422


class Unauthorized(ApiError):
    """No token, or one that is unknown or expired."""

    status = 401


class Forbidden(ApiError):
    """A token whose role may not do this, or a foreign origin."""

    status = 403


class NotFound(ApiError):
    """No such thing."""

    status = 404


class Conflict(ApiError):
    """The request does not fit the state of things."""

    status = 409


class LeaseLost(Conflict):
    """The attempt or evaluation is no longer the caller's: stop the work and write nothing more."""

    def __init__(self, work_id: int, kind: str = "attempt") -> None:
        super().__init__(
            "lease_lost",
            f"{kind} {work_id} is not, or no longer, held with this lease token",
            "lease_token",
            f"stop this {kind} and claim new work",
        )


class TooLarge(ApiError):
    """A body over its limit."""

    status = 413


class TooSlow(ApiError):
    """A body that did not come in time."""

    status = 408


class TooManyRequests(ApiError):
    """More than the limit, or wrong too often."""

    status = 429

    def __init__(self, code: str, message: str, retry_after_s: float) -> None:
        whole_s = max(1, math.ceil(retry_after_s))
        super().__init__(code, message, None, f"try again in {whole_s} s")
        self.retry_after_s = whole_s


class Unavailable(ApiError):
    """A part that this request needs does not answer."""

    status = 503


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known name, and all names where there are few."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    listed = f"known: {', '.join(names)}" if len(names) <= 20 else f"{len(names)} are known"
    return f"did you mean {close[0]!r}? ({listed})" if close else listed
