"""Named queries on all trials of a study at once, with nothing that charts do not need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Select, Text, and_, bindparam, case, cast, null, or_, select
from sqlalchemy.orm import Session

from db.lifecycle import FINISHED_TRIALS, OPEN_TRIALS, TrialState
from db.tables import TrialRow
from db.trial_conditions import phase_of
from db.types import microseconds_between, microseconds_since_1970

# As text: read in one go, which takes half as long as row by row. What is not needed where the first objective alone is
# asked for and known is not read.
_VALUES = case(
    (and_(TrialRow.value.is_not(None), bindparam("is_single", type_=Boolean())), null()),
    else_=cast(TrialRow.values, Text),
)
_ROWS = (
    select(
        TrialRow.id,
        TrialRow.number,
        phase_of(),
        cast(TrialRow.params, Text),
        TrialRow.value,
        _VALUES,
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

_RESULTS = (
    select(TrialRow.number, TrialRow.state, TrialRow.value, _VALUES)
    .where(
        TrialRow.study_id == bindparam("the_study"),
        TrialRow.confirms.is_(None),
        TrialRow.state.in_(FINISHED_TRIALS),
    )
    .order_by(TrialRow.number)
)
# Trials that samplers learn from, by their parameters alone.
_PARAMS = (
    select(cast(TrialRow.params, Text))
    .where(
        TrialRow.study_id == bindparam("the_study"),
        TrialRow.state.in_((TrialState.COMPLETE, TrialState.PRUNED)),
        TrialRow.confirms.is_(None),
    )
    .order_by(TrialRow.number)
)


class TrialLine(NamedTuple):
    """What charts need of one trial. A tuple, since making 50,000 dataclasses costs as much as reading their rows.

    Attributes:
        trial_id: Its id.
        number: In its study.
        phase: Its state, or PAUSED.
        params: Of the active parameters.
        value: The first objective where it is finite.
        values: By metric, as stored: finite, or one of the three words of `encode_float`. None where only `value` is
            asked for, and there.
        violations: One a constraint on outcomes, encoded alike; None where there are none.
        started_us: Microseconds since 1970; None before it ran.
        duration_us: From its start to its end; None before.
    """

    trial_id: int
    number: int
    phase: str
    params: Mapping[str, Any]
    value: float | None
    values: Mapping[str, Any] | None
    violations: list[Any] | None
    started_us: int | None
    duration_us: int | None


def list_lines(
    session: Session, study_id: int, after_rev: int | None = None, *, is_single: bool = False
) -> list[TrialLine]:
    """Return the trials of a study by number, those that confirm others left out.

    Args:
        session: Open transaction.
        study_id: The study.
        after_rev: Only those that may have changed since this change of the study: open ones, and ended ones since.
        is_single: Whether of the values only the first objective is asked for.
    """
    asked: dict[str, Any] = {"the_study": study_id, "is_single": is_single}
    if after_rev is None:
        rows = _all(session, _ROWS, asked)
    else:
        rows = _all(session, _LATER, {**asked, "the_rev": after_rev})
    params, values = _read(row[3] for row in rows), _read(row[5] for row in rows)
    return [
        TrialLine(row[0], row[1], row[2], of_row, row[4], measured, *row[6:])
        for row, of_row, measured in zip(rows, params, values, strict=True)
    ]


class Results(NamedTuple):
    """Numbers, states and values of ended trials, each a column; `value` and `values` as those of a `TrialLine`."""

    numbers: Sequence[int]
    states: Sequence[str]
    value: Sequence[float | None]
    values: Sequence[Mapping[str, Any] | None]


def list_results(session: Session, study_id: int, *, is_single: bool) -> Results:
    """Return what the ended trials of a study achieved, by number, those that confirm others left out.

    Args:
        session: Open transaction.
        study_id: The study.
        is_single: Whether of the values only the first objective is asked for.
    """
    asked = {"the_study": study_id, "is_single": is_single}
    found: tuple[list[Any], ...] = ([], [], [], [])
    # Some rows at a time: 50,000 at once keep the garbage collector as long as the database.
    for rows in session.connection().execute(_RESULTS, asked).partitions(500):
        for column, values in zip(found, zip(*rows, strict=True), strict=True):
            column.extend(values)
    numbers, states, value, texts = found
    return Results(numbers, states, value, _read(texts))


def _all(session: Session, statement: Select[Any], asked: Mapping[str, Any]) -> Sequence[Any]:
    # Past the ORM, which makes a list and a tuple of each row anew: half of the time where there are 50,000.
    return session.connection().execute(statement, asked).all()


def list_finished_params(session: Session, study_id: int) -> list[Mapping[str, Any]]:
    """Return the parameters of the trials that completed or were pruned, by number, but for those that confirm."""
    return _read(row[0] for row in _all(session, _PARAMS, {"the_study": study_id}))


def _read(texts: Iterable[str | None]) -> list[Any]:
    found: list[Any] = json.loads(f"[{','.join([text or 'null' for text in texts])}]")
    return found
