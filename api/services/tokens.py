"""Use cases on credentials."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy.orm import Session

from api.errors import Conflict, NotFound
from api.schemas.tokens import TokenCreate, TokenCreated, TokenList, TokenRead
from api.transaction import Tx
from db import tokens


def create(tx: Tx, body: TokenCreate, secret: str) -> TokenCreated:
    """Store a token's hash and return the token, this once.

    Args:
        tx: Open transaction.
        body: What it is for.
        secret: At least 256 random bits as text.
    """
    token = f"tw_{secret}"
    token_id = tokens.insert_token(
        tx.session, name=body.name, role=body.role, token=token, expires_in_s=body.expires_in_s
    )
    tx.name_target(f"token {token_id}: {body.name} ({body.role})")
    return TokenCreated(**_read(tx.session, token_id).model_dump(), token=token)


def list_tokens(session: Session) -> TokenList:
    """Return every token without its secret, the newest first."""
    return TokenList(items=[_show(record) for record in tokens.list_tokens(session)])


def revoke(tx: Tx, token_id: int) -> TokenRead:
    """Make a token worthless.

    Raises:
        NotFound: `token_not_found`.
        Conflict: `wrong_state`: it is revoked already.
    """
    is_done = tokens.revoke_token(tx.session, token_id)
    read = _read(tx.session, token_id)
    tx.name_target(f"token {token_id}: {read.name} ({read.role})")
    if not is_done:
        raise Conflict("wrong_state", f"token {token_id} ({read.name}) is revoked already", "token_id")
    return read


def _read(session: Session, token_id: int) -> TokenRead:
    record = tokens.find_token(session, token_id)
    if record is None:
        raise NotFound("token_not_found", f"there is no token {token_id}", "token_id", "list them: GET /api/v1/tokens")
    return _show(record)


def _show(record: tokens.TokenRecord) -> TokenRead:
    values = asdict(record)
    return TokenRead(token_id=values.pop("id"), **values)
