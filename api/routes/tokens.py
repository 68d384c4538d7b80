"""Credentials over HTTP."""

from __future__ import annotations

import secrets

from fastapi import APIRouter

from api.auth import ForAdmins
from api.routes.common import Id, refusals
from api.schemas.tokens import TokenCreate, TokenCreated, TokenList, TokenRead
from api.services import tokens

router = APIRouter(tags=["tokens"])


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
