"""Named queries on the memory of devices: what trainings took, and what is promised to those that run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.lifecycle import AttemptState
from db.tables import AttemptRow, MemoryPeakRow


@dataclass(frozen=True, slots=True)
class Promised:
    """What the running attempts on a device may take of it, and how many they are."""

    n_bytes: int
    n_attempts: int


def note_peaks(session: Session, study_id: int, structure: str, peaks: Mapping[int, int]) -> None:
    """Keep the most that so many lanes of a structure took, where that is more than was known.

    Args:
        session: Open transaction.
        study_id: The study.
        structure: Digest of what its lanes share.
        peaks: Bytes by number of lanes.
    """
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    for n_lanes, peak_bytes in sorted(peaks.items()):  # in one order, so that two that store the same cannot deadlock
        values = {"study_id": study_id, "structure": structure, "n_lanes": n_lanes, "peak_bytes": peak_bytes}
        adding = insert(MemoryPeakRow).values(values)
        is_more = adding.excluded.peak_bytes > MemoryPeakRow.peak_bytes
        key = ["study_id", "structure", "n_lanes"]
        set_ = {"peak_bytes": adding.excluded.peak_bytes}
        session.execute(adding.on_conflict_do_update(index_elements=key, set_=set_, where=is_more))


def find_peaks(session: Session, study_id: int, structure: str) -> dict[int, int]:
    """Return the most bytes that lanes of a structure took in a study, by their number; empty before any has."""
    statement = select(MemoryPeakRow.n_lanes, MemoryPeakRow.peak_bytes).where(
        MemoryPeakRow.study_id == study_id, MemoryPeakRow.structure == structure
    )
    return {row.n_lanes: row.peak_bytes for row in session.execute(statement)}


def find_largest(session: Session, study_id: int) -> int | None:
    """Return the most bytes that one lane of any structure took in a study; None before any did."""
    statement = select(func.max(MemoryPeakRow.peak_bytes)).where(
        MemoryPeakRow.study_id == study_id, MemoryPeakRow.n_lanes == 1
    )
    return session.execute(statement).scalar_one()


def find_promised(session: Session, device: str) -> Promised:
    """Return what the attempts that run on a device may take of it, whichever worker they are of."""
    statement = select(func.coalesce(func.sum(AttemptRow.reserved_bytes), 0), func.count()).where(
        AttemptRow.device == device, AttemptRow.state == AttemptState.RUNNING
    )
    n_bytes, n_attempts = session.execute(statement).one()
    return Promised(int(n_bytes or 0), n_attempts)


def note_attempt(session: Session, attempt_id: int, peak_bytes: int) -> None:
    """Keep the most that an attempt's process took, where that is more than was known."""
    known = func.coalesce(AttemptRow.peak_bytes, 0)
    larger = case((known > peak_bytes, known), else_=peak_bytes)
    session.execute(update(AttemptRow).where(AttemptRow.id == attempt_id).values(peak_bytes=larger))


def shrink_promise(session: Session, attempt_id: int, n_bytes: int) -> bool:
    """Let the process of an attempt, and all others it trains, have so much together, if that is less than before.

    Returns:
        Whether something became free.
    """
    own = select(AttemptRow.worker_id, AttemptRow.slot, AttemptRow.device, AttemptRow.reserved_bytes)
    found = session.execute(own.where(AttemptRow.id == attempt_id)).one_or_none()
    if found is None or found.device is None or found.slot is None or found.reserved_bytes is None:
        return False
    together = (
        AttemptRow.worker_id == found.worker_id,
        AttemptRow.slot == found.slot,
        AttemptRow.state == AttemptState.RUNNING,
    )
    n_attempts = session.execute(select(func.count()).where(*together)).scalar_one()
    share = math.ceil(n_bytes / max(1, n_attempts))
    if share >= found.reserved_bytes:
        return False
    session.execute(update(AttemptRow).where(*together, AttemptRow.reserved_bytes > share).values(reserved_bytes=share))
    return True
