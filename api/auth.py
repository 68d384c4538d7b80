"""Who calls, and what they may do. Closed by default: a test walks all routes and finds a stated role on each."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.errors import Forbidden, Unauthorized
from api.state import Control, control_of
from db.tokens import find_holder


class Role(StrEnum):
    """admin: everything. user: studies and what belongs to them. worker: the worker protocol."""

    ADMIN = "admin"
    USER = "user"
    WORKER = "worker"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name of the token, and its role. Without a token it is `ANYBODY`."""

    name: str
    role: Role


ANYBODY = Caller("anonymous", Role.ADMIN)


def caller_of(control: Control, authorization: str | None) -> Caller:
    """Return who calls.

    Raises:
        Unauthorized: `token_missing`, or `token_unknown` for one that is not in force (also where none is needed).
    """
    if not authorization:
        if control.settings.needs_tokens:
            raise Unauthorized(
                "token_missing",
                "this server requires a token",
                "Authorization",
                "send the header `Authorization: Bearer <token>` (SDK and CLI: set TUNEWELL_TOKEN)",
            )
        return ANYBODY
    scheme, _, token = authorization.partition(" ")
    caller = _find_caller(control, token.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        raise Unauthorized("token_unknown", "the token is unknown, expired or revoked", "Authorization")
    return caller


def role_of(control: Control, authorization: str | None) -> Role:
    """Return the caller's role; raises what `caller_of` does."""
    return caller_of(control, authorization).role


def _find_caller(control: Control, token: str) -> Caller | None:
    settings = control.settings
    for secret, role in (
        (settings.admin_token, Role.ADMIN),
        (settings.user_token, Role.USER),
        (settings.worker_token, Role.WORKER),
    ):
        known = secret.get_secret_value()
        if known and hmac.compare_digest(known.encode(), token.encode()):
            return Caller(str(role), role)
    with control.ledger.read() as session:
        stored = find_holder(session, token)
    return None if stored is None else Caller(stored[0], Role(stored[1]))


def require(*allowed: Role) -> Callable[[Request], Awaitable[Control]]:
    """Return a dependency that admits callers of the given roles (and admins) and hands out the control plane."""

    async def check(request: Request) -> Control:
        control = control_of(request)
        given = request.headers.get("authorization")
        # Only a token can mean a look into the database, which must not hold up the event loop.
        role = await run_in_threadpool(role_of, control, given) if given else role_of(control, given)
        if role is not Role.ADMIN and role not in allowed:
            needed = " or ".join(sorted({*allowed, Role.ADMIN}))
            raise Forbidden("role_forbidden", f"the role {role} may not do this", "Authorization", f"needs {needed}")
        return control

    check.allowed_roles = frozenset({*allowed, Role.ADMIN})  # type: ignore[attr-defined]
    return check


def _name_of(request: Request) -> str:
    return caller_of(control_of(request), request.headers.get("authorization")).name


ForUsers = Annotated[Control, Depends(require(Role.USER))]
ForWorkers = Annotated[Control, Depends(require(Role.WORKER))]
ForAll = Annotated[Control, Depends(require(Role.USER, Role.WORKER))]
ForAdmins = Annotated[Control, Depends(require())]
# The name by which the caller's token is known: the role's for a token from the settings.
CallerName = Annotated[str, Depends(_name_of)]
