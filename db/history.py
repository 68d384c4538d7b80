"""Named queries for samplers: what a study's trials have shown, and which of them may still be replaced.

Trials that confirm others are left out everywhere: a sampler learns nothing of a point by seeing it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Integer, bindparam, or_, select, update
from sqlalchemy.orm import Session

from db.lifecycle import OPEN_TRIALS, TrialState
from db.metric_tables import MetricSeriesRow
from db.metrics import decode_value
from db.records import TrialRecord, columns, fetch_all, find_one, select_record
from db.tables import TrialRow

# Statements of the hot path are built once: building one costs several times what running it does.
_FINISHED = (
    select_record(TrialRecord)
    .where(
        TrialRow.study_id == bindparam("the_study"),
        TrialRow.finished_rev > bindparam("the_start"),
        TrialRow.finished_rev <= bindparam("the_end"),
        TrialRow.confirms.is_(None),
    )
    .order_by(TrialRow.number)
)
_OPEN = (
    select_record(TrialRecord)
    .where(
        TrialRow.study_id == bindparam("the_study"),
        or_(TrialRow.state.in_(OPEN_TRIALS), TrialRow.finished_rev > bindparam("the_rev")),
        TrialRow.confirms.is_(None),
    )
    .order_by(TrialRow.number)
)
_LAST_POINTS = (
    select(TrialRow.number, MetricSeriesRow.latest_step, MetricSeriesRow.latest_value, MetricSeriesRow.latest_kind)
    .join(MetricSeriesRow, MetricSeriesRow.trial_id == TrialRow.id)
    .where(
        TrialRow.study_id == bindparam("the_study"),
        TrialRow.state == TrialState.PRUNED,
        TrialRow.finished_rev > bindparam("the_start"),
        TrialRow.finished_rev <= bindparam("the_end"),
        TrialRow.confirms.is_(None),
        MetricSeriesRow.name == bindparam("the_metric"),
        MetricSeriesRow.latest_step.is_not(None),
    )
)
_EQUAL = (
    select_record(TrialRecord)
    .where(
        TrialRow.study_id == bindparam("the_study"),
        TrialRow.state == TrialState.COMPLETE,
        TrialRow.value.is_not(None),
        TrialRow.confirms.is_(None),
        TrialRow.params.in_(bindparam("the_params", expanding=True, type_=TrialRow.params.type)),
    )
    .order_by(TrialRow.number)
)
_REUSED = (
    select(TrialRow.reused_from)
    .where(TrialRow.study_id == bindparam("the_study"), TrialRow.cell.is_not(None))
    .order_by(TrialRow.cell.desc())
    .limit(bindparam("the_limit", type_=Integer()))
)
_REPLACE = (
    update(TrialRow)
    .where(TrialRow.id == bindparam("the_id"), TrialRow.state == TrialState.WAITING, TrialRow.n_attempts == 0)
    .returning(*columns(TrialRecord))
)


def list_finished(session: Session, study_id: int, start: int, end: int) -> list[TrialRecord]:
    """Return the trials that ended after the study's change `start`, up to its change `end`, by number."""
    return fetch_all(session, TrialRecord, _FINISHED, {"the_study": study_id, "the_start": start, "the_end": end})


def list_open(session: Session, study_id: int, rev: int) -> list[TrialRecord]:
    """Return the trials that were open at the study's change `rev`, by number.

    Those are the ones which are open now and, where transactions see each other's commits, which ended meanwhile.
    """
    return fetch_all(session, TrialRecord, _OPEN, {"the_study": study_id, "the_rev": rev})


def last_points(session: Session, study_id: int, metric: str, start: int, end: int) -> dict[int, tuple[int, float]]:
    """Return the last step and value of a metric of each PRUNED trial, by number.

    Args:
        session: Open transaction.
        study_id: The study.
        metric: Name of the metric.
        start: Only trials that ended after this change of the study.
        end: Only trials that ended up to this change of the study.
    """
    values = {"the_study": study_id, "the_metric": metric, "the_start": start, "the_end": end}
    rows: list[Any] = list(session.execute(_LAST_POINTS, values))
    return {row.number: (row.latest_step, decode_value(row.latest_value, row.latest_kind)) for row in rows}


def find_equal(session: Session, study_id: int, params: Sequence[Mapping[str, Any]]) -> list[TrialRecord]:
    """Return the COMPLETE trials of a study whose parameters are among `params`, by number."""
    if not params:
        return []
    wanted = [dict(one) for one in params]
    return fetch_all(session, TrialRecord, _EQUAL, {"the_study": study_id, "the_params": wanted})


def count_last_reused(session: Session, study_id: int, limit: int) -> int:
    """Count how many of the sampler's last trials took the result of an earlier one, without a gap; at most `limit`."""
    count = 0
    for reused_from in session.execute(_REUSED, {"the_study": study_id, "the_limit": limit}).scalars():
        if reused_from is None:
            break
        count += 1
    return count


def replace_waiting(session: Session, trial_id: int, values: Mapping[str, Any]) -> TrialRecord | None:
    """Change columns of a trial that waits and never ran, and return it; None where it did or does."""
    return find_one(session, TrialRecord, _REPLACE.values(**values), {"the_id": trial_id})
