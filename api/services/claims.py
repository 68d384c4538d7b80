"""Hand out work: a study is chosen, a batch of its trials is taken and leases are given, in one transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from api.errors import NotFound
from api.schemas.work import Assignment, CheckpointRef, ClaimRead, ClaimRequest
from api.services.batches import take_batch
from api.services.settle import announce_trial, settle_study
from api.services.views import spec_of
from api.transaction import Tx
from db import attempts, outputs, studies, trials, workers
from db.attempts import Holder
from db.lifecycle import StudyState, WorkerState
from db.records import StudyRecord, TrialRecord
from models import catalogue


def claim(tx: Tx, body: ClaimRequest, lease_s: float) -> ClaimRead:
    """Return attempts of the first study that has work for the worker, all of one structure.

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
            batch = take_batch(tx, study, body.n_max)
            if batch:
                holder = Holder(body.worker_id, body.slot)
                return _answer(tx, study, [_start(tx, holder, trial, lease_s) for trial in batch], lease_s)
            settle_study(tx, study.id, n_freed=0)
    return _nothing(lease_s)


def trial_seed(study_seed: int, number: int) -> int:
    """Return the seed of a trial's weights, data order and masks, 0..2**31-1: a function of study seed and number."""
    digest = hashlib.sha256(f"{study_seed}:{number}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def _start(tx: Tx, holder: Holder, trial: TrialRecord, lease_s: float) -> Assignment:
    trial = trials.start_trial(tx.session, trial.id)
    token = secrets.token_urlsafe(24)
    attempt_id = attempts.open_attempt(tx.session, trial=trial, holder=holder, token=token, lease_s=lease_s)
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


def _answer(tx: Tx, study: StudyRecord, started: Sequence[Assignment], lease_s: float) -> ClaimRead:
    spec = spec_of(study)
    model = catalogue.get_model(spec.model)
    best = studies.find_best_trial(tx.session, study)
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
        repeats=spec.repeats,
        evaluation=spec.evaluation,
        incumbent=None if best is None else best.value,
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
        repeats=None,
        evaluation=None,
        incumbent=None,
        lease_s=lease_s,
        attempts=[],
    )
