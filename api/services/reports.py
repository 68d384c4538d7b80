"""What a running attempt says, and what it is told."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.asks.plans import plan_of
from api.errors import Invalid, LeaseLost, NotFound
from api.schemas.trials import Finding
from api.schemas.work import FinishRead, FinishRequest, LogEntry, MemoryPeak, ReportRead, ReportRequest
from api.services.admission import learn
from api.services.members import is_member, is_system
from api.services.objectives import metrics_of, no_value, outcomes_of, violations_of
from api.services.promotion import step_to_wait_at
from api.services.pruning import Brought, decide
from api.services.scripts import is_script, is_tracking
from api.services.settle import announce_trial, settle_ending
from api.services.views import is_number
from api.transaction import Tx
from db import attempts, metrics, outputs, studies, trials
from db.attempts import Orders, Renewed
from db.lifecycle import (
    BURNING_ENDS,
    FINISHED_TRIALS,
    AttemptState,
    StudyState,
    TrialState,
    decide_trial_state,
)
from db.metrics import NamedPoints
from db.records import AttemptRecord, StudyRecord, TrialRecord
from db.types import encode_float


def report(tx: Tx, attempt_id: int, body: ReportRequest, lease_s: float) -> ReportRead:
    """Store a report once and decide how the trial goes on.

    Raises:
        NotFound: `attempt_not_found`.
        LeaseLost: The attempt is not the caller's any more; nothing was stored.
    """
    renewed = attempts.renew_attempt(tx.session, attempt_id, body.lease_token, body.seq, lease_s)
    if renewed is None:
        return _repeat(tx, attempt_id, body, lease_s)
    fresh = metrics.store_points(tx.session, renewed.trial_id, _points(body))
    outputs.store_lines(tx.session, renewed.trial_id, renewed.attempt_no, _lines(body.logs))
    trials.advance_trial(tx.session, renewed.trial_id, body.step, body.n_steps)
    if body.memory:
        _learn_memory(tx, renewed, body.memory)
    orders = attempts.find_orders(tx.session, renewed.trial_id)
    _announce(tx, renewed, orders, body, fresh)
    return _decide(
        tx,
        renewed.trial_id,
        orders,
        Brought(fresh, can_pause=body.can_pause),
        ReportRead(decision="continue", reason="", lease_s=lease_s, last_seq=body.seq),
    )


def finish(tx: Tx, attempt_id: int, body: FinishRequest) -> FinishRead:
    """End an attempt and, unless it is to be tried again, its trial.

    Repeating the same finish answers the same and changes nothing.

    Raises:
        NotFound: `attempt_not_found`.
        LeaseLost: The attempt is not the caller's any more, or it ended differently.
        Invalid: `member_value`: a value of a member among those of the trial.
    """
    _check_values(body.values)
    end = AttemptState(body.outcome)
    study, trial = lock_trial_of(tx, attempt_id)
    if not attempts.close_attempt(tx.session, attempt_id, body.lease_token, end, body.reason):
        return _finished_before(tx, attempt_id, body)
    target = conclude(
        tx, study, trial, Ending(end, body.reason, body.values, body.is_retryable, _diagnosis_of(body.diagnosis))
    )
    return FinishRead(trial_state=target, attempt_state=end)


def _learn_memory(tx: Tx, renewed: Renewed, reported: list[MemoryPeak]) -> None:
    trial = trials.get_trial(tx.session, renewed.trial_id)
    study = studies.find_study(tx.session, trial.study_id)
    if study is not None and not is_script(study) and learn(tx, renewed.attempt_id, plan_of(study), trial, reported):
        tx.ring(study.queue, 1)  # another slot of the device may have waited for the room


def lock_trial_of(tx: Tx, attempt_id: int) -> tuple[StudyRecord, TrialRecord]:
    """Return the study, locked, and the trial of an attempt.

    Raises:
        NotFound: `attempt_not_found`.
    """
    found = attempts.find_trial_of(tx.session, attempt_id)
    if found is None:
        raise _no_attempt(attempt_id)
    study = studies.lock_study(tx.session, found.study_id)
    trial = attempts.find_trial_of(tx.session, attempt_id)  # again: it may have changed before the lock was ours
    assert study is not None
    assert trial is not None
    return study, trial


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, as `conclude` needs to know it; `diagnosis` holds columns of the trial."""

    end: AttemptState
    reason: str
    values: Mapping[str, float]
    is_retryable: bool
    diagnosis: Mapping[str, Any] = field(default_factory=dict)


