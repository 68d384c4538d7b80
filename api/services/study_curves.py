"""One metric of many trials for a chart: as many points as it can show, whatever the curves are long.

An answer is bounded twice. Points: all curves share `MAX_TOTAL`. Work: where reading every point would take too long,
overviews of the trials that are over stand for them; their bins are a power of two wide and so are columns, hence a
column keeps the same extremes whichever of the two was read.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from api.errors import Invalid, nearest
from api.schemas.forecasts import Forecast
from api.schemas.studies import Curve, CurvesQuery, CurvesRead, StudySpec
from api.services.forecasts import list_forecasts
from api.services.lookup import get_study
from api.services.members import split_name
from api.services.overviews import Points, stream_overviews, stream_points
from api.services.thinning import Floats, column_width, extremes, round_digits
from api.services.views import spec_of
from db import curves
from db.curves import CurveHead
from db.lifecycle import TrialState
from db.studies import escape_like
from models import catalogue
from models.catalogue.metrics import TRAINING_METRICS

MAX_TOTAL = 160_000
"""Points of an answer, about: as many as a chart of 570 by 280 has pixels."""
MAX_ROWS = 300_000
"""Points that are read one by one where overviews could stand for them: about a third of a second."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How an answer is thinned: columns of `width` on the x axis, for curves of more than `limit` points."""

    width: float
    limit: int

    def thin(self, points: Points, xs: Floats) -> tuple[Points, Floats]:
        """Return the points that stay, and their places on the x axis."""
        if len(xs) <= self.limit or self.width <= 0:
            return points, xs
        keep = extremes(np.floor(xs / self.width), points.values)
        keep[[0, -1]] = True
        return points.only(keep), xs[keep]


def read_curves(session: Session, ref: str, query: CurvesQuery) -> CurvesRead:
    """Return one metric (the objective where none is named) of a study's newest trials.

    Raises:
        Invalid: `unknown_metric`; `window_bounds`, for a window whose end lies before its start.
    """
    study = get_study(session, ref)
    name = _metric_of(spec_of(study), query)
    if query.low is not None and query.high is not None and query.low > query.high:
        message = f"low is {query.low:g} and high is {query.high:g}: low must not be above high"
        raise Invalid("window_bounds", message, "low", "swap low and high")
    pattern = f"{escape_like(name)}@r%f%" if query.members else None
    wanted = curves.CurveFilter(name, query.max_trials, query.numbers, pattern)
    n_trials, heads = curves.list_heads(session, study.id, wanted)
    heads = [one for one in heads if name in (one.name, split_name(one.name)[0])]  # the pattern admits others
    column, found = _read(session, heads, query)
    is_judged = name == spec_of(study).objectives[0].metric
    running = [one.trial_id for one in heads if is_judged and one.state == TrialState.RUNNING]
    forecasts = list_forecasts(session, running)
    shown = [_show(one, found.get(one.series_id), query, forecasts) for one in heads]
    return CurvesRead(metric=name, n_trials=n_trials, column=column, curves=shown)


def _metric_of(spec: StudySpec, query: CurvesQuery) -> str:
    name = query.metric or spec.objectives[0].metric
    known = _known_metrics(spec)
    if split_name(name)[0] not in known:
        raise Invalid("unknown_metric", f"no metric {name!r} in this study", "metric", nearest(name, known))
    return name


def _known_metrics(spec: StudySpec) -> list[str]:
    """Return the names of the metrics that a study's trials can have."""
    if not spec.model:  # a study of Optuna's, whose trials report their objective alone
        return [objective.metric for objective in spec.objectives]
    return [info.name for info in (*catalogue.metrics_for(spec.model, spec.dataset), *TRAINING_METRICS)]


Found = dict[int, tuple[Points, Floats]]


