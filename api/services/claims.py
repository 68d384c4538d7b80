"""Hand out work: the budget is checked, parameters are suggested and leases are given in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence

from api.errors import NotFound
from api.schemas.studies import StudySpec
from api.schemas.work import Assignment, CheckpointRef, ClaimRead, ClaimRequest
from api.services.settle import announce_trial, settle_study
from api.services.specs import sampler_options
from api.services.views import objective_of, spec_of
from api.transaction import Tx
from db import attempts, metrics, outputs, studies, trials, workers
from db.lifecycle import StudyState, TrialState, WorkerState
from db.records import StudyRecord, TrialRecord
from models import catalogue
from search import samplers
from search.space import parse_space
from search.types import PastTrial, Suggestion, SuggestRequest


def claim(tx: Tx, body: ClaimRequest, lease_s: float) -> ClaimRead:
    """Return attempts of the first study that has work for the worker.

    Raises:
        NotFound: `worker_not_found`: register again.
    """
    state = workers.beat(tx.session, body.worker_id)
    if state is None:
        raise NotFound("worker_not_found", f"there is no worker {body.worker_id}", "worker_id", "register again")
    if state is WorkerState.ALIVE:
        for place, study_id in enumerate(studies.list_claimable(tx.session, body.queues)):
            # Waiting for one lock only: a second one, held by somebody who waits for the first, would be a deadlock.
            study = studies.lock_study(tx.session, study_id, wait=place == 0)
            if study is None or study.state is not StudyState.RUNNING or study.deleted_at is not None:
                continue
            started = [_start(tx, body.worker_id, trial, lease_s) for trial in _take_trials(tx, study, body.n_max)]
            if started:
                return _answer(study, started, lease_s)
            settle_study(tx, study.id, n_freed=0)
    return _nothing(lease_s)


def trial_seed(study_seed: int, number: int) -> int:
    """Return the seed of a trial's weights, data order and masks, 0..2**31-1: a function of study seed and number."""
    digest = hashlib.sha256(f"{study_seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def past_trials(tx: Tx, study: StudyRecord) -> list[PastTrial]:
    """Return a study's trials as samplers see them: of pruned ones the curve as well, which is all they achieved."""
    curves = metrics.list_intermediate(tx.session, study.id, objective_of(study), state=TrialState.PRUNED)
    return [as_past(trial, curves.get(trial.id, {})) for trial in trials.list_history(tx.session, study.id)]


def as_past(trial: TrialRecord, intermediate: Mapping[int, float]) -> PastTrial:
    """Return a stored trial as samplers and pruners see it, with as much of its curve as they need."""
    return PastTrial(
        number=trial.number,
        state=trial.state.value,
        params=trial.params,
        values=None if trial.value is None else (trial.value,),
        intermediate=intermediate,
    )


def _take_trials(tx: Tx, study: StudyRecord, n_max: int) -> Iterator[TrialRecord]:
    n_running = studies.count_trials(tx.session, [study.id])[study.id].get(TrialState.RUNNING, 0)
    room = min(n_max, study.max_parallel - n_running)
    waiting = trials.list_waiting(tx.session, study.id, room) if room > 0 else []
    yield from waiting
    left = room - len(waiting)
    if study.n_trials is not None:
        left = min(left, study.n_trials - study.next_number)
    if left > 0 and not study.is_exhausted:
        yield from _suggest(tx, study, left)


def _suggest(tx: Tx, study: StudyRecord, n: int) -> Iterator[TrialRecord]:
    spec = spec_of(study)
    sampler = samplers.get_sampler(spec.sampler.name)
    history = past_trials(tx, study) if sampler.learns else []
    for place in range(n):
        request = _request(study, spec, place, history)
        suggestion = sampler.suggest(request)
        if suggestion is None:
            # A manual study waits for its owner; a sampler that has run out is done.
            if sampler.n_cells(request.space) != 0:
                studies.update_study(tx.session, study.id, {"is_exhausted": True})
            return
        trial = _store(tx, study, suggestion, history if sampler.learns else None)
        if sampler.learns:
            history = [*history, PastTrial(number=trial.number, state="RUNNING", params=trial.params)]
        yield trial


def _request(study: StudyRecord, spec: StudySpec, place: int, history: Sequence[PastTrial]) -> SuggestRequest:
    assert spec.sampler.seed is not None
    return SuggestRequest(
        space=parse_space(spec.search_space),
        directions=tuple(objective.direction for objective in spec.objectives),
        seed=spec.sampler.seed,
        number=study.next_number + place,
        cell=study.next_cell + place,
        history=history,
        options=sampler_options(spec),
    )


def _store(tx: Tx, study: StudyRecord, suggestion: Suggestion, history: Sequence[PastTrial] | None) -> TrialRecord:
    number, cell = studies.take_number(tx.session, study.id, is_cell=True)
    seen = None
    if history is not None:
        seen = {"rev": study.rev, "running": [past.number for past in history if past.state == "RUNNING"]}
    values = {
        "study_id": study.id,
        "number": number,
        "cell": cell,
        "state": TrialState.WAITING,
        "source": "sampler",
        "params": dict(suggestion.params),
        "note": suggestion.note,
        "seen": seen,
    }
    return trials.insert_trial(tx.session, values)


def _start(tx: Tx, worker_id: int, trial: TrialRecord, lease_s: float) -> Assignment:
    trial = trials.start_trial(tx.session, trial.id)
    token = secrets.token_urlsafe(24)
    attempt_id = attempts.open_attempt(
        tx.session, trial_id=trial.id, attempt_no=trial.n_attempts, worker_id=worker_id, token=token, lease_s=lease_s
    )
    announce_trial(tx, trial)
    checkpoint = outputs.find_checkpoint(tx.session, trial.id) if trial.n_attempts > 1 else None
    return Assignment(
        attempt_id=attempt_id,
        attempt_no=trial.n_attempts,
        lease_token=token,
        trial_id=trial.id,
        number=trial.number,
        params=dict(trial.params),
        seed=0,
        checkpoint=None
        if checkpoint is None
        else CheckpointRef(artifact_id=checkpoint.id, sha256=checkpoint.sha256, step=checkpoint.step or 0),
    )


def _answer(study: StudyRecord, started: Sequence[Assignment], lease_s: float) -> ClaimRead:
    spec = spec_of(study)
    model = catalogue.get_model(spec.model)
    assert spec.sampler.seed is not None
    complete = [
        one.model_copy(
            update={
                "params": dict(catalogue.complete_params(model, {**spec.fixed, **one.params})),
                "seed": trial_seed(spec.sampler.seed, one.number),
            }
        )
        for one in started
    ]
    return ClaimRead(
        study_id=study.id,
        study_name=study.name,
        dataset=spec.dataset,
        dataset_sha256=catalogue.get_dataset(spec.dataset).sha256,
        model=spec.model,
        objectives=spec.objectives,
        lease_s=lease_s,
        attempts=complete,
    )


def _nothing(lease_s: float) -> ClaimRead:
    return ClaimRead(
        study_id=None,
        study_name=None,
        dataset=None,
        dataset_sha256=None,
        model=None,
        objectives=[],
        lease_s=lease_s,
        attempts=[],
    )
