"""Sessions that run statements, and nothing else of the ORM."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session


class CoreSession(Session):
    """A session whose statements go straight to its connection.

    Queries here return columns and never objects, so the ORM's loading and its synchronising of objects would be work
    for nothing: it is most of the cost of a small statement.
    """

    def execute(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement on the session's connection."""
        return self.connection().execute(statement, params, **options)
