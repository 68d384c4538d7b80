"""Use cases on evaluations: asking for them, doing them under a lease, reading what came of them.

The test part is used once: the best networks are chosen when they are asked for, the study must have ended, and the
same request answers the result that there is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, get_args

from sqlalchemy.orm import Session

from api.errors import Conflict, Invalid, LeaseLost, NotFound
from api.schemas.evaluations import (
    EvaluationClaim,
    EvaluationClaimed,
    EvaluationCreate,
    EvaluationDecision,
    EvaluationFinish,
    EvaluationList,
    EvaluationOrder,
    EvaluationRead,
    EvaluationRenew,
    Kind,
    NetworkFile,
    NetworkMember,
)
from api.schemas.studies import StudySpec
from api.services.confirmation import list_best_networks
from api.services.dataset_facts import dataset_of
from api.services.lookup import get_study, require_native
from api.services.payloads import check_json
from api.services.scripts import require_network
from api.services.specs import network_params
from api.services.views import spec_of
from api.transaction import Tx
from db import evaluations, outputs, studies, trials, workers
from db.lifecycle import (
    BURNING_ENDS,
    ENDED_STUDIES,
    AttemptState,
    EvaluationState,
    WorkerState,
    decide_evaluation_state,
)
from db.records import ArtifactRecord, EvaluationRecord, StudyRecord, TrialRecord
from models import catalogue

MAX_RESULT_BYTES = 256 * 1024
_DEFAULT_MEMBERS = 5
_LOST = "the worker gave no sign of life until the lease ran out"
_KINDS: tuple[Kind, ...] = get_args(Kind)


def request(tx: Tx, ref: str, body: EvaluationCreate) -> tuple[EvaluationRead, bool]:
    """Store an evaluation and ring for it, or return the same one of before; the flag tells whether it is new.

    Raises:
        Invalid: `members_unused`, or `unfit_evaluation` for networks that make examples.
        Conflict: `optuna_study`, `study_goes_on`, or `too_few_networks`.
    """
    study = studies.lock_study(tx.session, get_study(tx.session, ref).id)
    assert study is not None
    require_native(study, "judge its networks")
    require_network(study, "judge its networks")
    _check_kind(study, body)
    n_members = (body.n_members or _DEFAULT_MEMBERS) if body.kind == "ensemble" else None
    key = body.kind if n_members is None else f"{body.kind}:{n_members}"
    before = evaluations.find_same(tx.session, study.id, key)
    if before is not None:
        return _show(before), False
    values = {
        "study_id": study.id,
        "kind": body.kind,
        "options": {} if n_members is None else {"n_members": n_members},
        "request_key": key,
        "members": _choose(tx.session, study, body.kind, n_members or 1),
    }
    evaluation = evaluations.insert_evaluation(tx.session, values)
    _announce(tx, evaluation)
    tx.ring(study.queue)
    return _show(evaluation), True


def list_evaluations(session: Session, ref: str) -> EvaluationList:
    """Return the evaluations of a study, newest first."""
    study = get_study(session, ref)
    return EvaluationList(items=[_show(one) for one in evaluations.list_evaluations(session, study.id)])


def read_evaluation(session: Session, evaluation_id: int) -> EvaluationRead:
    """Return one evaluation.

    Raises:
        NotFound: `evaluation_not_found`.
    """
    found = evaluations.find_evaluation(session, evaluation_id)
    if found is None:
        raise _not_found(evaluation_id)
    return _show(found)


def claim(tx: Tx, body: EvaluationClaim, lease_s: float) -> EvaluationClaimed:
    """Give the oldest waiting evaluation of the worker's queues to it.

    Raises:
        NotFound: `worker_not_found`: register again.
    """
    state = workers.beat(tx.session, body.worker_id)
    if state is None:
        raise NotFound("worker_not_found", f"there is no worker {body.worker_id}", "worker_id", "register again")
    if state is not WorkerState.ALIVE:
        return EvaluationClaimed(lease_s=lease_s, order=None)
    token = secrets.token_urlsafe(24)
    started = evaluations.start_oldest(tx.session, body.queues, worker_id=body.worker_id, token=token, lease_s=lease_s)
    if started is None:
        return EvaluationClaimed(lease_s=lease_s, order=None)
    _announce(tx, started)
    return EvaluationClaimed(lease_s=lease_s, order=_order(tx.session, started))


def renew(tx: Tx, evaluation_id: int, body: EvaluationRenew, lease_s: float) -> EvaluationDecision:
    """Renew a lease, note progress, and tell whether the work still matters.

    Raises:
        LeaseLost: The evaluation is not the caller's any more.
    """
    progress = body.model_dump(include={"n_done", "n_total", "note"}, exclude_none=True)
    renewed = evaluations.renew(tx.session, evaluation_id, body.lease_token, lease_s, progress)
    if renewed is None:
        raise _lease_lost(evaluation_id)
    if progress:
        _announce(tx, renewed)
    is_gone = studies.find_study(tx.session, renewed.study_id) is None
    return EvaluationDecision(decision="stop" if is_gone else "continue", lease_s=lease_s)


def finish(tx: Tx, evaluation_id: int, body: EvaluationFinish) -> EvaluationRead:
    """End an attempt at an evaluation. Repeating it answers the same and changes nothing.

    Raises:
        Invalid: `result_missing`, or what `check_json` refuses.
        LeaseLost: The evaluation is not the caller's any more, or it ended differently.
    """
    if body.outcome == "COMPLETE" and body.result is None:
        raise Invalid("result_missing", "an evaluation that is COMPLETE has a result", "result", "send an object")
    check_json(body.result, "result", max_bytes=MAX_RESULT_BYTES)
    held = evaluations.find_held(tx.session, evaluation_id, body.lease_token)
    end = AttemptState(body.outcome)
    if held is not None and held.state is EvaluationState.RUNNING:
        ended = _end(tx, held, end, body)
        if ended is not None:
            return _show(ended)
        held = evaluations.find_held(tx.session, evaluation_id, body.lease_token)  # the same, sent twice at once
    if held is None or (held.state is EvaluationState.COMPLETE) != (end is AttemptState.COMPLETE):
        raise _lease_lost(evaluation_id)
    return _show(held)


def expire(tx: Tx, evaluation: EvaluationRecord) -> None:
    """Take a lease away if it is still expired; the evaluation waits for another worker or fails."""
    if evaluations.is_expired(tx.session, evaluation):
        lost = EvaluationFinish(lease_token=evaluation.lease_token, outcome="CRASHED", reason=_LOST)
        _end(tx, evaluation, AttemptState.LOST, lost)


def _end(tx: Tx, held: EvaluationRecord, end: AttemptState, body: EvaluationFinish) -> EvaluationRecord | None:
    study = studies.find_study(tx.session, held.study_id, with_deleted=True)
    assert study is not None
    n_burned = held.n_burned + (end in BURNING_ENDS)
    max_retries = spec_of(study).budget.max_retries
    target = decide_evaluation_state(
        end, n_burned=n_burned, max_retries=max_retries, retryable=body.is_retryable and study.deleted_at is None
    )
    values: dict[str, Any] = {"reason": body.reason, "n_burned": n_burned}
    if target is EvaluationState.COMPLETE:
        values["result"] = body.result
    if target is EvaluationState.WAITING:
        values |= {"n_done": None, "n_total": None, "note": ""}
        tx.ring(study.queue)
    ended = evaluations.end_evaluation(tx.session, held, target, values)
    if ended is not None:
        _announce(tx, ended)
    return ended


def _check_kind(study: StudyRecord, body: EvaluationCreate) -> None:
    if body.n_members is not None and body.kind != "ensemble":
        raise Invalid(
            "members_unused",
            f"n_members is {body.n_members}, but {body.kind} has no members",
            "n_members",
            'leave it out, or set "kind" to "ensemble"',
        )
    model = catalogue.get_model(spec_of(study).model)
    if model.is_generative:
        message = f"{model.name} makes examples: it has no right answers that {body.kind} could be held against"
        raise Invalid("unfit_evaluation", message, "kind", "its distances from real examples stand in its metrics")


def _choose(session: Session, study: StudyRecord, kind: Kind, n: int) -> list[int]:
    """Return the ids of the `n` best trials that stored a network; none for baselines, which see no network."""
    if kind == "baselines":
        return []
    if study.state not in ENDED_STUDIES:
        raise Conflict(
            "study_goes_on",
            f"study {study.name!r} is {study.state}: the test part is used once, for the networks it ends with",
            "study",
            "wait until it has ended, or stop it",
        )
    best = list_best_networks(session, study, n)
    if len(best) < n:
        raise Conflict(
            "too_few_networks",
            f"{len(best)} trials of study {study.name!r} have a value and a stored network; {kind} takes {n}",
            "kind" if kind == "test" else "n_members",
            "ask for fewer members, or give the study more trials",
        )
    return [trial.id for trial in best]


def _order(session: Session, evaluation: EvaluationRecord) -> EvaluationOrder:
    study = studies.find_study(session, evaluation.study_id)
    assert study is not None
    spec = spec_of(study)
    assert spec.sampler.seed is not None
    files = outputs.list_networks(session, evaluation.members)
    return EvaluationOrder(
        evaluation_id=evaluation.id,
        attempt_no=evaluation.n_attempts,
        lease_token=evaluation.lease_token,
        kind=_kind_of(evaluation),
        study_id=study.id,
        study_name=study.name,
        dataset=spec.dataset,
        dataset_sha256=dataset_of(spec).sha256,
        model=spec.model,
        objectives=spec.objectives,
        seed=spec.sampler.seed,
        members=[_member(spec, trials.get_trial(session, one), files[one]) for one in evaluation.members],
    )


def _member(spec: StudySpec, trial: TrialRecord, files: list[ArtifactRecord]) -> NetworkMember:
    assert trial.value is not None
    return NetworkMember(
        trial_id=trial.id,
        number=trial.number,
        value=trial.value,
        params=network_params(spec, trial.params),
        files=[
            NetworkFile(artifact_id=file.id, name=file.name, sha256=file.sha256, n_bytes=file.n_bytes) for file in files
        ],
    )


def _kind_of(evaluation: EvaluationRecord) -> Kind:
    return next(kind for kind in _KINDS if kind == evaluation.kind)


def _announce(tx: Tx, evaluation: EvaluationRecord) -> None:
    payload: Mapping[str, Any] = {
        "study_id": evaluation.study_id,
        "evaluation_id": evaluation.id,
        "kind": evaluation.kind,
        "state": evaluation.state,
        "n_done": evaluation.n_done,
        "n_total": evaluation.n_total,
    }
    tx.emit("evaluation", payload, study_id=evaluation.study_id)


def _show(evaluation: EvaluationRecord) -> EvaluationRead:
    return EvaluationRead(
        evaluation_id=evaluation.id,
        study_id=evaluation.study_id,
        kind=_kind_of(evaluation),
        n_members=evaluation.options.get("n_members"),
        state=evaluation.state,
        reason=evaluation.reason,
        trial_ids=list(evaluation.members),
        result=None if evaluation.result is None else dict(evaluation.result),
        n_done=evaluation.n_done,
        n_total=evaluation.n_total,
        note=evaluation.note,
        n_attempts=evaluation.n_attempts,
        created_at=evaluation.created_at,
        started_at=evaluation.started_at,
        finished_at=evaluation.finished_at,
    )


def _not_found(evaluation_id: int) -> NotFound:
    return NotFound("evaluation_not_found", f"there is no evaluation {evaluation_id}", "evaluation_id")


def _lease_lost(evaluation_id: int) -> LeaseLost:
    return LeaseLost(evaluation_id, "evaluation")
