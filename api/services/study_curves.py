"""One metric of many trials for a chart: as many points as it can show, whatever the curves are long.

An answer is bounded twice. Points: all curves share `MAX_TOTAL`. Work: where reading every point would take too long,
overviews of the trials that are over stand for them; their bins are a power of two wide and so are columns, hence a
column keeps the same extremes whichever of the two was read.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from api.errors import Invalid, nearest
from api.schemas.forecasts import Forecast
from api.schemas.studies import Curve, CurvesQuery, CurvesRead, StudySpec
from api.services.dataset_facts import dataset_of
from api.services.forecasts import list_forecasts
from api.services.lookup import get_study
from api.services.members import is_system, split_name
from api.services.overviews import stream_overviews
from api.services.thinning import Flags, Floats, column_width, extremes, round_digits
from api.services.views import spec_of
from db import curves
from db.blocks import Window
from db.curves import CurveHead
from db.lifecycle import TrialState
from db.packing import NO_POINTS, Points
from db.records import StudyRecord
from db.studies import escape_like
from models import catalogue
from models.catalogue.metrics import TRAINING_METRICS

MAX_TOTAL = 160_000
"""Points of an answer, about: as many as a chart of 570 by 280 has pixels."""
MAX_ROWS = 300_000
"""Points that are read one by one where overviews could stand for them: about a third of a second."""
THINNED_AT_ONCE = 65_536
"""Points that are held before they are thinned, about: what fits a processor's cache."""
PACKED_COST = 1 / 12
"""What reading a packed point costs, next to one that is a row."""
N_ASKED = 200
"""So many trials, the newest, are asked which metrics there are: scripts report what they like."""


Thinned = tuple[Points, Floats]
"""Points of a curve, and their places on the x axis."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How an answer is thinned: columns of `width` on the x axis, for curves of more than `limit` points."""

    width: float
    limit: int

    def thin(self, curves: Sequence[Thinned]) -> list[Thinned]:
        """Return of each curve the points that stay."""
        long = [place for place, (_, xs) in enumerate(curves) if self.width > 0 and len(xs) > self.limit]
        kept = list(curves)
        # All at once: of a thousand curves, calls into NumPy a curve take longer than what they compute.
        for place, keep in zip(long, self._flags([curves[place] for place in long]), strict=True):
            points, xs = curves[place]
            kept[place] = points.only(keep), xs[keep]
        return kept

    def _flags(self, curves: Sequence[Thinned]) -> list[Flags]:
        if not curves:
            return []
        ends = np.cumsum([len(xs) for _, xs in curves])
        bins = np.floor(np.concatenate([xs for _, xs in curves]) / self.width)
        bins -= bins.min()
        # Each curve's bins lie behind those of the curve before.
        bins += np.repeat(np.arange(len(curves)) * (bins.max() + 1), [len(xs) for _, xs in curves])
        keep = extremes(bins, np.concatenate([points.values for points, _ in curves]))
        keep[[0, *ends[:-1], *(ends - 1)]] = True
        return np.split(keep, ends[:-1])


def read_curves(session: Session, ref: str, query: CurvesQuery) -> CurvesRead:
    """Return one metric (the objective where none is named) of a study's newest trials.

    Raises:
        Invalid: `unknown_metric`; `window_bounds`, for a window whose end lies before its start.
    """
    study = get_study(session, ref)
    reported = _reported(session, study.id)
    name = query.metric or spec_of(study).objectives[0].metric
    _check_metric(session, study, name, reported)
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
    shown = [
        _show(one, of_curve, query, forecasts)
        for one, of_curve in zip(heads, _rounded([found.get(one.series_id) for one in heads]), strict=True)
    ]
    return CurvesRead(metric=name, n_trials=n_trials, column=column, curves=shown, metrics=reported)


def _reported(session: Session, study_id: int) -> list[str]:
    """Return the metrics that the newest trials reported, but for what describes their machine."""
    names = curves.list_names(session, study_id, N_ASKED)
    return sorted({split_name(name)[0] for name in names if not is_system(name)})


def _check_metric(session: Session, study: StudyRecord, name: str, reported: Sequence[str]) -> None:
    """Refuse a name that is neither a metric that the study's trials can have nor one that a trial has reported."""
    known = list(dict.fromkeys([*_known_metrics(spec_of(study)), *reported]))
    if split_name(name)[0] in known or curves.is_name(session, study.id, name):
        return
    raise Invalid("unknown_metric", f"no metric {name!r} in this study", "metric", nearest(name, known))


