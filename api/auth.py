"""Who calls, and what they may do. Closed by default: a test walks all routes and finds a stated role on each."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool

from api.audit import actor_of
from api.browser import address_of, csrf_token_of, is_csrf_token, secret_in
from api.errors import Forbidden, Unauthorized
from api.roles import Role
from api.state import Control, control_of
from db.browser_sessions import find_session, is_renewal_due, renew_session
from db.tokens import find_holder, hash_token

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. Without credentials, where none are needed, it is `ANYBODY`.

    Attributes:
        name: Of the token, also of the one that a browser signed in with.
        role: What it may do.
        token_sha256: Hash of that token; empty for anybody.
        session_id: The browser's sign-in, where the request came with its cookie.
        csrf_token: What that browser has to send along with changes.
    """

    name: str
    role: Role
    token_sha256: str = ""
    session_id: int | None = None
    csrf_token: str | None = None


ANYBODY = Caller("anonymous", Role.ADMIN)


def caller_of(control: Control, authorization: str | None, address: str = "") -> Caller:
    """Return who calls with a header `Authorization`, or without, from a network address where that is known.

    Raises:
        Unauthorized: `token_missing`, or `token_unknown` for one that is not in force (also where none is needed).
        TooManyRequests: `too_many_failures`.
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
    if scheme.lower() != "bearer":
        raise Unauthorized("token_unknown", "the token is unknown, expired or revoked", "Authorization")
    return admit(control, token.strip(), address, "Authorization")


def admit(control: Control, token: str, address: str, field: str) -> Caller:
    """Return the holder of a token that somebody sends.

    Raises:
        Unauthorized: `token_unknown`.
        TooManyRequests: `too_many_failures`: it was not looked at.
    """
    sha256 = hash_token(token)
    control.limits.check_patience(token, sha256, address)
    caller = find_caller(control, sha256)
    control.limits.note_token(token, sha256, address, is_right=caller is not None)
    if caller is None:
        raise Unauthorized("token_unknown", "the token is unknown, expired or revoked", field)
    return caller


def find_caller(control: Control, sha256: str) -> Caller | None:
    """Return the holder of the token with this hash; None where it is not, or no longer, in force."""
    settings = control.settings
    for secret, role in (
        (settings.admin_token, Role.ADMIN),
        (settings.user_token, Role.USER),
        (settings.worker_token, Role.WORKER),
    ):
        known = secret.get_secret_value()
        if known and hmac.compare_digest(hash_token(known), sha256):
            return Caller(str(role), role, sha256)
    with control.ledger.read() as session:
        stored = find_holder(session, sha256)
    return None if stored is None else Caller(stored[0], Role(stored[1]), sha256)


async def identify(request: Request) -> Caller:
    """Return who calls, by token or by a browser's cookie; a token comes first. Asked once a request.

    Raises:
        Unauthorized: As `caller_of`, and `session_over` for a cookie that is worth nothing any more.
        Forbidden: `csrf_token_wrong`: a change that comes with a cookie alone.
        TooManyRequests: `too_many_failures`, `too_many_requests`.
    """
    control = control_of(request)
    caller = await _identify(control, request)
    # Workers are paced by what they are answered, and one token may serve many of them.
    if caller.token_sha256 and caller.role is not Role.WORKER:
        control.limits.spend_request(caller.token_sha256)
    request.state.known_as = (caller.name, caller.role.value)
    return caller


async def _identify(control: Control, request: Request) -> Caller:
    given = request.headers.get("authorization")
    secret = secret_in(request)
    # Only credentials can mean a look into the database, which must not hold up the event loop.
    if given:
        return await run_in_threadpool(caller_of, control, given, address_of(request))
    if secret is None:
        return caller_of(control, None)
    caller = await run_in_threadpool(_signed_in, control, secret)
    if caller is None:
        if control.settings.needs_tokens:
            raise Unauthorized("session_over", "this browser is not signed in any more", "Cookie", "sign in again")
        return ANYBODY
    if request.method not in _SAFE and not is_csrf_token(secret, request.headers.get("x-csrf-token", "")):
        hint = "send the header `X-CSRF-Token` with what `GET /api/v1/session` says, or a token instead of the cookie"
        raise Forbidden("csrf_token_wrong", "a change needs more than the browser's cookie", "X-CSRF-Token", hint)
    return caller


def _signed_in(control: Control, secret: str) -> Caller | None:
    idle_s = control.settings.session_idle_s
    with control.ledger.read() as session:
        found = find_session(session, secret)
        is_due = found is not None and is_renewal_due(session, found.id, idle_s)
    holder = None if found is None else find_caller(control, found.token_sha256)
    if found is None or holder is None:
        return None
    if is_due:
        with control.ledger.write() as tx:
            renew_session(tx.session, found.id, idle_s)
    return replace(holder, session_id=found.id, csrf_token=csrf_token_of(secret))


CurrentCaller = Annotated[Caller, Depends(identify)]


def require(*allowed: Role) -> Callable[[Request, Caller], Awaitable[Control]]:
    """Return a dependency that admits callers of the given roles (and admins) and hands out the control plane.

    What people change by it is remembered in the audit log; what workers may do too is not: that is the work itself.
    """
    is_work = Role.WORKER in allowed

    async def check(request: Request, caller: CurrentCaller) -> Control:
        if caller.role is not Role.ADMIN and caller.role not in allowed:
            needed = " or ".join(sorted({*allowed, Role.ADMIN}))
            message = f"the role {caller.role} may not do this"
            raise Forbidden("role_forbidden", message, "Authorization", f"needs {needed}")
        control = control_of(request)
        if is_work or request.method in _SAFE or _is_piece(request):
            return control
        return control.on_behalf_of(actor_of(request, caller.name, caller.role.value))

    check.allowed_roles = frozenset({*allowed, Role.ADMIN})  # type: ignore[attr-defined]
    return check


def _is_piece(request: Request) -> bool:
    # An upload's begin and end are told; its hundreds of pieces are not.
    return request.method == "PATCH" and "upload_id" in request.path_params


def _name_of(caller: CurrentCaller) -> str:
    return caller.name


ForUsers = Annotated[Control, Depends(require(Role.USER))]
ForWorkers = Annotated[Control, Depends(require(Role.WORKER))]
ForAll = Annotated[Control, Depends(require(Role.USER, Role.WORKER))]
ForAdmins = Annotated[Control, Depends(require())]
# The name by which the caller's token is known: the role's for a token from the settings.
CallerName = Annotated[str, Depends(_name_of)]
