"""Runs of scripts: a trial, an attempt and its lease in one step, for code that no worker runs.

A script that tells its parameters begins a run under a key of its own. Asking again with the key gives the same run:
its attempt while it goes on, and a new attempt once the lease was lost, which goes on behind the reports that are
stored. So a script that was cut off or killed can still tell all it had to say, once. Another script can go on with a
run that was lost by naming it; from then on whoever held it before is refused.

A script that asks for parameters is given a trial as a worker would be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from api.errors import Conflict, NotFound
from api.schemas.runs import RunCreate, RunRead, ScriptHost
from api.schemas.work import Assignment
from api.services.claims import Seeker, assign, find_checkpoint, seek, start_attempt
from api.services.lookup import get_study, require_native
from api.services.scripts import fixed_params, require_script
from api.services.seeds import seed_number, trial_seed
from api.services.settle import announce_study, announce_trial
from api.services.specs import check_params
from api.services.views import spec_of
from api.state import Control
from api.transaction import Tx
from db import attempts, studies, trials, workers
from db.attempts import Holder
from db.lifecycle import ENDED_STUDIES, FINISHED_TRIALS, AttemptState, StudyState, TrialState
from db.records import AttemptRecord, StudyRecord, TrialRecord

_MAX_ID_DIGITS = 15  # longer ones are keys
_NOBODY = ScriptHost(name="script", host="unknown", pid=1)


def begin(control: Control, ref: str, body: RunCreate) -> RunRead:
    """Begin a run, or return what there is of it.

    Args:
        control: The control plane.
        ref: Id or name of the study.
        body: Key and parameters; without parameters the study proposes them.

    Raises:
        NotFound: `study_not_found`; `run_not_found`: the study has no run to go on with that is called so.
        Invalid: Parameters outside the study's space.
        Conflict: `optuna_study`; `not_for_scripts`: workers train its trials; `wrong_state`: it is stopping;
            `run_live`: another script holds the run; `run_over`: the run to go on with has ended.

    Effects:
        Stores the script as a worker without queues, a trial and a running attempt. A study that has ended goes on for
        a run with parameters of its own.
    """
    lease_s = control.settings.lease_s
    with control.ledger.write() as tx:
        study = _lock(tx, ref)
        worker_id = _know(tx, body)
        own = _find(tx, study, body)
        if own is not None:
            found = _hold(tx, study, worker_id, own, is_resumed=body.resume is not None, lease_s=lease_s)
    if own is None:
        seeker = Seeker(worker_id, n_max=1, study_id=study.id)
        given = seek(control.ledger, control.asker, seeker, lease_s).attempts
        found = (given[0] if given else None), 0
    attempt, last_seq = found
    with control.ledger.read() as session:
        study = studies.find_study(session, study.id) or study
        trial_id = attempt.trial_id if attempt else own.id if own else None
        run = None if trial_id is None else trials.find_trial(session, trial_id)
    return _show(control, study, worker_id, attempt, run, last_seq)


def _lock(tx: Tx, ref: str) -> StudyRecord:
    study = studies.lock_study(tx.session, get_study(tx.session, ref).id)
    assert study is not None
    require_native(study, "hand its trials out")
    require_script(study)
    return study


def _know(tx: Tx, body: RunCreate) -> int:
    """Return the id of the script's process, which is stored where it is new."""
    known = None if body.worker_id is None else workers.find_worker(tx.session, body.worker_id)
    if known is not None and not known.queues:
        workers.beat(tx.session, known.id)
        return known.id
    host = body.script or _NOBODY
    return workers.insert_worker(tx.session, {**host.model_dump(), "queues": [], "n_slots": 1})


def _find(tx: Tx, study: StudyRecord, body: RunCreate) -> TrialRecord | None:
    """Return the run with parameters of its own that is meant, made where it is new; None: the study proposes them."""
    if body.resume is not None:
        return _lost(tx, study, body.resume)
    if body.params is None:
        return None
    return trials.find_run(tx.session, study.id, body.key) or _insert(tx, study, body)


def _lost(tx: Tx, study: StudyRecord, name: str) -> TrialRecord:
    """Return the run to go on with, by the id of its trial or by its key."""
    is_id = name.isdecimal() and len(name) <= _MAX_ID_DIGITS
    run = trials.find_trial(tx.session, int(name)) if is_id else trials.find_run(tx.session, study.id, name)
    if run is None or run.study_id != study.id or run.run_key is None:
        message = f"study {study.name!r} has no run {name!r} that a script began"
        raise NotFound("run_not_found", message, "resume", "give the id of its trial; agents are given theirs again")
    if run.state in FINISHED_TRIALS:
        message = f"run {run.number} of study {study.name!r} has ended as {run.state}, and stays as it is"
        raise Conflict("run_over", message, "resume", "begin another run, from its checkpoint where it has one")
    return run


