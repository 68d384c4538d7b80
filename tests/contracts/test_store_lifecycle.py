"""Whatever studies, workers and people do, in any order: a state machine drives the services on a real database."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from api.asks.asker import Asker
from api.errors import Conflict, Invalid, LeaseLost, NotFound
from api.schemas.studies import StudyCreate, StudyUpdate
from api.schemas.trials import TrialCreate
from api.schemas.work import Assignment, ClaimRequest, FinishRequest, ReportRequest, WorkerRegister
from api.services import claims, reports, studies, trials, workers
from api.services.reconcile import Reconciler
from api.transaction import Ledger
from db import outputs
from db.engine import Database
from db.lifecycle import FINISHED_TRIALS, OPEN_TRIALS, AttemptState, StudyState, TrialState
from db.metric_tables import MetricPointRow
from db.tables import ArtifactRow, AttemptRow, EventRow, LogLineRow, StudyRow, TrialRow
from db.types import utc_now
from tests.servers.api import a_study, settings_for
from tests.servers.migrated import MakeUrl

SPACE = {"hidden_layers": {"type": "int", "low": 1, "high": 2}, "hidden_units": {"type": "int", "low": 16, "high": 17}}
CELLS = [{"hidden_layers": layers, "hidden_units": units} for layers in (1, 2) for units in (16, 17)]
LEASE_S = 60.0
SETTINGS = settings_for(Path())
OUTCOMES = st.sampled_from(["COMPLETE", "PRUNED", "STOPPED", "PREEMPTED", "PAUSED", "OOM", "DIVERGED", "CRASHED"])
Row = Mapping[str, Any]


class StoreMachine(RuleBasedStateMachine):
    """Two workers' worth of claims, reports and losses against what people do to studies meanwhile."""

    make_url: Callable[[], str]
    study_names = Bundle("study_names")
    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.database = Database(type(self).make_url())
        self.n_notified = 0
        self.rung: dict[str, int] = {}
        self.ledger = Ledger(self.database, ring=self.ring, notify=self.notify)
        self.asker = Asker()
        self.n_studies = 0
        self.seqs: dict[int, int] = {}
        self.budgets: dict[str, int | None] = {}
        self.finished: dict[int, Row] = {}

    def ring(self, queue: str, n: int) -> None:
        assert n > 0
        self.rung[queue] = self.rung.get(queue, 0) + n

    def notify(self) -> None:
        self.n_notified += 1

    def teardown(self) -> None:
        self.database.close()

    @initialize(target=study_names)
    def join(self) -> str:
        with self.ledger.write() as tx:
            body = WorkerRegister(name="w", host="h", pid=1, queues=["cpu"], n_slots=4)
            self.worker_id = workers.register(tx, body)
        return self.create_study("grid", "asha", {"n_trials": None, "max_parallel": 3, "max_retries": 1})

    @rule(
        target=study_names,
        sampler=st.sampled_from(["grid", "random", "manual", "bayesian"]),
        pruner=st.sampled_from(["none", "asha"]),
        budget=st.fixed_dictionaries(
            {
                "n_trials": st.none() | st.integers(1, 6),
                "max_parallel": st.integers(1, 3),
                "max_retries": st.integers(0, 1),
                "confirm": st.none() | st.builds(dict, top=st.integers(1, 2), repeats=st.integers(1, 2)),
            }
        ),
    )
    def submit(self, sampler: str, pruner: str, budget: Row) -> str:
        return self.create_study(sampler, pruner, budget)

    def create_study(self, sampler: str, pruner: str, budget: Row) -> str:
        """Submit a study and return its name."""
        self.n_studies += 1
        name = f"study-{self.n_studies}"
        halving = {"name": "asha", "reduction_factor": 2}
        changes = {
            "sampler": {"name": sampler, "seed": 3},
            "pruner": halving if pruner == "asha" else {"name": "none"},
            "search_space": SPACE,
            "budget": budget,
        }
        with self.ledger.write() as tx:
            body = a_study(name, **changes, resources={"queue": "cpu"})
            studies.create_study(tx, studies.draft_study(tx.session, StudyCreate.model_validate(body)))
        self.budgets[name] = budget["n_trials"]
        return name

    @rule(target=held, n_max=st.integers(1, 3))
    def claim(self, n_max: int) -> Any:
        body = ClaimRequest(worker_id=self.worker_id, queues=["cpu"], n_max=n_max)
        answer = claims.claim(self.ledger, self.asker, body, LEASE_S)
        assert len(answer.attempts) <= n_max
        return multiple(*answer.attempts)

    @rule(job=held, value=st.floats(-1, 1) | st.just(float("nan")))
    def report_then_repeat(self, job: Assignment, value: float) -> None:
        seq = self.seqs.get(job.attempt_id, 0) + 1
        body = ReportRequest.model_validate(
            {
                "lease_token": job.lease_token,
                "seq": seq,
                "step": seq,
                "can_pause": True,
                "metrics": [{"name": "val_accuracy", "step": seq, "value": value}],
                "logs": [{"at": "2026-01-01T00:00:00Z", "text": f"step {seq}"}],
            }
        )
        if self.is_running(job.attempt_id):
            first = self.report(job, body)
            outputs = self.rows(MetricPointRow, LogLineRow, EventRow)
            assert self.report(job, body) == first
            assert self.rows(MetricPointRow, LogLineRow, EventRow) == outputs
            self.seqs[job.attempt_id] = seq
        else:
            self.assert_refused(lambda: self.report(job, body))

    @rule(job=held)
    def save(self, job: Assignment) -> None:
        """Store a checkpoint as an upload does once its bytes are there."""
        if not self.is_running(job.attempt_id):
            return
        values = {"kind": "checkpoint", "step": 1, "sha256": "0" * 64, "n_bytes": 1, "media_type": "x"}
        named = {"trial_id": job.trial_id, "attempt_no": job.attempt_no, "name": "checkpoint.safetensors"}
        with self.database.write() as session:
            outputs.store_artifact(session, {**named, **values})

    @rule(job=held, value=st.floats(-1, 1))
    def obey_a_pause(self, job: Assignment, value: float) -> None:
        """Report, and if that pauses the trial, do as workers do."""
        seq = self.seqs.get(job.attempt_id, 0) + 1
        point = {"name": "val_accuracy", "step": seq, "value": value}
        body = {"lease_token": job.lease_token, "seq": seq, "step": seq, "can_pause": True, "metrics": [point]}
        if not self.is_running(job.attempt_id):
            return
        self.seqs[job.attempt_id] = seq
        if self.report(job, ReportRequest.model_validate(body)).decision == "pause":
            self.save(job)
            end = FinishRequest(lease_token=job.lease_token, outcome="PAUSED")
            answer = self.finish(job, end)
            goes_on = {row["id"]: row["state"] for row in self.rows(TrialRow)[0]}[job.trial_id]
            assert answer.trial_state == goes_on
            assert goes_on in (TrialState.WAITING, TrialState.PRUNED)

    @rule(job=held, outcome=OUTCOMES, is_retryable=st.booleans())
    def finish_then_write_behind_the_end(self, job: Assignment, outcome: str, is_retryable: bool) -> None:
        body = FinishRequest.model_validate(
            {
                "lease_token": job.lease_token,
                "outcome": outcome,
                "values": {"val_accuracy": 0.5} if job.number % 3 else {},
                "is_retryable": is_retryable,
            }
        )
        state = self.attempt_states()[job.attempt_id]
        if state in (AttemptState.RUNNING, outcome):
            answer = self.finish(job, body)
            assert answer.attempt_state == outcome
            assert self.finish(job, body) == answer
        else:
            self.assert_refused(lambda: self.finish(job, body))
        late = ReportRequest(lease_token=job.lease_token, seq=1000, step=1000)
        self.assert_refused(lambda: self.report(job, late))

    @rule(job=held)
    def write_with_another_token(self, job: Assignment) -> None:
        body = ReportRequest(lease_token="another", seq=1000, step=1000)
        self.assert_refused(lambda: self.report(job, body))
        finish = FinishRequest(lease_token="another", outcome="COMPLETE")
        self.assert_refused(lambda: self.finish(job, finish))

    @rule(job=held)
    def expire_lease(self, job: Assignment) -> None:
        was_running = self.is_running(job.attempt_id)
        with self.database.write() as session:
            past = update(AttemptRow).where(AttemptRow.id == job.attempt_id)
            session.execute(past.values(lease_expires_at=utc_now(-1.0)))
        self.reconcile()
        if was_running:
            assert self.attempt_states()[job.attempt_id] == AttemptState.LOST

    @rule()
    def reconcile(self) -> None:
        Reconciler(self.ledger, SETTINGS).run_once()

    @rule(name=study_names, action=st.sampled_from(["pause", "resume", "stop"]))
    def act(self, name: str, action: str) -> None:
        with suppress(Conflict, NotFound), self.ledger.write() as tx:
            studies.update_study(tx, name, StudyUpdate.model_validate({"action": action}))

    @rule(name=study_names, n_more=st.integers(0, 2))
    def extend(self, name: str, n_more: int) -> None:
        n_trials = (self.budgets[name] or 0) + n_more
        with suppress(Conflict, NotFound), self.ledger.write() as tx:
            studies.update_study(tx, name, StudyUpdate(n_trials=max(1, n_trials)))
            self.budgets[name] = n_trials

    @rule(name=study_names, top=st.integers(1, 3), repeats=st.integers(1, 2))
    def confirm(self, name: str, top: int, repeats: int) -> None:
        limits = StudyUpdate.model_validate({"budget": {"confirm": {"top": top, "repeats": repeats}}})
        with suppress(Conflict, NotFound), self.ledger.write() as tx:
            studies.update_study(tx, name, limits)

    @rule(name=study_names, units=st.integers(16, 18), state=st.sampled_from(["WAITING", "COMPLETE", "FAIL"]))
    def add_trial(self, name: str, units: int, state: str) -> None:
        body = {"params": {"hidden_layers": 1, "hidden_units": units}, "state": state}
        if state == "COMPLETE":
            body["values"] = {"val_accuracy": 0.25}
        refusals = (Conflict, NotFound, Invalid) if units > 17 else (Conflict, NotFound)
        with suppress(*refusals), self.ledger.write() as tx:
            trials.add_trial(tx, name, TrialCreate.model_validate(body))
            assert units <= 17

    @rule(job=held)
    def stop_trial(self, job: Assignment) -> None:
        with suppress(Conflict, NotFound), self.ledger.write() as tx:
            trials.stop_trial(tx, job.trial_id)

    @rule(name=study_names)
    def delete_study(self, name: str) -> None:
        with suppress(NotFound), self.ledger.write() as tx:
            studies.delete_study(tx, name)

    @rule()
    def restore_oldest_deleted(self) -> None:
        deleted = [row["id"] for row in self.rows(StudyRow)[0] if row["deleted_at"] is not None]
        if deleted:
            with self.ledger.write() as tx:
                assert studies.restore_study(tx, min(deleted), 3600).deleted_at is None

    @invariant()
    def everything_holds(self) -> None:
        studies_now, trials_now, attempts_now = self.rows(StudyRow, TrialRow, AttemptRow)
        check_attempts(trials_now, attempts_now)
        for study in studies_now:
            check_study(study, [row for row in trials_now if row["study_id"] == study["id"]])
        saved = {row["trial_id"] for row in self.rows(ArtifactRow)[0]}
        check_paused(trials_now, saved)
        now = {row["id"]: row for row in trials_now if row["state"] in FINISHED_TRIALS}
        assert {trial_id: now[trial_id] for trial_id in self.finished} == self.finished
        self.finished = now

    def report(self, job: Assignment, body: ReportRequest) -> Any:
        with self.ledger.write() as tx:
            return reports.report(tx, job.attempt_id, body, LEASE_S)

    def finish(self, job: Assignment, body: FinishRequest) -> Any:
        with self.ledger.write() as tx:
            return reports.finish(tx, job.attempt_id, body)

    def assert_refused(self, write: Callable[[], Any]) -> None:
        before = self.rows(AttemptRow, TrialRow, MetricPointRow)
        with pytest.raises(LeaseLost) as caught:
            write()
        assert caught.value.code == "lease_lost"
        assert self.rows(AttemptRow, TrialRow, MetricPointRow) == before

    def is_running(self, attempt_id: int) -> bool:
        return self.attempt_states()[attempt_id] == AttemptState.RUNNING

    def attempt_states(self) -> dict[int, str]:
        return {row["id"]: row["state"] for row in self.rows(AttemptRow)[0]}

    def rows(self, *tables: Any) -> list[list[Row]]:
        """Return every row of each table in the order of its key."""
        with self.database.read() as session:
            return [
                [dict(row._mapping) for row in session.execute(select(*one.c).order_by(*one.primary_key))]
                for one in (table.__table__ for table in tables)
            ]


