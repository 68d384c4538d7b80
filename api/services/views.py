"""From records to what callers read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import fmean
from typing import Any, TypeGuard

from sqlalchemy.orm import Session

from api.schemas.studies import BestTrial, StudyRead, StudySpec, TrialCounts
from api.schemas.trials import ArtifactRead, AttemptRead, Finding, TrialDetail, TrialRead, TrialSpread
from api.services.confirmation import find_best, find_confirmation
from api.services.forecasts import list_forecasts
from api.services.fronts import find_front
from api.services.members import is_member, is_system, split_name
from api.services.seeds import seed_number, trial_seed
from api.services.specs import n_grid_cells
from db import again, attempts, metrics, studies, trials
from db.lifecycle import TrialState
from db.metrics import Series
from db.records import ArtifactRecord, StudyRecord, TrialRecord
from db.types import decode_float
from search.confirmation import standard_error


def spec_of(study: StudyRecord) -> StudySpec:
    """Return the stored study as a schema."""
    return StudySpec.model_validate(study.spec)


def objective_of(study: StudyRecord) -> str:
    """Return the name of the metric that the study optimises, or of the first of several."""
    name: str = study.spec["objectives"][0]["metric"]
    return name


def decode_values(values: Mapping[str, Any]) -> dict[str, float | None]:
    """Return stored values as numbers."""
    return {name: decode_float(value) for name, value in values.items()}


def show_study(
    session: Session,
    study: StudyRecord,
    counts: Mapping[TrialState, int] | None = None,
    progress: Sequence[float | None] | None = None,
) -> StudyRead:
    """Return a study with its counts and its best trials.

    Args:
        session: Open transaction.
        study: The study.
        counts: Its trials by state, where the study is one of a list: then a front of several objectives, which takes
            reading all its results, is left out.
        progress: The best value of each part of its trials, of which the best so far is shown.
    """
    is_listed = counts is not None
    if counts is None:
        counts = studies.count_trials(session, [study.id], with_confirmations=False)[study.id]
    best, volume = find_best(session, study), None
    front = [] if best is None else [best]
    if len(study.directions) > 1 and not is_listed:
        front, volume = find_front(session, study)
    spec = spec_of(study)
    return StudyRead(
        study_id=study.id,
        name=study.name,
        kind=study.kind,
        state=study.state,
        state_reason=study.state_reason,
        trial_counts=TrialCounts(**{state.value: n for state, n in counts.items()}),
        n_paused=None if is_listed else _count_paused(session, study, counts),
        best_trial=None if best is None else _show_best(best),
        best_trials=[_show_best(one) for one in front],
        hypervolume=volume,
        confirmation=None if is_listed else find_confirmation(session, study),
        spec=spec,
        n_grid_cells=n_grid_cells(spec),
        notes=study.notes,
        tags=list(study.tags),
        owner=study.owner,
        progress=None if progress is None else best_so_far(progress, study.direction),
        created_at=study.created_at,
        finished_at=study.finished_at,
        archived_at=study.archived_at,
        deleted_at=study.deleted_at,
        rev=study.rev,
    )


def _count_paused(session: Session, study: StudyRecord, counts: Mapping[TrialState, int]) -> int:
    return len(trials.list_paused(session, study.id)) if counts.get(TrialState.WAITING) else 0


def best_so_far(values: Sequence[float | None], direction: str) -> list[float | None]:
    """Return the best of the values up to each one; None up to the first that there is."""
    better = max if direction == "maximize" else min
    best: float | None = None
    found: list[float | None] = []
    for value in values:
        if value is not None:
            best = value if best is None else better(best, value)
        found.append(best)
    return found


def show_trials(session: Session, some: Sequence[TrialRecord]) -> list[TrialRead]:
    """Return trials as tables show them, in their order."""
    numbers = _numbers_of_reused(session, some)
    return [TrialRead(**_trial_fields(trial, numbers)) for trial in some]


def show_trial(session: Session, trial: TrialRecord) -> TrialRead:
    """Return a trial as tables show it."""
    return show_trials(session, [trial])[0]


def show_trial_detail(session: Session, trial: TrialRecord, study: StudyRecord) -> TrialDetail:
    """Return a trial of a study with its attempts, the names of its curves and the spread of its members."""
    series = metrics.list_series(session, [trial.id])
    diagnosis = trials.find_diagnosis(session, trial.id)
    tries = [
        AttemptRead(
            attempt_id=attempt.id,
            attempt_no=attempt.attempt_no,
            state=attempt.state,
            reason=attempt.reason,
            worker_id=attempt.worker_id,
            worker_name=worker_name,
            device=attempt.device,
            peak_bytes=attempt.peak_bytes,
            created_at=attempt.created_at,
            ended_at=attempt.ended_at,
        )
        for attempt, worker_name in attempts.list_attempts(session, trial.id)
    ]
    return TrialDetail(
        **_trial_fields(trial, _numbers_of_reused(session, [trial])),
        study_name=study.name,
        seed=_seed(study, trial),
        run_again_as=again.list_descendants(session, study.id, trial.number),
        spread=_spread(study, trial, series),
        diagnosis=None if diagnosis is None else [Finding.model_validate(finding) for finding in diagnosis],
        forecast=None if trial.state is TrialState.COMPLETE else list_forecasts(session, [trial.id]).get(trial.id),
        metric_names=[one.name for one in series if not (is_member(one.name) or is_system(one.name))],
        attempts=tries,
    )


def show_artifact(artifact: ArtifactRecord) -> ArtifactRead:
    """Return an artifact as callers read it."""
    return ArtifactRead(
        artifact_id=artifact.id,
        name=artifact.name,
        kind=artifact.kind,
        step=artifact.step,
        sha256=artifact.sha256,
        n_bytes=artifact.n_bytes,
        media_type=artifact.media_type,
        created_at=artifact.created_at,
    )


def is_number(value: float | None) -> TypeGuard[float]:
    """Tell whether `value` can be compared: not missing, not NaN, not infinite."""
    return value is not None and math.isfinite(value)


def _show_best(trial: TrialRecord) -> BestTrial:
    return BestTrial(
        trial_id=trial.id, number=trial.number, params=dict(trial.params), values=decode_values(trial.values)
    )


def _numbers_of_reused(session: Session, some: Sequence[TrialRecord]) -> dict[int, int]:
    return trials.list_numbers(session, {one.reused_from for one in some if one.reused_from is not None})


def _spread(study: StudyRecord, trial: TrialRecord, series: Sequence[Series]) -> TrialSpread | None:
    """Return how far the networks of a finished trial are apart, each by the epoch whose weights it kept."""
    if study.kind != "native" or trial.state is not TrialState.COMPLETE:
        return None
    of_members = [one for one in series if is_member(one.name) and split_name(one.name)[0] == objective_of(study)]
    is_max = study.direction == "maximize"
    values = [value for one in of_members if is_number(value := one.max_value if is_max else one.min_value)]
    if len(values) < 2:
        return None
    return TrialSpread(
        n=len(values), mean=fmean(values), standard_error=standard_error(values), least=min(values), most=max(values)
    )


def _seed(study: StudyRecord, trial: TrialRecord) -> int | None:
    seed = study.spec["sampler"].get("seed") if study.kind == "native" else None
    return None if seed is None else trial_seed(seed, seed_number(trial))


def _trial_fields(trial: TrialRecord, numbers: Mapping[int, int]) -> dict[str, Any]:
    return {
        "trial_id": trial.id,
        "study_id": trial.study_id,
        "number": trial.number,
        "state": trial.state,
        "phase": trial.phase,
        "reason": trial.reason,
        "source": trial.source,
        "confirms": trial.confirms,
        "origin": trial.origin,
        "note": trial.note,
        "tags": list(trial.tags),
        "params": dict(trial.params),
        "value": trial.value,
        "values": decode_values(trial.values),
        "is_feasible": _is_feasible(trial),
        "reused_from": None if trial.reused_from is None else numbers.get(trial.reused_from),
        "findings": list(trial.findings),
        "step": trial.step,
        "paused_step": trial.paused_step if trial.state is TrialState.WAITING else None,
        "n_steps": trial.n_steps,
        "n_attempts": trial.n_attempts,
        "is_stop_requested": trial.is_stop_requested,
        "created_at": trial.created_at,
        "started_at": trial.started_at,
        "finished_at": trial.finished_at,
        "duration_s": _duration_s(trial.started_at, trial.finished_at),
    }


def _is_feasible(trial: TrialRecord) -> bool | None:
    if not trial.outcome_constraints:
        return None
    return all(decode_float(one) <= 0 for one in trial.outcome_constraints)


def _duration_s(started_at: datetime | None, finished_at: datetime | None) -> float | None:
    if started_at is None or finished_at is None:
        return None
    return (finished_at - started_at).total_seconds()
