"""What the reconcile loop mends, on both kinds of database."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text, update

from api.asks.asker import Asker
from api.schemas.studies import StudyCreate
from api.schemas.work import Assignment, ClaimRequest, FinishRequest, ReportRequest, WorkerRegister
from api.services import claims, fleet, reports, studies, workers
from api.services.reconcile import Reconciler
from api.settings import Settings
from api.transaction import Ledger
from db import attempts, trials
from db.engine import Database
from db.lifecycle import AttemptState, StudyState, TrialState, WorkerState
from db.tables import AttemptRow, StudyRow, WorkerRow
from db.types import utc_now
from tests.servers.api import a_study, settings_for

LEASE_S = 60.0


class World:
    """One database, one worker, and a reconcile loop that the test drives round by round."""

    def __init__(self, database: Database) -> None:
        self.rung: Counter[str] = Counter()
        self.ledger = Ledger(database, ring=self.ring, notify=lambda: None)
        self.settings: Settings = settings_for(Path(), lease_s=LEASE_S)
        with self.ledger.write() as tx:
            body = WorkerRegister(name="w", host="h", pid=1, queues=["cpu"], n_slots=4)
            self.worker_id = workers.register(tx, body)

    def ring(self, queue: str, n: int) -> None:
        self.rung[queue] += n

    def round(self) -> None:
        self.rung.clear()
        Reconciler(self.ledger, self.settings).run_once()

    def create(self, name: str, **budget: float | None) -> int:
        spec = a_study(name, budget={"n_trials": 4, "max_parallel": 4, **budget}, resources={"queue": "cpu"})
        with self.ledger.write() as tx:
            return studies.create_study(tx, studies.draft_study(tx.session, StudyCreate.model_validate(spec))).study_id

    def claim(self, n_max: int = 1) -> list[Assignment]:
        body = ClaimRequest(worker_id=self.worker_id, queues=["cpu"], n_max=n_max)
        return claims.claim(self.ledger, Asker(), body, LEASE_S).attempts

    def let_lease_run_out(self, job: Assignment) -> None:
        with self.ledger.write() as tx:
            past = update(AttemptRow).where(AttemptRow.id == job.attempt_id)
            tx.session.execute(past.values(lease_expires_at=utc_now(-0.01)))

    def states(self, job: Assignment) -> tuple[TrialState, AttemptState]:
        with self.ledger.read() as session:
            attempt = attempts.find_attempt(session, job.attempt_id)
            assert attempt is not None
            return trials.get_trial(session, job.trial_id).state, attempt.state

    def study_state(self, name: str) -> tuple[StudyState, str]:
        with self.ledger.read() as session:
            study = studies.read_study(session, name)
            return study.state, study.state_reason


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


def test_an_expired_lease_is_taken_away_and_the_trial_tried_again_with_its_parameters(world: World) -> None:
    world.create("lost", max_retries=1)
    (first,) = world.claim()
    world.let_lease_run_out(first)
    world.round()
    assert world.states(first) == (TrialState.WAITING, AttemptState.LOST)
    assert world.rung["cpu"] > 0
    (second,) = world.claim()
    assert (second.trial_id, second.attempt_no, second.params) == (first.trial_id, 2, first.params)
    assert second.lease_token != first.lease_token
    world.let_lease_run_out(second)
    world.round()
    assert world.states(second) == (TrialState.FAIL, AttemptState.LOST)


def test_a_lease_that_holds_or_was_renewed_in_time_stays(world: World) -> None:
    world.create("kept")
    held, renewed = world.claim(2)
    world.let_lease_run_out(renewed)
    with world.ledger.write() as tx:
        body = ReportRequest(lease_token=renewed.lease_token, seq=1, step=1)
        assert reports.report(tx, renewed.attempt_id, body, LEASE_S).decision == "continue"
    world.round()
    for job in (held, renewed):
        assert world.states(job) == (TrialState.RUNNING, AttemptState.RUNNING)


def test_right_after_a_start_leases_are_left_alone(world: World) -> None:
    world.create("grace")
    (job,) = world.claim()
    world.let_lease_run_out(job)
    Reconciler(world.ledger, world.settings).run_once(with_leases=False)
    assert world.states(job) == (TrialState.RUNNING, AttemptState.RUNNING)


def test_a_study_whose_time_is_used_up_ends(world: World) -> None:
    world.create("timed", timeout_s=3600.0)
    world.create("endless")
    (job,) = world.claim()
    world.round()
    assert world.study_state("timed")[0] is StudyState.RUNNING
    with world.ledger.write() as tx:
        late = update(StudyRow).where(StudyRow.name == "timed").values(deadline_at=utc_now(-0.01))
        tx.session.execute(late)
    assert all(one.trial_id != job.trial_id for one in world.claim(9))
    world.round()
    assert world.study_state("timed") == (StudyState.STOPPING, "the time budget is used up")
    assert world.study_state("endless")[0] is StudyState.RUNNING
    with world.ledger.write() as tx:
        body = ReportRequest(lease_token=job.lease_token, seq=1)
        assert reports.report(tx, job.attempt_id, body, LEASE_S).decision == "stop"
        reports.finish(tx, job.attempt_id, FinishRequest(lease_token=job.lease_token, outcome="STOPPED"))
    assert world.study_state("timed") == (StudyState.COMPLETE, "the time budget is used up")


def test_a_worker_that_is_silent_is_lost_until_it_speaks_again(world: World) -> None:
    def state() -> WorkerState:
        with world.ledger.read() as session:
            return fleet.read_worker(session, world.worker_id).state

    world.round()
    assert state() is WorkerState.ALIVE
    with world.ledger.write() as tx:
        silent = update(WorkerRow).where(WorkerRow.id == world.worker_id)
        tx.session.execute(silent.values(heartbeat_at=utc_now(-LEASE_S - 1)))
    world.round()
    assert state() is WorkerState.LOST
    with world.ledger.read() as session:
        assert fleet.read_worker(session, world.worker_id).left_at is None, "it never said that it leaves"
    with world.ledger.write() as tx:
        assert workers.heartbeat(tx, world.worker_id).state is WorkerState.ALIVE


def test_it_rings_for_work_that_waits_where_somebody_idles(world: World) -> None:
    world.round()
    assert not world.rung
    world.create("waits", max_parallel=3)
    world.round()
    assert world.rung == {"cpu": 3}
    jobs = world.claim(3)
    assert len(jobs) == 3
    world.round()
    assert not world.rung
    with world.ledger.write() as tx:
        fleet.drain(tx, world.worker_id)
    world.create("nobody")
    world.round()
    assert not world.rung


def test_on_postgresql_one_leads_and_the_others_wait_for_their_turn(world: World) -> None:
    """On SQLite the right to write decides: there is no second leader while a round writes."""
    if world.ledger.database.is_sqlite:
        with world.ledger.write() as tx:
            assert Reconciler(world.ledger, world.settings)._lead(tx)
        return
    key = "SELECT pg_advisory_xact_lock(7303015)"
    with world.ledger.write() as leader:
        leader.session.execute(text(key))
        with world.ledger.write() as tx:
            assert not Reconciler(world.ledger, world.settings)._lead(tx)
    with world.ledger.write() as tx:
        assert Reconciler(world.ledger, world.settings)._lead(tx)
