"""Named queries on where attempts ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import AttemptRow, WorkerRow


@dataclass(frozen=True, slots=True)
class Place:
    """The worker of one attempt."""

    attempt_no: int
    worker_id: int
    name: str
    host: str
    version: str
    environment: Mapping[str, Any] | None


def list_places(session: Session, trial_id: int) -> list[Place]:
    """Return where the attempts at a trial ran, the first in front; without those whose worker is unknown."""
    statement = (
        select(
            AttemptRow.attempt_no,
            WorkerRow.id,
            WorkerRow.name,
            WorkerRow.host,
            WorkerRow.version,
            WorkerRow.environment,
        )
        .join(WorkerRow, WorkerRow.id == AttemptRow.worker_id)
        .where(AttemptRow.trial_id == trial_id)
        .order_by(AttemptRow.attempt_no)
    )
    return [Place(*row) for row in session.execute(statement)]
