"""Who is woken for what: idle workers hear of new work once, and nothing rings for work they have heard of."""

from __future__ import annotations

from typing import Any

import pytest

from api.asks.asker import Asker
from api.schemas.studies import StudyCreate
from api.schemas.trials import TrialCreate
from api.schemas.work import Assignment, ClaimRequest, FinishRequest, WorkerRegister
from api.services import claims, reports, studies, trials, workers
from api.transaction import Ledger
from db.engine import Database
from tests.servers.api import a_study

Rung = list[tuple[str, int]]


class Floor:
    """A store with one worker, and the rings that left it since they were last read."""

    def __init__(self, database: Database) -> None:
        self._rung: Rung = []
        self.ledger = Ledger(database, ring=lambda queue, n: self._rung.append((queue, n)), notify=lambda: None)
        with self.ledger.write() as tx:
            body = WorkerRegister(name="w", host="h", pid=1, queues=["cpu"], n_slots=1)
            self.worker_id = workers.register(tx, body)
        self.rings()

    def rings(self) -> Rung:
        rung, self._rung[:] = list(self._rung), []
        return rung

    def submit(self, **changes: Any) -> None:
        with self.ledger.write() as tx:
            body = StudyCreate.model_validate(a_study("s", resources={"queue": "cpu"}, **changes))
            studies.create_study(tx, studies.draft_study(tx.session, body))

    def claim(self, n_max: int = 1) -> list[Assignment]:
        body = ClaimRequest(worker_id=self.worker_id, queues=["cpu"], n_max=n_max)
        return claims.claim(self.ledger, Asker(), body, 60.0).attempts

    def finish(self, job: Assignment, outcome: str = "COMPLETE") -> None:
        body = {"lease_token": job.lease_token, "outcome": outcome, "values": {"val_accuracy": 0.5}}
        with self.ledger.write() as tx:
            reports.finish(tx, job.attempt_id, FinishRequest.model_validate(body))


@pytest.fixture
def floor(database: Database) -> Floor:
    return Floor(database)


def test_a_new_study_rings_for_all_that_can_start(floor: Floor) -> None:
    floor.submit(sampler={"name": "random"}, budget={"n_trials": 9, "max_parallel": 4})
    assert floor.rings() == [("cpu", 4)]


def test_an_end_beside_free_places_rings_for_nobody(floor: Floor) -> None:
    floor.submit(sampler={"name": "random"}, budget={"n_trials": 9, "max_parallel": 4})
    (job,) = floor.claim()
    floor.rings()
    floor.finish(job)
    assert floor.rings() == []


def test_an_end_in_a_full_study_rings_once(floor: Floor) -> None:
    floor.submit(sampler={"name": "random"}, budget={"n_trials": 9, "max_parallel": 2})
    first, _ = floor.claim(n_max=2)
    floor.rings()
    floor.finish(first)
    assert floor.rings() == [("cpu", 1)]


def test_the_end_of_the_budget_rings_for_nobody(floor: Floor) -> None:
    floor.submit(sampler={"name": "random"}, budget={"n_trials": 2, "max_parallel": 2})
    jobs = floor.claim(n_max=2)
    floor.rings()
    for job in jobs:
        floor.finish(job)
    assert floor.rings() == []


def test_a_trial_that_waits_again_rings(floor: Floor) -> None:
    floor.submit(sampler={"name": "random"}, budget={"n_trials": 9, "max_parallel": 4})
    (job,) = floor.claim()
    floor.rings()
    floor.finish(job, outcome="PREEMPTED")
    assert floor.rings() == [("cpu", 1)]


def test_a_manual_study_rings_for_what_its_owner_adds_only(floor: Floor) -> None:
    floor.submit(sampler={"name": "manual"}, budget={"n_trials": None, "max_parallel": 4})
    floor.rings()
    assert floor.claim() == []
    assert floor.rings() == []
    with floor.ledger.write() as tx:
        trials.add_trial(tx, "s", TrialCreate.model_validate({"params": {"learning_rate": 0.01}}))
    assert floor.rings() != []
    (job,) = floor.claim()
    floor.rings()
    floor.finish(job)
    assert floor.claim() == []
    assert floor.rings() == []