def _read(session: Session, heads: Sequence[CurveHead], query: CurvesQuery) -> tuple[float | None, Found]:
    """Read the points of curves, thinned, with their places on the x axis, by series.

    Returns:
        How wide a column is (None where every point is there), and what was read.
    """
    limit = max(4, min(query.max_points, MAX_TOTAL // max(len(heads), 1)))
    if query.x == "time":
        return _read_by_time(session, heads, query, limit)
    last = max((one.latest_step for one in heads), default=0)
    low, high = query.low or 0.0, last if query.high is None else min(query.high, last)
    columns = Columns(max(1.0, column_width(max(high - low, 0) + 1, limit // 2)), limit)
    found: Found = {}
    is_whole = True
    for series_id, points, is_all in _stream(session, heads, columns, query):
        if query.low is not None or query.high is not None:
            points = points.only((points.steps >= low) & (points.steps <= high))
        found[series_id] = columns.thin(points, points.steps.astype(np.float64))
        is_whole &= is_all and len(found[series_id][1]) == len(points.steps)
    return None if is_whole else columns.width, found


def _read_by_time(
    session: Session, heads: Sequence[CurveHead], query: CurvesQuery, limit: int
) -> tuple[float | None, Found]:
    """Read by seconds since each trial started: how wide columns are is known once all points are."""
    started_ms = {one.series_id: one.started_at.timestamp() * 1e3 for one in heads if one.started_at is not None}
    whole: Found = {}
    is_whole = True
    for series_id, points, is_all in _stream(session, heads, Columns(0.0, limit), CurvesQuery()):
        is_whole &= is_all
        xs = (points.at_ms - started_ms.get(series_id, float(points.at_ms[0]))) / 1e3
        is_inside = (xs >= (-math.inf if query.low is None else query.low)) & (
            xs <= (math.inf if query.high is None else query.high)
        )
        whole[series_id] = points.only(is_inside), np.asarray(xs[is_inside], np.float64)
    bounds = [(xs[0], xs[-1]) for _, xs in whole.values() if len(xs)]
    span = max((high for _, high in bounds), default=0.0) - min((low for low, _ in bounds), default=0.0)
    columns = Columns(column_width(max(span, 0.0), limit // 2), limit)
    found = {series_id: columns.thin(points, xs) for series_id, (points, xs) in whole.items()}
    is_whole &= all(len(xs) == len(found[series_id][1]) for series_id, (_, xs) in whole.items())
    return None if is_whole else columns.width, found


def _stream(
    session: Session, heads: Sequence[CurveHead], columns: Columns, query: CurvesQuery
) -> Iterator[tuple[int, Points, bool]]:
    """Yield curve, points, and whether they are all there are.

    Overviews stand for points where they say as much as the chart can show, or where all else is too much.
    """
    share = _share(heads, query)
    is_much = share * sum(one.n_points for one in heads) > MAX_ROWS
    short = {
        one.series_id
        for one in heads
        if one.bin_steps is not None
        and (is_much or (one.n_points * share > columns.limit and one.bin_steps <= columns.width))
    }
    for series_id, points in stream_overviews(session, short):
        yield series_id, points, False
    low = None if query.low is None else math.floor(query.low)
    high = None if query.high is None else math.ceil(query.high)
    others = [one.series_id for one in heads if one.series_id not in short]
    for series_id, points in stream_points(session, others, low, high):
        yield series_id, points, True


def _share(heads: Sequence[CurveHead], query: CurvesQuery) -> float:
    """Return about which share of all points the window holds."""
    last = max((one.latest_step for one in heads), default=0)
    low, high = max(query.low or 0.0, 0.0), last if query.high is None else min(query.high, last)
    return max(high - low, 0.0) / last if last else 1.0


def _show(
    head: CurveHead, found: tuple[Points, Floats] | None, query: CurvesQuery, forecasts: dict[int, Forecast]
) -> Curve:
    _, member = split_name(head.name)
    points, xs = found or (None, np.zeros(0))
    return Curve(
        trial_id=head.trial_id,
        number=head.number,
        state=head.state,
        repeat=None if member is None else member.repeat,
        fold=None if member is None else member.fold,
        n_points=head.n_points,
        steps=[] if points is None else points.steps.tolist(),
        values=[] if points is None else round_digits(points.values).tolist(),
        times_s=None if query.x == "step" else np.round(xs, 3).tolist(),
        forecast=forecasts.get(head.trial_id) if member is None else None,
    )