def check_attempts(trials_now: Sequence[Row], attempts_now: Sequence[Row]) -> None:
    """A trial runs exactly while one attempt at it does."""
    running = [row["trial_id"] for row in attempts_now if row["state"] == AttemptState.RUNNING]
    assert len(running) == len(set(running))
    assert set(running) == {row["id"] for row in trials_now if row["state"] == TrialState.RUNNING}


def check_paused(trials_now: Sequence[Row], saved: set[int]) -> None:
    """Who waits to be promoted has a checkpoint to go on from, and nobody else has a step to wait at."""
    for row in trials_now:
        if row["paused_step"] is not None:
            assert row["state"] == TrialState.WAITING
            assert row["id"] in saved
            assert row["n_attempts"] > 0


def check_study(study: Row, own: Sequence[Row]) -> None:
    """Numbers have no gap, the budget is kept, a grid's cells come once, and what is complete has nothing open."""
    assert [row["number"] for row in own] == list(range(len(own)))
    assert study["next_number"] == len(own)
    assert sum(row["state"] == TrialState.RUNNING for row in own) <= study["max_parallel"]
    proposed = [row for row in own if row["source"] == "sampler"]
    assert [row["cell"] for row in proposed] == list(range(len(proposed)))
    assert study["n_trials"] is None or len(proposed) <= study["n_trials"]
    check_confirmations(study, own)
    if study["spec"]["sampler"]["name"] == "grid":
        assert [row["params"] for row in proposed] == CELLS[: len(proposed)]
    if study["state"] == StudyState.COMPLETE:
        assert not [row for row in own if row["state"] in OPEN_TRIALS]


