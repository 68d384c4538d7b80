"""Use cases on sign-ins of browsers."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.auth import Caller, admit
from api.errors import Forbidden, NotFound
from api.roles import Role
from api.schemas.sessions import BrowserSessionList, BrowserSessionRead
from api.state import Control
from api.transaction import Tx
from db import browser_sessions
from db.browser_sessions import NewSession, SessionRecord


def check_token(control: Control, token: str, address: str) -> Caller:
    """Return who a token lets in.

    Raises:
        TooManyRequests: `too_many_failures`: too many wrong ones came from that address.
        Unauthorized: `token_unknown`.
        Forbidden: `role_forbidden`: a worker's, with which nobody reads pages.
    """
    holder = admit(control, token.strip(), address, "token")
    if holder.role is Role.WORKER:
        message = "a worker's token signs no browser in"
        raise Forbidden("role_forbidden", message, "token", "use one with the role user or admin")
    return holder


def sign_in(tx: Tx, new: NewSession) -> int:
    """Store a sign-in and return its id. Effects: the token's oldest end where it has too many."""
    return browser_sessions.insert_session(tx.session, new)


def list_sessions(session: Session, caller: Caller) -> BrowserSessionList:
    """Return the browsers that are signed in: all for administrators, else those of the caller's own token."""
    found = browser_sessions.list_sessions(session, _reach(caller))
    return BrowserSessionList(items=[_show(record, caller) for record in found])


def end(tx: Tx, session_id: int, caller: Caller) -> None:
    """Sign a browser out.

    Raises:
        NotFound: `session_not_found`: none that lasts, or none of the caller's own.
    """
    if not browser_sessions.delete_session(tx.session, session_id, _reach(caller)):
        hint = "list them: GET /api/v1/sessions"
        raise NotFound("session_not_found", f"no browser is signed in as {session_id}", "session_id", hint)


def _reach(caller: Caller) -> str | None:
    return None if caller.role is Role.ADMIN else caller.token_sha256


def _show(record: SessionRecord, caller: Caller) -> BrowserSessionRead:
    return BrowserSessionRead(
        session_id=record.id,
        name=record.name,
        role=Role(record.role).value,
        address=record.address,
        agent=record.agent,
        created_at=record.created_at,
        seen_at=record.seen_at,
        expires_at=record.expires_at,
        is_current=record.id == caller.session_id,
    )
