"""Sign-ins of browsers over HTTP."""

from __future__ import annotations

import secrets

from fastapi import APIRouter, Request, Response

from api.audit import actor_of
from api.auth import Caller, CurrentCaller, ForAll, ForUsers
from api.browser import address_of, agent_of, csrf_token_of, drop_cookie, set_cookie
from api.routes.common import Id, refusals
from api.schemas.sessions import BrowserSessionList, SessionRead, SignIn
from api.services import sessions
from api.state import Control, control_of
from db.browser_sessions import NewSession

router = APIRouter(tags=["tokens"])


@router.get("/session", responses=refusals())
def read_session(control: ForAll, caller: CurrentCaller, response: Response) -> SessionRead:
    """Say who the caller is, and whether this server wants tokens."""
    return _show(control, caller, caller.csrf_token, response)


@router.post("/session", status_code=201, responses=refusals())
def sign_in(body: SignIn, request: Request, response: Response) -> SessionRead:
    """Sign a browser in with a token: the answer sets a cookie that scripts cannot read. Needs no other credentials."""
    control = control_of(request)
    holder = sessions.check_token(control, body.token, address_of(request))
    settings, secret = control.settings, secrets.token_urlsafe(32)
    new = NewSession(
        secret=secret,
        token_sha256=holder.token_sha256,
        name=holder.name,
        role=holder.role.value,
        address=address_of(request),
        agent=agent_of(request),
        idle_s=settings.session_idle_s,
        max_s=settings.session_max_s,
    )
    with control.on_behalf_of(actor_of(request, holder.name, holder.role.value)).ledger.write() as tx:
        sessions.sign_in(tx, new)
    set_cookie(request, response, secret, settings.session_max_s)
    return _show(control, holder, csrf_token_of(secret), response)


@router.delete("/session", status_code=204, responses=refusals())
def sign_out(control: ForAll, caller: CurrentCaller, request: Request) -> Response:
    """Sign this browser out. Without a cookie there is nothing to do."""
    if caller.session_id is not None:
        with control.on_behalf_of(actor_of(request, caller.name, caller.role.value)).ledger.write() as tx:
            sessions.end(tx, caller.session_id, caller)
    response = Response(status_code=204)
    drop_cookie(request, response)
    return response


@router.get("/sessions", responses=refusals())
def list_sessions(control: ForUsers, caller: CurrentCaller) -> BrowserSessionList:
    """List the browsers that are signed in: all for administrators, else those of the caller's own token."""
    with control.ledger.read() as session:
        return sessions.list_sessions(session, caller)


@router.post("/sessions/{session_id}:revoke", status_code=204, responses=refusals(404))
def revoke_session(session_id: Id, control: ForUsers, caller: CurrentCaller) -> Response:
    """Sign a browser out from elsewhere, at once."""
    with control.ledger.write() as tx:
        sessions.end(tx, session_id, caller)
    return Response(status_code=204)


def _show(control: Control, caller: Caller, csrf_token: str | None, response: Response) -> SessionRead:
    response.headers["Cache-Control"] = "no-store"
    return SessionRead(
        name=caller.name,
        role=caller.role.value,
        needs_tokens=control.settings.needs_tokens,
        csrf_token=csrf_token,
    )
