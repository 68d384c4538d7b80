"""Curves for charts: few points, whose minima, maxima and non-finite points are those of the full series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from api.schemas.trials import MetricSeries, MetricsRead
from api.services.lookup import get_trial
from api.services.members import is_system, split_name
from api.services.thinning import extremes
from db import metrics


def thin(steps: Sequence[int], values: Sequence[float], max_points: int) -> tuple[list[int], list[float]]:
    """Return about `max_points` points of a series, more where many are not finite.

    The series is cut into equal runs of points; the extremes of each stay, and the first and the last point.

    Args:
        steps: Ascending, length n.
        values: Length n; NaN and infinities allowed.
        max_points: At least 4.
    """
    n = len(values)
    if n <= max_points:
        return list(steps), list(values)
    n_runs = max(1, (max_points - 2) // 2)
    keep = extremes(np.arange(n) * n_runs // n, np.asarray(values, dtype=np.float64))
    keep[[0, -1]] = True
    places = np.flatnonzero(keep).tolist()
    return [steps[place] for place in places], [values[place] for place in places]


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
    points = metrics.list_points(session, [one.id for one in series])
    shown = []
    for one in series:
        steps, values = thin(*points[one.id], max_points)
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


def _is_wanted(name: str, names: Sequence[str], *, members: bool, system: bool) -> bool:
    metric, member = split_name(name)
    if is_system(name) == system and (member is None or members):
        return not names or metric in names or name in names
    return name in names