def _known_metrics(spec: StudySpec) -> list[str]:
    """Return the names of the metrics that a study's trials can have."""
    if not spec.model:  # a study of Optuna's, whose trials report their objective alone, or of a script
        return [objective.metric for objective in spec.objectives]
    return [info.name for info in (*catalogue.metrics_for(spec.model, dataset_of(spec)), *TRAINING_METRICS)]


Found = dict[int, Thinned]
Read = tuple[int, Points, bool]
"""A curve, points of it, and whether they are all there are."""


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
    for batch in _batches(_stream(session, heads, columns, query)):
        read: list[Thinned] = []
        for _, points, is_all in batch:
            if query.low is not None or query.high is not None:
                points = points.only((points.steps >= low) & (points.steps <= high))
            read.append((points, points.steps.astype(np.float64)))
            is_whole &= is_all
        thinned = columns.thin(read)
        is_whole &= all(len(after) == len(before) for (_, before), (_, after) in zip(read, thinned, strict=True))
        found.update((series_id, kept) for (series_id, _, _), kept in zip(batch, thinned, strict=True))
    return None if is_whole else columns.width, found


def _batches(read: Iterable[Read]) -> Iterator[list[Read]]:
    """Yield curves by the hundred, or by fewer of many points, so that not all points are held at once."""
    batch: list[Read] = []
    n_points = 0
    for one in read:
        batch.append(one)
        n_points += len(one[1].steps)
        if n_points >= THINNED_AT_ONCE:
            yield batch
            batch, n_points = [], 0
    if batch:
        yield batch


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
    found = dict(zip(whole, columns.thin(list(whole.values())), strict=True))
    is_whole &= all(len(xs) == len(found[series_id][1]) for series_id, (_, xs) in whole.items())
    return None if is_whole else columns.width, found


def _stream(session: Session, heads: Sequence[CurveHead], columns: Columns, query: CurvesQuery) -> Iterator[Read]:
    """Yield curve, points, and whether they are all there are.

    Overviews stand for points where they say as much as the chart can show, or where all else is too much.
    """
    share = _share(heads, query)
    is_much = share * sum(one.n_points - (1 - PACKED_COST) * one.n_packed for one in heads) > MAX_ROWS
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
    others = [one for one in heads if one.series_id not in short]
    # Where the chart thins anyway, blocks may do it for as many steps as a column holds.
    long = [one.series_id for one in others if columns.width >= 1 and one.n_points * share > columns.limit]
    whole = [one.series_id for one in others if one.series_id not in set(long)]
    for series_ids, width in ((whole, None), (long, int(columns.width))):
        for found in curves.stream_points(session, series_ids, Window(low, high, width)):
            yield found.series_id, found.points, found.is_whole


def _share(heads: Sequence[CurveHead], query: CurvesQuery) -> float:
    """Return about which share of all points the window holds."""
    last = max((one.latest_step for one in heads), default=0)
    low, high = max(query.low or 0.0, 0.0), last if query.high is None else min(query.high, last)
    return max(high - low, 0.0) / last if last else 1.0


def _rounded(found: Sequence[Thinned | None]) -> list[tuple[Thinned, list[float]]]:
    """Return curves with their values as they are shown; those without points are empty."""
    if not found:
        return []
    curves = [one or (NO_POINTS, np.zeros(0)) for one in found]
    rounded = round_digits(np.concatenate([points.values for points, _ in curves]))
    ends = np.cumsum([len(xs) for _, xs in curves])
    return [(curve, part.tolist()) for curve, part in zip(curves, np.split(rounded, ends[:-1]), strict=True)]


def _show(
    head: CurveHead, found: tuple[Thinned, list[float]], query: CurvesQuery, forecasts: dict[int, Forecast]
) -> Curve:
    _, member = split_name(head.name)
    (points, xs), values = found
    return Curve(
        trial_id=head.trial_id,
        number=head.number,
        state=head.state,
        repeat=None if member is None else member.repeat,
        fold=None if member is None else member.fold,
        n_points=head.n_points,
        steps=points.steps.tolist(),
        values=values,
        times_s=None if query.x == "step" else np.round(xs, 3).tolist(),
        forecast=forecasts.get(head.trial_id) if member is None else None,
    )