def conclude(tx: Tx, study: StudyRecord, trial: TrialRecord, ending: Ending) -> TrialState:
    """Move a trial whose attempt was just closed, and return its new state. The caller holds the study's lock.

    Effects:
        Updates the trial, settles the study, rings where the trial waits again.
    """
    # A run that a script began waits for this script as long as it takes: others cannot go on with it.
    is_waited_for = trial.run_key is not None and ending.end is AttemptState.LOST
    n_burned = trial.n_burned + (ending.end in BURNING_ENDS and not is_waited_for)
    paused_step = step_to_wait_at(tx, study, trial)
    target = _target(study, trial, ending, n_burned, can_wait=paused_step is not None)
    values = _with_objectives(tx, study, trial, ending) if target in FINISHED_TRIALS else {}
    lacking = [metric for metric in metrics_of(study) if not is_number(values.get(metric))]
    value = values.get(metrics_of(study)[0])
    reason = ending.reason
    if target is TrialState.COMPLETE and lacking and not is_tracking(study):
        target, reason = TrialState.FAIL, no_value(lacking[0], values.get(lacking[0]))
    changes = {
        "outcome_constraints": violations_of(study.spec.get("outcome_constraints", ()), values)
        if target is TrialState.COMPLETE
        else None,
        "reason": reason,
        "n_burned": n_burned,
        "value": value if is_number(value) and target is not TrialState.FAIL else None,
        "values": {name: encode_float(number) for name, number in values.items()},
    }
    if target is TrialState.WAITING:
        changes["paused_step"] = paused_step
        changes["is_alone"] = trial.is_alone or ending.end is AttemptState.OOM
    if target in FINISHED_TRIALS or ending.end is AttemptState.PAUSED:
        changes |= ending.diagnosis
    ended = trials.end_trial(tx.session, trial, target, changes)
    if study.deleted_at is None:
        announce_trial(tx, ended or trial)
        settle_ending(tx, study.id)
    return target


def _target(study: StudyRecord, trial: TrialRecord, ending: Ending, n_burned: int, *, can_wait: bool) -> TrialState:
    """Return what an ended attempt makes of its trial; `can_wait`: it was told to pause and may go on later."""
    goes_on = study.state in (StudyState.RUNNING, StudyState.PAUSED)
    is_paused = ending.end is AttemptState.PAUSED
    if ending.end is AttemptState.OOM:
        # A script's run is nobody else's to go on with, and it has ended.
        can_differ = not trial.is_alone and trial.run_key is None
    else:
        can_differ = can_wait if is_paused else ending.is_retryable
    target = decide_trial_state(
        ending.end,
        n_burned=n_burned,
        max_retries=study.spec["budget"]["max_retries"],
        retryable=goes_on and can_differ,
    )
    if target is TrialState.WAITING and (trial.is_stop_requested or study.state is StudyState.STOPPING):
        return TrialState.PRUNED if is_paused else TrialState.FAIL
    return target


def _diagnosis_of(findings: Sequence[Finding] | None) -> dict[str, Any]:
    """Return the columns that keep a diagnosis; none where there is none."""
    if findings is None:
        return {}
    shown = [one.model_dump(mode="json", exclude_unset=True) for one in findings]
    return {"diagnosis": shown, "findings": list(dict.fromkeys(one.kind for one in findings))}


def _with_objectives(tx: Tx, study: StudyRecord, trial: TrialRecord, ending: Ending) -> dict[str, float]:
    """Return what an attempt ended with; what it does not name of what the study reads is what was reported last."""
    unnamed = [metric for metric in outcomes_of(study) if metric not in ending.values]
    series = metrics.list_series(tx.session, [trial.id], unnamed) if unnamed else []
    latest = {one.name: one.latest_value for one in series if one.latest_value is not None}
    return {**ending.values, **latest}


