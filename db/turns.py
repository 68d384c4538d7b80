"""Named queries on whose turn it is: which studies may have work for a claim, and what of the slots they hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from db.lifecycle import AttemptState
from db.tables import AttemptRow, StudyRow, TrialRow

_SLOTS = 1024  # of a worker at most, so that one number stands for a worker's slot


@dataclass(frozen=True, slots=True)
class Claimable:
    """A running study that may have work.

    Attributes:
        study_id: The study.
        owner: Whose it is.
        priority: Higher ones are served first.
        share: Its part of what its owner gets, beside the owner's other studies; above 0.
        turns: How far it is served: grows with each claim, by less the larger its part is.
    """

    study_id: int
    owner: str
    priority: int
    share: float
    turns: float


@dataclass(frozen=True, slots=True)
class Held:
    """The slots that train trials of a study."""

    study_id: int
    owner: str
    n_slots: int


def list_held(session: Session, queues: Sequence[str]) -> list[Held]:
    """Return the slots that each study of some queues holds; trials that train together in one count once."""
    # An attempt that names no slot has one to itself.
    place = func.coalesce(AttemptRow.worker_id * _SLOTS + AttemptRow.slot, -AttemptRow.id)
    statement = (
        select(StudyRow.id, StudyRow.owner, func.count(place.distinct()))
        .join(TrialRow, TrialRow.study_id == StudyRow.id)
        .join(AttemptRow, AttemptRow.trial_id == TrialRow.id)
        .where(AttemptRow.state == AttemptState.RUNNING, StudyRow.queue.in_(queues))
        .group_by(StudyRow.id, StudyRow.owner)
    )
    return [Held(*row) for row in session.execute(statement)]


def note_turns(session: Session, study_id: int, turns: float) -> None:
    """Keep how far a study is served."""
    session.execute(update(StudyRow).where(StudyRow.id == study_id).values(turns=turns))
