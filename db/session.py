"""Sessions that run statements, and nothing else of the ORM."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import Session


class CoreSession(Session):
    """A session whose statements go straight to its connection.

    Queries here return columns and never objects, so the ORM's loading and its synchronising of objects would be work
    for nothing: it is most of the cost of a small statement.
    """

    _link: Connection | None = None

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement on the session's connection."""
        if self._link is None or self._link.closed:  # asking the session costs more than a small statement
            self._link = self.connection()
        return self._link.execute(statement, params, **options)
