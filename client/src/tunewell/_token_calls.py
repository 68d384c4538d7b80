"""Calls about credentials, for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from tunewell._calls import Calls, Query, items_of
from tunewell._decode import decode
from tunewell.audit import AuditEntry
from tunewell.tokens import BrowserSession, NewToken, Token


class TokenCalls(Calls):
    """Make, list and revoke tokens; look after the browsers that signed in with one; see who did what."""

    def create_token(
        self, name: str, role: Literal["admin", "user", "worker"], *, expires_in_s: float | None = None
    ) -> NewToken:
        """Make a token; its text is in this answer alone, the server keeps a hash.

        Args:
            name: Who or what it is for.
            role: admin: everything. user: studies. worker: the worker protocol.
            expires_in_s: Seconds from now on, at least 60; None: never.

        Raises:
            Forbidden: The caller is no administrator.
        """
        body = {"name": name, "role": role, "expires_in_s": expires_in_s}
        return decode(NewToken, self._transport.json("POST", "/tokens", body=body))

    def list_tokens(self) -> tuple[Token, ...]:
        """Read every token without its text, the newest first; those of the server's settings are not among them."""
        return items_of(Token, self._transport.json("GET", "/tokens"))

    def revoke_token(self, token_id: int) -> Token:
        """Make a token worthless at once.

        Raises:
            NotFound: There is none of this id.
            Conflict: It is revoked already.
        """
        return decode(Token, self._transport.json("POST", f"/tokens/{token_id}:revoke"))

    def list_sessions(self) -> tuple[BrowserSession, ...]:
        """Read which browsers are signed in: all for administrators, else those of the caller's own token."""
        return items_of(BrowserSession, self._transport.json("GET", "/sessions"))

    def end_session(self, session_id: int) -> None:
        """Sign a browser out, at once.

        Raises:
            NotFound: No such one is signed in, or not with the caller's token.
        """
        self._transport.json("POST", f"/sessions/{session_id}:revoke")

    def list_audit(
        self,
        *,
        who: str = "",
        action: str = "",
        result: Literal["done", "refused"] | None = None,
        since: datetime | None = None,
    ) -> Iterator[AuditEntry]:
        """Read what people changed, which networks they downloaded and who was refused, the newest first.

        Args:
            who: Name of a token, in full; empty: all.
            action: Part of method and route, such as `DELETE` or `/tokens`; empty: all.
            result: Only changes that were made, or only refusals.
            since: Not before; with a time zone.

        Raises:
            Forbidden: The caller is no administrator.
        """
        given = {"who": who, "action": action, "result": result, "since": since.isoformat() if since else None}
        params: Query = {name: value for name, value in given.items() if value}
        return self._pages(AuditEntry, "/audit", params)
