"""Hand out work: a study is chosen, a batch of its trials is taken and leases are given."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from api.asks.asker import Asker
from api.asks.plans import plan_of
from api.asks.proposals import EXTRA, Asked, Need, propose
from api.errors import NotFound
from api.schemas.work import Assignment, CheckpointRef, ClaimDevice, ClaimRead, ClaimRequest
from api.services.admission import read_room
from api.services.batches import Taken, take_batch
from api.services.dataset_facts import dataset_of
from api.services.seeds import seed_number, trial_seed
from api.services.settle import announce_trial, settle_study
from api.services.shares import Turn, order_turns
from api.transaction import Ledger, Tx
from db import attempts, outputs, studies, trials, turns, workers
from db.attempts import Holder
from db.lifecycle import StudyState, WorkerState
from db.records import StudyRecord, TrialRecord


@dataclass(frozen=True, slots=True)
class Seeker:
    """Who asks for work: a worker, of the studies in its queues; or a script, of one study alone."""

    worker_id: int
    n_max: int
    slot: int | None = None
    queues: Sequence[str] = ()
    study_id: int | None = None
    device: ClaimDevice | None = None


# How often a claim asks again because others were faster, or because all that was proposed has a result.
MAX_ASKS = 6
_MAX_LOOKED_AT = 20


def claim(ledger: Ledger, asker: Asker, body: ClaimRequest, lease_s: float) -> ClaimRead:
    """Return attempts of the first study that has work for the worker, all of one structure.

    Each try is a transaction of its own. In between, outside of any, the sampler is asked for what was lacking; what it
    proposed is stored by the next try, unless another claim was faster.

    Raises:
        NotFound: `worker_not_found`: register again.
    """
    seeker = Seeker(body.worker_id, body.n_max, body.slot, body.queues, device=body.device)
    return seek(ledger, asker, seeker, lease_s)


def seek(ledger: Ledger, asker: Asker, seeker: Seeker, lease_s: float) -> ClaimRead:
    """Return attempts for a seeker, as `claim` does for a worker.

    Raises:
        NotFound: `worker_not_found`.
    """
    found = _try(ledger, seeker, lease_s, asker, None)
    n_tries, begun = 1, time.monotonic()
    while isinstance(found, Need):
        left_s = asker.patience_s - (time.monotonic() - begun)
        with asker.turn(found.study_id, max(0.0, left_s)) as is_mine:
            if not is_mine or n_tries > MAX_ASKS:
                return _nothing(lease_s)  # the reconcile loop rings again
            asked = _ask(ledger, asker, found, max(0.0, left_s))
            found = _try(ledger, seeker, lease_s, asker, asked)
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


def _try(ledger: Ledger, seeker: Seeker, lease_s: float, asker: Asker, asked: Asked | None) -> ClaimRead | Need:
    """Take what there is of the first study that has work; or tell what that study's sampler is to be asked."""
    with ledger.write() as tx:
        state = workers.beat(tx.session, seeker.worker_id)
        if state is None:
            message = f"there is no worker {seeker.worker_id}"
            raise NotFound("worker_not_found", message, "worker_id", "register again")
        if state is not WorkerState.ALIVE:
            return _nothing(lease_s)
        room = None if seeker.device is None else read_room(tx.session, seeker.device)
        for place, turn in enumerate(_studies_for(tx, seeker)):
            # Waiting for one lock only: a second one, held by somebody who waits for the first, would be a deadlock.
            study = studies.lock_study(tx.session, turn.study_id, wait=place == 0)
            if study is None or study.state is not StudyState.RUNNING or study.deleted_at is not None:
                continue
            n_max = 1 if study.spec.get("command") else seeker.n_max  # a command runs in a slot of its own
            asker.note_room(study.id, n_max)
            taken = take_batch(tx, study, n_max, asked, is_slow=asker.is_slow(study.id), device=room)
            if taken.need is not None:
                return taken.need
            if taken.trials:
                if turn.turns is not None:
                    turns.note_turns(tx.session, study.id, turn.turns)
                holder = _holder(seeker, taken)
                started = [start_attempt(tx, holder, trial, lease_s) for trial in taken.trials]
                limit_bytes = None if taken.admission is None else taken.admission.limit_bytes
                answer = _answer(tx, study, taken.trials, started, lease_s)
                return answer.model_copy(update={"memory_bytes": limit_bytes})
            settle_study(tx, study.id, n_freed=None if taken.has_news else 0)
    return _nothing(lease_s)


def _holder(seeker: Seeker, taken: Taken) -> Holder:
    if seeker.device is None or taken.admission is None:
        return Holder(seeker.worker_id, seeker.slot)
    share = -(-taken.admission.promised_bytes // len(taken.trials))
    return Holder(seeker.worker_id, seeker.slot, seeker.device.uuid, share)


def _studies_for(tx: Tx, seeker: Seeker) -> Sequence[Turn]:
    if seeker.study_id is not None:
        return [Turn(seeker.study_id)]
    memory_bytes = 0 if seeker.device is None else seeker.device.memory_bytes
    found = studies.list_claimable(tx.session, seeker.queues, memory_bytes)
    if len(found) < 2:
        return [Turn(one.study_id) for one in found]
    return order_turns(found, turns.list_held(tx.session, seeker.queues))[:_MAX_LOOKED_AT]


def start_attempt(tx: Tx, holder: Holder, trial: TrialRecord, lease_s: float, *, last_seq: int = 0) -> Assignment:
    """Give a waiting trial to a holder. The caller holds the study's lock, and completes parameters and seed.

    Args:
        tx: The transaction.
        holder: Who takes it.
        trial: The trial.
        lease_s: How long the lease lasts without a sign of life.
        last_seq: The last report that is stored already, where reports of an earlier attempt go on.

    Effects:
        Stores a running attempt; the trial runs.
    """
    trial = trials.start_trial(tx.session, trial.id)
    token = secrets.token_urlsafe(24)
    attempt_id = attempts.open_attempt(
        tx.session, trial=trial, holder=holder, token=token, lease_s=lease_s, last_seq=last_seq
    )
    announce_trial(tx, trial)
    return assign(trial, attempt_id, token, find_checkpoint(tx, trial) if trial.n_attempts > 1 else None)


def find_checkpoint(tx: Tx, trial: TrialRecord) -> CheckpointRef | None:
    """Return from where a trial can go on; None for its beginning."""
    found = outputs.find_checkpoint(tx.session, trial.id)
    return None if found is None else CheckpointRef(artifact_id=found.id, sha256=found.sha256, step=found.step or 0)


def assign(trial: TrialRecord, attempt_id: int, token: str, checkpoint: CheckpointRef | None = None) -> Assignment:
    """Return a running trial as its holder is told of it. The caller completes parameters and seed."""
    return Assignment(
        attempt_id=attempt_id,
        attempt_no=trial.n_attempts,
        lease_token=token,
        trial_id=trial.id,
        number=trial.number,
        params=dict(trial.params),
        seed=0,
        checkpoint=checkpoint,
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
        dataset=spec.dataset or None,
        dataset_sha256=dataset_of(spec).sha256 if spec.dataset else None,
        model=spec.model or None,
        objectives=spec.objectives,
        repeats=spec.repeats.model_copy(update={"racing": False}) if confirms else spec.repeats,
        evaluation=spec.evaluation,
        incumbent=None if best is None else best.value,
        command=spec.command,
        venv=spec.venv,
        source=spec.source,
        memory_bytes=None,
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
        command=None,
        venv=None,
        source=None,
        memory_bytes=None,
        lease_s=lease_s,
        attempts=[],
    )
