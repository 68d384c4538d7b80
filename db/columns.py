"""Named queries on all trials of a study at once, with nothing that charts do not need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, bindparam, or_, select
from sqlalchemy.orm import Session

from db.lifecycle import OPEN_TRIALS
from db.tables import TrialRow
from db.types import microseconds_between, microseconds_since_1970

_ROWS = (
    select(
        TrialRow.id,
        TrialRow.number,
        TrialRow.state,
        TrialRow.params,
        TrialRow.value,
        TrialRow.values,
        TrialRow.outcome_constraints,
        # Numbers: making 100,000 times of them takes longer than reading the rows.
        microseconds_since_1970(TrialRow.started_at),
        microseconds_between(TrialRow.started_at, TrialRow.finished_at),
    )
    .where(TrialRow.study_id == bindparam("the_study"), TrialRow.confirms.is_(None))
    .order_by(TrialRow.number)
)
_LATER = _ROWS.where(
    or_(TrialRow.state.in_(OPEN_TRIALS), TrialRow.finished_rev > bindparam("the_rev", type_=BigInteger()))
)


class TrialLine(NamedTuple):
    """What charts need of one trial. A tuple, since making 50,000 dataclasses costs as much as reading their rows.

    Attributes:
        trial_id: Its id.
        number: In its study.
        state: As it is stored.
        params: Of the active parameters.
        value: The first objective where it is finite.
        values: By metric, as stored: finite, or one of the three words of `encode_float`.
        violations: One a constraint on outcomes, encoded alike; None where there are none.
        started_us: Microseconds since 1970; None before it ran.
        duration_us: From its start to its end; None before.
    """

    trial_id: int
    number: int
    state: str
    params: Mapping[str, Any]
    value: float | None
    values: Mapping[str, Any]
    violations: list[Any] | None
    started_us: int | None
    duration_us: int | None


def list_lines(session: Session, study_id: int, after_rev: int | None = None) -> list[TrialLine]:
    """Return the trials of a study by number, those that confirm others left out.

    Args:
        session: Open transaction.
        study_id: The study.
        after_rev: Only those that may have changed since this change of the study: open ones, and ended ones since.
    """
    if after_rev is None:
        return [TrialLine._make(row) for row in session.execute(_ROWS, {"the_study": study_id})]
    return [TrialLine._make(row) for row in session.execute(_LATER, {"the_study": study_id, "the_rev": after_rev})]