def _hold(
    tx: Tx, study: StudyRecord, worker_id: int, run: TrialRecord, *, is_resumed: bool, lease_s: float
) -> tuple[Assignment | None, int]:
    """Return the attempt of a run with parameters of its own, None where it is over, and the last stored report.

    Raises:
        Conflict: `run_live`.
    """
    tries = [attempt for attempt, _ in attempts.list_attempts(tx.session, run.id)]
    last_seq = max((one.last_seq for one in tries), default=0)
    if run.state is TrialState.RUNNING:
        held = next(one for one in tries if one.state == AttemptState.RUNNING)
        _require_free(tx, worker_id, held, None if is_resumed else tries)
        attempts.extend_lease(tx.session, held.id, held.lease_token, lease_s)
        return _completed(study, run, assign(run, held.id, held.lease_token, find_checkpoint(tx, run))), last_seq
    if run.state is not TrialState.WAITING:
        return None, last_seq
    started = start_attempt(tx, Holder(worker_id, None), run, lease_s, last_seq=last_seq)
    announce_study(tx, study.id)
    return _completed(study, run, started), last_seq


def _require_free(tx: Tx, worker_id: int, held: AttemptRecord, tries: Sequence[AttemptRecord] | None) -> None:
    """Refuse a running run to whoever names it while another process holds it, and to whoever lost it to that one.

    Args:
        tx: The transaction.
        worker_id: Who asks.
        held: The running attempt.
        tries: All attempts, where the caller knows the run's key; None for a caller who names the run.

    Raises:
        Conflict: `run_live`.
    """
    caller = _process(tx, worker_id)
    if _process(tx, held.worker_id) == caller:
        return
    if tries is None or any(_process(tx, one.worker_id) == caller for one in tries):
        message = f"another script holds run {held.trial_id}"
        raise Conflict("run_live", message, "resume", "wait: once that is lost, its lease runs out")


def _process(tx: Tx, worker_id: int | None) -> tuple[str, int] | None:
    worker = None if worker_id is None else workers.find_worker(tx.session, worker_id)
    return None if worker is None else (worker.host, worker.pid)


def _insert(tx: Tx, study: StudyRecord, body: RunCreate) -> TrialRecord:
    if study.state is StudyState.STOPPING:
        raise Conflict("wrong_state", f"study {study.name!r} is stopping", "study", "wait until it is COMPLETE")
    params = dict(body.params or {})
    if study.spec["search_space"]:
        check_params(spec_of(study), params)
    number, _ = studies.take_number(tx.session, study.id, is_cell=False)
    values: dict[str, Any] = {"study_id": study.id, "number": number, "state": TrialState.WAITING, "source": "script"}
    values |= {"params": params, "note": body.note, "tags": body.tags, "run_key": body.key}
    if body.began_at is not None:
        values["started_at"] = min(body.began_at, datetime.now(UTC))
    run = trials.insert_trial(tx.session, values)
    if study.state in ENDED_STUDIES:
        studies.move_study(tx.session, study.id, StudyState.RUNNING)
    announce_trial(tx, run)
    return run


def _completed(study: StudyRecord, run: TrialRecord, attempt: Assignment) -> Assignment:
    seed: int = study.spec["sampler"]["seed"]
    params: Mapping[str, Any] = fixed_params(spec_of(study), run.params)
    return attempt.model_copy(update={"params": dict(params), "seed": trial_seed(seed, seed_number(run))})


def _show(
    control: Control,
    study: StudyRecord,
    worker_id: int,
    attempt: Assignment | None,
    run: TrialRecord | None,
    last_seq: int,
) -> RunRead:
    return RunRead(
        study_id=study.id,
        study_name=study.name,
        study_state=study.state,
        objectives=spec_of(study).objectives,
        command=study.spec.get("command"),
        venv=study.spec.get("venv"),
        source=spec_of(study).source,
        pruner=study.spec["pruner"]["name"],
        lease_s=control.settings.lease_s,
        heartbeat_s=control.settings.heartbeat_s,
        worker_id=worker_id,
        attempt=attempt,
        last_seq=last_seq,
        step=None if run is None else run.step,
        trial_id=None if run is None else run.id,
        number=None if run is None else run.number,
        trial_state=None if run is None else run.state,
    )
