"""Everything that can go wrong, in one tree.

    TunewellError
    ├── ServerUnreachable      no answer: nothing listens there, the network is cut, or the answer took too long
    ├── Unauthorized           401: no token was sent, or the server does not know it
    ├── Forbidden              403: the token's role may not do this
    ├── NotFound               404: no such study, trial, worker or artifact
    ├── Conflict               409: the object is in a state that does not allow it
    │   └── LeaseLost          409 `lease_lost`: another worker may own the attempt; write nothing more
    ├── Invalid                other 4xx, and what the SDK itself refuses: the request can never succeed as it is
    └── ServerFailure          5xx, or an answer that this version cannot read
        └── ServerBusy         429, 502, 503, 504: the same request may succeed later

Each carries a stable `code`, the `message` (what is wrong), a `hint` (what to do), the `field` it is about and the HTTP
`status`, where there are any. HTTP libraries' own exceptions never leave this package; they are the `__cause__`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, in the shape in which the server tells it.

    Attributes:
        code: Stable word for programs, such as `name_taken`.
        message: One sentence for people.
        field: Path of the offending field, such as `search_space.learning_rate.low`.
        hint: What would be accepted, or what to do next.
        status: HTTP status of the answer; None where there was no answer.
        retry_after_s: Seconds the server asks to wait; None where it did not say.
    """

    code: str
    message: str
    field: str | None = None
    hint: str | None = None
    status: int | None = None
    retry_after_s: float | None = None


class TunewellError(Exception):
    """Base of all errors of this package."""

    def __init__(self, problem: Problem) -> None:
        """Keep the problem; the text of the exception is its message, field and hint."""
        super().__init__(problem)
        self.problem = problem

    @property
    def code(self) -> str:
        """Stable word for programs."""
        return self.problem.code

    @property
    def message(self) -> str:
        """What is wrong, in one sentence."""
        return self.problem.message

    @property
    def field(self) -> str | None:
        """Path of the offending field."""
        return self.problem.field

    @property
    def hint(self) -> str | None:
        """What to do about it."""
        return self.problem.hint

    @property
    def status(self) -> int | None:
        """HTTP status; None where there was no answer."""
        return self.problem.status

    def __str__(self) -> str:
        """Join field, message and hint into one line."""
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text} ({self.hint})" if self.hint else text


class ServerUnreachable(TunewellError):
    """No answer came from the address."""


class Unauthorized(TunewellError):
    """The server wants a token, or does not know the one it was given."""


class Forbidden(TunewellError):
    """The token is known, but its role may not do this."""


class NotFound(TunewellError):
    """There is no such object."""


class Conflict(TunewellError):
    """The object's present state does not allow it."""


class LeaseLost(Conflict):
    """The right to write for an attempt is gone: stop the trial and write nothing more."""


class Invalid(TunewellError):
    """The request breaks a rule and would be refused again."""


class ServerFailure(TunewellError):
    """The server failed, or answered something that this version cannot read."""


class ServerBusy(ServerFailure):
    """The server or a proxy before it cannot answer now; later it may."""
