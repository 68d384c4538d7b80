"""Credentials over HTTP."""

from __future__ import annotations

import secrets
from typing import Annotated

from fastapi import APIRouter, Header

from api.auth import ForAdmins, ForAll, role_of
from api.routes.common import Id, refusals
from api.schemas.tokens import SessionRead, TokenCreate, TokenCreated, TokenList, TokenRead
from api.services import tokens

router = APIRouter(tags=["tokens"])


@router.get("/session", responses=refusals())
def read_session(
    control: ForAll, authorization: Annotated[str | None, Header(include_in_schema=False)] = None
) -> SessionRead:
    """Say who the caller is, and whether this server wants tokens."""
    role = role_of(control, authorization)
    return SessionRead(role=role.value, needs_tokens=control.settings.needs_tokens)


@router.post("/tokens", status_code=201, responses=refusals())
def create_token(body: TokenCreate, control: ForAdmins) -> TokenCreated:
    """Make a token. It is shown in this answer alone; the database keeps a hash."""
    with control.ledger.write() as tx:
        return tokens.create(tx, body, secrets.token_urlsafe(32))


@router.get("/tokens", responses=refusals())
def list_tokens(control: ForAdmins) -> TokenList:
    """List tokens without their secrets."""
    with control.ledger.read() as session:
        return tokens.list_tokens(session)


@router.post("/tokens/{token_id}:revoke", responses=refusals(404, 409))
def revoke_token(token_id: Id, control: ForAdmins) -> TokenRead:
    """Make a token worthless at once."""
    with control.ledger.write() as tx:
        return tokens.revoke(tx, token_id)
