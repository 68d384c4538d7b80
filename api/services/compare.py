"""Trials of any studies beside each other: one answer, bounded by the number of trials and of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy.orm import Session

from api.errors import NotFound
from api.schemas.compare import (
    ComparedCurve,
    ComparedPlace,
    ComparedStudy,
    ComparedTrial,
    CompareQuery,
    CompareRead,
)
from api.schemas.environments import Environment
from api.schemas.trials import TrialDetail
from api.services.curves import thin
from api.services.lookup import get_study
from api.services.trials import read_trial_by_number
from api.services.views import spec_of
from db import metrics
from db.curves import list_points
from db.environments import Place, list_places
from db.records import StudyRecord

Found = Sequence[tuple[str, TrialDetail]]


def compare(session: Session, query: CompareQuery) -> CompareRead:
    """Return trials with all that can be compared, and the curves of one metric.

    A trial that is not there is named in the answer, so that a link to many outlives the deletion of one.
    """
    found, missing = _find(session, query.trials)
    records = _studies_of(session, found)
    metric = query.metric or (_objective_of(records, found[0][1]) if found else None)
    curves = _curves(session, [trial.trial_id for _, trial in found], metric, query.max_points)
    places = {trial.trial_id: _place_of(session, trial) for _, trial in found}
    by_worker = {place.worker_id: place for place in places.values() if place is not None}
    return CompareRead(
        metric=metric,
        metrics=sorted({name for _, trial in found for name in (*trial.metric_names, *trial.values)}),
        studies=[_show_study(study) for study in records.values()],
        places=[_show_place(place) for place in by_worker.values()],
        trials=[_show_trial(ref, trial, places[trial.trial_id], curves) for ref, trial in found],
        missing=missing,
    )


def _find(session: Session, refs: Sequence[str]) -> tuple[list[tuple[str, TrialDetail]], list[str]]:
    found: dict[int, tuple[str, TrialDetail]] = {}
    missing = []
    for ref in refs:
        study, _, number = ref.rpartition(":")
        try:
            trial = read_trial_by_number(session, study, int(number))
        except NotFound:
            missing.append(ref)
        else:
            found.setdefault(trial.trial_id, (ref, trial))  # a study has a name and an id
    return list(found.values()), missing


def _studies_of(session: Session, found: Found) -> dict[int, StudyRecord]:
    ids = dict.fromkeys(trial.study_id for _, trial in found)
    return {study_id: get_study(session, str(study_id)) for study_id in ids}


def _objective_of(records: Mapping[int, StudyRecord], trial: TrialDetail) -> str:
    return spec_of(records[trial.study_id]).objectives[0].metric


def _curves(
    session: Session, trial_ids: Sequence[int], metric: str | None, max_points: int
) -> dict[int, ComparedCurve]:
    if metric is None:
        return {}
    series = metrics.list_series(session, trial_ids, [metric])
    points = list_points(session, [one.id for one in series])
    curves = {}
    for one in series:
        steps, values = thin(points[one.id].steps, points[one.id].values, max_points)
        curves[one.trial_id] = ComparedCurve(n_points=one.n_points, steps=steps, values=values)
    return curves


def _place_of(session: Session, trial: TrialDetail) -> Place | None:
    """Return where the trial's last attempt ran."""
    places = list_places(session, trial.trial_id)
    return places[-1] if places else None


def _show_trial(
    ref: str, trial: TrialDetail, place: Place | None, curves: Mapping[int, ComparedCurve]
) -> ComparedTrial:
    worker_id = None if place is None else place.worker_id
    return ComparedTrial(ref=ref, trial=trial, worker_id=worker_id, curve=curves.get(trial.trial_id))


def _show_place(place: Place) -> ComparedPlace:
    known = place.environment
    return ComparedPlace(
        worker_id=place.worker_id,
        worker_name=place.name,
        host=place.host,
        worker_version=place.version,
        environment=None if known is None else Environment.model_validate(known),
    )


def _show_study(study: StudyRecord) -> ComparedStudy:
    spec = spec_of(study)
    return ComparedStudy(
        study_id=study.id,
        name=study.name,
        dataset=spec.dataset or None,
        model=spec.model or None,
        sampler=spec.sampler.name,
        fixed=dict(spec.fixed),
        objectives=spec.objectives,
    )