def _check_values(values: Mapping[str, float]) -> None:
    for name in values:
        if is_member(name):
            hint = "report it as a metric point, and send the trial's own value under the plain name"
            raise Invalid("member_value", f"{name!r} is of one member, not of the trial", f"values.{name}", hint)


def _repeat(tx: Tx, attempt_id: int, body: ReportRequest, lease_s: float) -> ReportRead:
    attempt = _held(tx, attempt_id, body.lease_token)
    attempts.extend_lease(tx.session, attempt_id, body.lease_token, lease_s)
    orders = attempts.find_orders(tx.session, attempt.trial_id)
    answer = ReportRead(decision="continue", reason="", lease_s=lease_s, last_seq=attempt.last_seq)
    return _decide(tx, attempt.trial_id, orders, Brought(), answer)


def _held(tx: Tx, attempt_id: int, token: str) -> AttemptRecord:
    attempt = attempts.find_attempt(tx.session, attempt_id)
    if attempt is None:
        raise _no_attempt(attempt_id)
    if attempt.state is not AttemptState.RUNNING or attempt.lease_token != token:
        raise LeaseLost(attempt_id)
    return attempt


def _finished_before(tx: Tx, attempt_id: int, body: FinishRequest) -> FinishRead:
    attempt = attempts.find_attempt(tx.session, attempt_id)
    if attempt is None or attempt.lease_token != body.lease_token or attempt.state != body.outcome:
        raise LeaseLost(attempt_id)
    _, trial = lock_trial_of(tx, attempt_id)
    return FinishRead(trial_state=trial.state, attempt_state=attempt.state)


def _decide(tx: Tx, trial_id: int, orders: Orders, brought: Brought, answer: ReportRead) -> ReportRead:
    goes_on = orders.study_state in (StudyState.RUNNING, StudyState.PAUSED) and not orders.is_deleted
    if orders.is_stop_requested or not goes_on:
        reason = "a user stopped the trial" if goes_on else "the study was stopped"
        return answer.model_copy(update={"decision": "stop", "reason": reason})
    word, reason = decide(tx, trial_id, orders, brought)
    return answer if word == "continue" else answer.model_copy(update={"decision": word, "reason": reason})


def _announce(tx: Tx, renewed: Renewed, orders: Orders, body: ReportRequest, fresh: NamedPoints) -> None:
    shown = {name for name in set(fresh.names) if not (is_member(name) or is_system(name))}
    told = zip(fresh.names, fresh.steps, fresh.values, strict=True)
    if fresh or body.step is not None:
        payload = {
            "study_id": orders.study_id,
            "trial_id": renewed.trial_id,
            "number": orders.number,
            "step": body.step,
            "n_steps": body.n_steps,
            # Members' points would make each notice n * k times as long, and few readers show them or the machine's:
            # these are fetched.
            "points": [[name, step, encode_float(value)] for name, step, value in told if name in shown],
        }
        tx.emit("metrics", payload, study_id=orders.study_id, trial_id=renewed.trial_id)
    if body.logs:
        payload = {"study_id": orders.study_id, "trial_id": renewed.trial_id, "n": len(body.logs)}
        tx.emit("logs", payload, study_id=orders.study_id, trial_id=renewed.trial_id)


def _points(body: ReportRequest) -> NamedPoints:
    now_ms = int(time.time() * 1000)
    told = body.metrics
    times = [point.get("at") for point in told]
    return NamedPoints(
        [point["name"] for point in told],
        [point["step"] for point in told],
        [point["value"] for point in told],
        [now_ms if at is None else int(at.timestamp() * 1000) for at in times],
    )


def _lines(logs: Sequence[LogEntry]) -> list[dict[str, object]]:
    # PostgreSQL's text cannot hold NUL.
    return [{"stream": line.stream, "at": line.at, "text": line.text.replace("\x00", "\\0")} for line in logs]


def _no_attempt(attempt_id: int) -> NotFound:
    return NotFound("attempt_not_found", f"there is no attempt {attempt_id}", "attempt_id")