def check_confirmations(study: Row, own: Sequence[Row]) -> None:
    """Runs that confirm have the parameters of a complete trial, and the budget does not count them.

    A study that has a result is complete only when that was trained again as often as it asks for, unless it was told
    to stop.
    """
    runs = [row for row in own if row["confirms"] is not None]
    assert study["n_confirmations"] == len(runs)
    assert {row["source"] for row in own if row in runs} <= {"confirm"}
    for row in runs:
        candidate = own[row["confirms"]]
        assert (candidate["state"], candidate["confirms"]) == (TrialState.COMPLETE, None)
        assert (row["params"], row["cell"], row["reused_from"]) == (candidate["params"], None, None)
    confirm = study["spec"]["budget"]["confirm"]
    has_ended = study["state"] == StudyState.COMPLETE and study["state_reason"] == "budget used"
    if confirm is None or not has_ended or study["deleted_at"] is not None:
        return
    is_own = {"sampler", "manual"}
    values = [row for row in own if row["state"] == TrialState.COMPLETE and row["source"] in is_own]
    assert not values or len(runs) >= confirm["repeats"]


def test_no_order_of_events_breaks_the_store(make_database: MakeUrl) -> None:
    machine = type("Machine", (StoreMachine,), {"make_url": staticmethod(make_database)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            derandomize="CI" in os.environ,
            # No shrinking: on a real database it takes longer than reading the thirty steps of a failure.
            phases=(Phase.explicit, Phase.reuse, Phase.generate),
            suppress_health_check=list(HealthCheck),
        ),
    )
