"""Hand out work: a study is chosen, a batch of its trials is taken and leases are given."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence

from api.asks.asker import Asker
from api.asks.plans import plan_of
from api.asks.proposals import EXTRA, Asked, Need, propose
from api.errors import NotFound
from api.schemas.work import Assignment, CheckpointRef, ClaimRead, ClaimRequest
from api.services.batches import take_batch
from api.services.seeds import seed_number, trial_seed
from api.services.settle import announce_trial, settle_study
from api.transaction import Ledger, Tx
from db import attempts, outputs, studies, trials, workers
from db.attempts import Holder
from db.lifecycle import StudyState, WorkerState
from db.records import StudyRecord, TrialRecord
from models import catalogue

# How often a claim asks again because others were faster, or because all that was proposed has a result.
MAX_ASKS = 6


def claim(ledger: Ledger, asker: Asker, body: ClaimRequest, lease_s: float) -> ClaimRead:
    """Return attempts of the first study that has work for the worker, all of one structure.

    Each try is a transaction of its own. In between, outside of any, the sampler is asked for what was lacking; what it
    proposed is stored by the next try, unless another claim was faster.

    Raises:
        NotFound: `worker_not_found`: register again.
    """
    found = _try(ledger, body, lease_s, asker, None)
    n_tries, begun = 1, time.monotonic()
    while isinstance(found, Need):
        left_s = asker.patience_s - (time.monotonic() - begun)
        with asker.turn(found.study_id, max(0.0, left_s)) as is_mine:
            if not is_mine or n_tries > MAX_ASKS:
                return _nothing(lease_s)  # the reconcile loop rings again
            asked = _ask(ledger, asker, found, max(0.0, left_s))
            found = _try(ledger, body, lease_s, asker, asked)
        n_tries += 1
    return found


def _ask(ledger: Ledger, asker: Asker, need: Need, patience_s: float) -> Asked | None:
    with ledger.read() as session:
        study = studies.find_study(session, need.study_id)
        if study is None:
            return None
        snapshot = asker.histories.read(session, study)
    n_left = need.n_places + EXTRA if study.end_number is None else study.end_number - study.next_number
    return propose(asker, snapshot, need, n_left, patience_s)


def _try(ledger: Ledger, body: ClaimRequest, lease_s: float, asker: Asker, asked: Asked | None) -> ClaimRead | Need:
    """Take what there is of the first study that has work; or tell what that study's sampler is to be asked."""
    with ledger.write() as tx:
        state = workers.beat(tx.session, body.worker_id)
        if state is None:
            message = f"there is no worker {body.worker_id}"
            raise NotFound("worker_not_found", message, "worker_id", "register again")
        if state is not WorkerState.ALIVE:
            return _nothing(lease_s)
        for place, study_id in enumerate(studies.list_claimable(tx.session, body.queues)):
            # Waiting for one lock only: a second one, held by somebody who waits for the first, would be a deadlock.
            study = studies.lock_study(tx.session, study_id, wait=place == 0)
            if study is None or study.state is not StudyState.RUNNING or study.deleted_at is not None:
                continue
            asker.note_room(study.id, body.n_max)
            taken = take_batch(tx, study, body.n_max, asked, is_slow=asker.is_slow(study.id))
            if taken.need is not None:
                return taken.need
            if taken.trials:
                holder = Holder(body.worker_id, body.slot)
                started = [_start(tx, holder, trial, lease_s) for trial in taken.trials]
                return _answer(tx, study, taken.trials, started, lease_s)
            settle_study(tx, study.id, n_freed=None if taken.has_news else 0)
    return _nothing(lease_s)


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


def _answer(
    tx: Tx, study: StudyRecord, taken: Sequence[TrialRecord], started: Sequence[Assignment], lease_s: float
) -> ClaimRead:
    plan = plan_of(study)
    spec = plan.spec
    confirms = taken[0].confirms is not None
    # What confirms is trained to its end, however far it is behind: it names no incumbent that could end it.
    best = None if confirms else studies.find_best_trial(tx.session, study)
    complete = [
        one.model_copy(
            update={
                "params": plan.complete(one.params),
                "seed": trial_seed(plan.seed, seed_number(trial)),
            }
        )
        for trial, one in zip(taken, started, strict=True)
    ]
    return ClaimRead(
        study_id=study.id,
        study_name=study.name,
        dataset=spec.dataset,
        dataset_sha256=catalogue.get_dataset(spec.dataset).sha256,
        model=spec.model,
        objectives=spec.objectives,
        repeats=spec.repeats.model_copy(update={"racing": False}) if confirms else spec.repeats,
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
