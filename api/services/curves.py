"""Curves for charts: few points, whose minima, maxima and non-finite points are those of the full series."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import ArrayLike
from sqlalchemy.orm import Session

from api.schemas.trials import MetricSeries, MetricsRead
from api.services.lookup import get_trial
from api.services.members import is_system, split_name
from api.services.thinning import extremes
from db import metrics
from db.blocks import Window
from db.curves import stream_points
from db.packing import NO_POINTS, Points

MAX_EXACT = 100_000
"""Of a longer curve, blocks of its points give their extremes: what a chart shows of a million points is the same."""
_COARSE = Window(bin_steps=2**62)


def thin(steps: ArrayLike, values: ArrayLike, max_points: int) -> tuple[list[int], list[float]]:
    """Return about `max_points` points of a series, more where many are not finite.

    The series is cut into equal runs of points; the extremes of each stay, and the first and the last point.

    Args:
        steps: Ascending, length n.
        values: Length n; NaN and infinities allowed.
        max_points: At least 4.
    """
    steps, values = np.asarray(steps, dtype=np.int64), np.asarray(values, dtype=np.float64)
    n = len(values)
    if n > max_points:
        n_runs = max(1, (max_points - 2) // 2)
        keep = extremes(np.arange(n) * n_runs // n, values)
        keep[[0, -1]] = True
        steps, values = steps[keep], values[keep]
    return steps.tolist(), values.tolist()


def read_metrics(
    session: Session,
    trial_id: int,
    names: Sequence[str],
    max_points: int,
    *,
    members: bool = False,
    system: bool = False,
) -> MetricsRead:
    """Return curves of one trial: all or those of the named metrics, with those of its members if `members`.

    A curve that `names` itself names is always among them; other curves of the machine only, and then alone, if
    `system`.
    """
    get_trial(session, trial_id)
    found = metrics.list_series(session, [trial_id])
    series = [one for one in found if _is_wanted(one.name, names, members=members, system=system)]
    found_points = _read(session, series)
    shown = []
    for one in series:
        points = found_points.get(one.id, NO_POINTS)
        steps, values = thin(points.steps, points.values, max_points)
        shown.append(
            MetricSeries(
                name=one.name,
                n_points=one.n_points,
                min_value=one.min_value,
                max_value=one.max_value,
                latest_step=one.latest_step,
                latest_value=one.latest_value,
                steps=steps,
                values=values,
            )
        )
    return MetricsRead(trial_id=trial_id, series=shown)


def _read(session: Session, series: Sequence[metrics.Series]) -> dict[int, Points]:
    short = [one.id for one in series if one.n_points <= MAX_EXACT]
    long = [one.id for one in series if one.n_points > MAX_EXACT]
    read = chain(stream_points(session, short), stream_points(session, long, _COARSE))
    return {one.series_id: one.points for one in read}


def _is_wanted(name: str, names: Sequence[str], *, members: bool, system: bool) -> bool:
    metric, member = split_name(name)
    if is_system(name) == system and (member is None or members):
        return not names or metric in names or name in names
    return name in names
