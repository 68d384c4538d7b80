"""Named queries on all trials of a study at once, with nothing that charts do not need."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Boolean, Text, and_, bindparam, case, cast, null, or_, select
from sqlalchemy.orm import Session

from db.lifecycle import OPEN_TRIALS
from db.tables import TrialRow
from db.types import microseconds_between, microseconds_since_1970

_ROWS = (
    select(
        TrialRow.id,
        TrialRow.number,
        TrialRow.state,
        # As text: read in one go, which takes half as long as row by row.
        cast(TrialRow.params, Text),
        TrialRow.value,
        # What is not needed where the first objective alone is asked for and known is not read.
        case(
            (and_(TrialRow.value.is_not(None), bindparam("is_single", type_=Boolean())), null()),
            else_=cast(TrialRow.values, Text),
        ),
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
        values: By metric, as stored: finite, or one of the three words of `encode_float`. None where only `value` is
            asked for, and there.
        violations: One a constraint on outcomes, encoded alike; None where there are none.
        started_us: Microseconds since 1970; None before it ran.
        duration_us: From its start to its end; None before.
    """

    trial_id: int
    number: int
    state: str
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
        rows = session.execute(_ROWS, asked).all()
    else:
        rows = session.execute(_LATER, {**asked, "the_rev": after_rev}).all()
    params, values = _read(row[3] for row in rows), _read(row[5] for row in rows)
    return [
        TrialLine(row[0], row[1], row[2], of_row, row[4], measured, *row[6:])
        for row, of_row, measured in zip(rows, params, values, strict=True)
    ]


def _read(texts: Iterable[str | None]) -> list[Any]:
    found: list[Any] = json.loads(f"[{','.join([text or 'null' for text in texts])}]")
    return found
