"""Curves for charts: few points, whose minima, maxima and non-finite points are those of the full series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sqlalchemy.orm import Session

from api.errors import Invalid, nearest
from api.schemas.studies import Curve, CurvesQuery, CurvesRead, StudySpec
from api.schemas.trials import MetricSeries, MetricsRead
from api.services.forecasts import list_forecasts
from api.services.lookup import get_study, get_trial
from api.services.members import split_name
from api.services.views import spec_of
from db import metrics
from db.lifecycle import TrialState
from db.studies import escape_like
from models import catalogue
from models.catalogue.metrics import TRAINING_METRICS


def thin(steps: Sequence[int], values: Sequence[float], max_points: int) -> tuple[list[int], list[float]]:
    """Return at most about `max_points` points of a series.

    The series is cut into equal runs of points; of each run its first minimum and maximum stay, and of the whole the
    first and the last point and every change between finite and non-finite values.

    Args:
        steps: Ascending, length n.
        values: Length n; NaN and infinities allowed.
        max_points: At least 4.
    """
    n = len(values)
    if n <= max_points:
        return list(steps), list(values)
    array = np.asarray(values, dtype=np.float64)
    finite = np.isfinite(array)
    n_runs = max(1, (max_points - 2) // 2)
    edges = np.linspace(0, n, n_runs + 1).astype(np.int64)[:-1]
    keep = {0, n - 1}
    for filled, pick in ((np.inf, np.argmin), (-np.inf, np.argmax)):
        masked = np.where(finite, array, filled)
        keep |= {int(edge + pick(run)) for edge, run in zip(edges, np.split(masked, edges[1:]), strict=True)}
    changes = np.flatnonzero(finite[1:] != finite[:-1])[: max_points // 2]
    keep |= {int(place) for place in changes} | {int(place) + 1 for place in changes}
    chosen = sorted(keep)
    return [steps[place] for place in chosen], [values[place] for place in chosen]


def read_metrics(
    session: Session, trial_id: int, names: Sequence[str], max_points: int, *, members: bool = False
) -> MetricsRead:
    """Return curves of one trial: all or those of the named metrics, with those of its members if `members`.

    A member's curve that `names` itself names is always among them.
    """
    get_trial(session, trial_id)
    series = [one for one in metrics.list_series(session, [trial_id]) if _is_wanted(one.name, names, members)]
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


def read_curves(session: Session, ref: str, query: CurvesQuery) -> CurvesRead:
    """Return one metric (the objective where none is named) of a study's newest trials.

    Raises:
        Invalid: `unknown_metric`.
    """
    study = get_study(session, ref)
    spec = spec_of(study)
    name = query.metric or spec.objectives[0].metric
    known = _known_metrics(spec)
    if split_name(name)[0] not in known:
        raise Invalid("unknown_metric", f"no metric {name!r} in this study", "metric", nearest(name, known))
    pattern = f"{escape_like(name)}@r%f%" if query.members else None
    n_trials, found = metrics.list_study_series(session, study.id, name, query.max_trials, name_pattern=pattern)
    found = [one for one in found if name in (one[0].name, split_name(one[0].name)[0])]  # the pattern admits others
    points = metrics.list_points(session, [series.id for series, _, _ in found])
    is_judged = name == spec.objectives[0].metric
    running = [one.trial_id for one, _, state in found if is_judged and state == TrialState.RUNNING]
    forecasts = list_forecasts(session, running)
    curves = []
    for series, number, state in found:
        steps, values = thin(*points[series.id], query.max_points)
        _, member = split_name(series.name)
        curves.append(
            Curve(
                trial_id=series.trial_id,
                number=number,
                state=state,
                repeat=None if member is None else member.repeat,
                fold=None if member is None else member.fold,
                n_points=series.n_points,
                steps=steps,
                values=values,
                forecast=forecasts.get(series.trial_id) if member is None else None,
            )
        )
    return CurvesRead(metric=name, n_trials=n_trials, curves=curves)


def _known_metrics(spec: StudySpec) -> list[str]:
    """Return the names of the metrics that a study's trials can have."""
    if not spec.model:  # a study of Optuna's, whose trials report their objective alone
        return [objective.metric for objective in spec.objectives]
    return [info.name for info in (*catalogue.metrics_for(spec.model, spec.dataset), *TRAINING_METRICS)]


def _is_wanted(name: str, names: Sequence[str], members: bool) -> bool:
    metric, member = split_name(name)
    if member is None or members:
        return not names or metric in names or name in names
    return name in names
