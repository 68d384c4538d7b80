"""A study's history for a chart: as many trials as it can show apart, however many there are."""

from __future__ import annotations

from typing import cast

import numpy as np
from sqlalchemy.orm import Session

from api.errors import Invalid, nearest
from api.schemas.history import HistoryQuery, HistoryRead
from api.services.lookup import get_study
from api.services.objectives import metrics_of
from api.services.thinning import Flags, Floats, Ints, apart, column_width, round_digits
from db.columns import Results, list_results
from db.lifecycle import TrialState
from db.records import StudyRecord
from db.types import decode_float
from search.types import Direction

_FEW = 5
"""Up to so many trials a column are all sent: that is what a column's extremes may come to."""


def read_history(session: Session, ref: str, query: HistoryQuery) -> HistoryRead:
    """Return the ended trials of a study that a chart of one objective shows.

    Raises:
        NotFound: `study_not_found`.
        Invalid: `unknown_objective`.
    """
    study = get_study(session, ref)
    place = _place_of(study, query.metric)
    # The study's `rev` is read before the rows: what ends in between is newer than it says, never older.
    results = list_results(session, study.id, is_single=place == 0)
    values = _values(results, metrics_of(study)[place], is_first=place == 0)
    states = np.array(results.states, dtype=object)
    is_finite = np.isfinite(values)
    is_pruned = (states == TrialState.PRUNED) & is_finite
    is_shown = ((states == TrialState.COMPLETE) & is_finite) | is_pruned
    numbers = np.array(results.numbers, np.int64)[is_shown]
    keep = _keep(numbers, values[is_shown], is_pruned[is_shown], query)
    return HistoryRead(
        study_id=study.id,
        rev=study.rev,
        metric=metrics_of(study)[place],
        direction=cast(Direction, study.directions[place]),
        n_complete=int(is_shown.sum() - is_pruned.sum()),
        n_pruned=int(is_pruned.sum()),
        n_failed=int((states == TrialState.FAIL).sum()),
        is_whole=bool(keep.all()),
        numbers=numbers[keep].tolist(),
        is_pruned=is_pruned[is_shown][keep].tolist(),
        values=round_digits(values[is_shown][keep]).tolist(),
    )


def _place_of(study: StudyRecord, metric: str | None) -> int:
    metrics = metrics_of(study)
    if metric is None:
        return 0
    if metric not in metrics:
        raise Invalid(
            "unknown_objective", f"{metric!r} is no objective of this study", "metric", nearest(metric, metrics)
        )
    return metrics.index(metric)


def _values(results: Results, metric: str, *, is_first: bool) -> Floats:
    """Return a value a trial, NaN where there is none."""
    if not is_first:
        return np.array([_found(values, metric) for values in results.values], np.float64)
    # None becomes NaN.
    firsts = np.array(results.value, np.float64)
    for place in np.flatnonzero(np.isnan(firsts)).tolist():
        firsts[place] = _found(results.values[place], metric)
    return firsts


def _found(values: object, metric: str) -> float:
    found = values.get(metric) if isinstance(values, dict) else None
    return float("nan") if found is None else decode_float(found)


def _keep(numbers: Ints, values: Floats, is_pruned: Flags, query: HistoryQuery) -> Flags:
    """Say which trials stay: states are thinned apart, since a chart draws each in a colour of its own."""
    keep = np.ones(len(numbers), dtype=np.bool_)
    if len(numbers) <= _FEW * query.n_columns:
        return keep
    width = column_width(float(numbers[-1] - numbers[0] + 1), query.n_columns)
    for group in (is_pruned, ~is_pruned):
        keep[group] = apart(np.floor(numbers[group] / width), values[group], query.n_rows)
    return keep
