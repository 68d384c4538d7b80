"""Samplers are asked outside of transactions, slow ones in another process and ahead; what they say is stored once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from api.asks.asker import Asker
from api.asks.plans import Plan
from api.asks.process import AskPool
from api.asks.proposals import Need, propose
from api.services.prepare import Preparer
from db import studies, trials
from db.lifecycle import TrialState
from db.records import TrialRecord
from search.types import SuggestRequest
from tests.servers.api import Caller, Json, Served, serving, settings_for
from tests.servers.migrated import MakeUrl
from tests.servers.waiting import wait_until

RATE: Json = {"learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}}
MIXED: Json = {**RATE, "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish"]}}
PATIENCE_S = 60.0


@pytest.fixture
def slow(live_api: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Return the API with every ask of a sampler that learns in the other process, and patience for it."""

    def is_slow(_sampler: object, request: SuggestRequest, n: int = 1) -> bool:
        return len(request.history) > 3 or n > 1

    monkeypatch.setattr("api.asks.asker.is_slow", is_slow)
    monkeypatch.setattr("api.services.prepare.is_slow", is_slow)
    monkeypatch.setattr(live_api.control.asker, "patience_s", PATIENCE_S)
    return live_api


def submit(caller: Caller, n_trials: int, max_parallel: int, **changes: Any) -> int:
    budget = {"n_trials": n_trials, "max_parallel": max_parallel}
    space = changes.pop("search_space", RATE)
    caller.create("asked", sampler={"name": "bayesian", "seed": 3}, search_space=space, budget=budget, **changes)
    return caller.join("asked")


def finish(caller: Caller, job: Json) -> None:
    caller.finish(job, values={"val_accuracy": 1 - abs(job["params"]["learning_rate"] - 0.01)})


def stored(served: Served) -> list[TrialRecord]:
    with served.control.ledger.read() as session:
        study = studies.find_study(session, "asked")
        assert study is not None
        return trials.list_history(session, study.id)


def statuses(caller: Caller) -> set[str]:
    found = [one for page in caller.pages("/studies/asked/replay") for one in page]
    assert found
    return {one["status"] for one in found}


def during_first_ask(served: Served, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[object]:
    """Do something while a sampler is asked for the first time; return what came of it."""
    done: list[object] = []
    ask = Asker.ask

    def interrupted(asker: Asker, plan: Plan, *rest: Any) -> Any:
        answer = ask(asker, plan, *rest)
        if not done:
            done.append(None)
            done[0] = act()
        return answer

    monkeypatch.setattr(Asker, "ask", interrupted)
    return done


def test_no_transaction_is_open_while_a_sampler_is_asked(
    live_api: Served, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_id = submit(caller, 4, 2)
    other = Caller(live_api.address)
    done = during_first_ask(
        live_api, monkeypatch, lambda: other.call("PATCH", "/studies/asked", json={"notes": "meanwhile"})["notes"]
    )
    assert len(caller.claim(worker_id, "asked")) == 1
    assert done == ["meanwhile"]
    other.close()


def test_a_number_that_was_taken_meanwhile_is_given_once(
    live_api: Served, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_id = submit(caller, 4, 4)
    other = Caller(live_api.address)
    body = {"params": {"learning_rate": 0.02}, "state": "COMPLETE", "values": {"val_accuracy": 0.5}}
    during_first_ask(live_api, monkeypatch, lambda: other.call("POST", "/studies/asked/trials", 201, json=body))
    (job,) = caller.claim(worker_id, "asked")
    assert job["number"] == 1
    assert [(one.number, one.source) for one in stored(live_api)] == [(0, "imported"), (1, "sampler")]
    assert stored(live_api)[1].seen is not None
    assert statuses(caller) == {"same"}
    other.close()


def test_many_at_once_get_each_number_once(slow: Served, caller: Caller) -> None:
    submit(caller, 16, 6)

    def work(_place: int) -> list[int]:
        own, done = Caller(slow.address), []
        worker_id = own.join("asked", n_slots=1)
        while own.call("GET", "/studies/asked")["state"] == "RUNNING":
            for job in own.claim(worker_id, "asked"):
                running = own.call("GET", "/studies/asked")["trial_counts"]
                assert running["RUNNING"] <= 6
                finish(own, job)
                done.append(job["number"])
        own.close()
        return done

    with ThreadPoolExecutor(4) as pool:
        numbers = [number for done in pool.map(work, range(4)) for number in done]
    assert sorted(numbers) == list(range(16))
    assert statuses(caller) == {"same"}


def test_suggestions_are_prepared_while_workers_train_and_renewed_when_one_has_trained(
    slow: Served, caller: Caller
) -> None:
    worker_id = submit(caller, 12, 3)
    while len(stored(slow)) < 5:
        for job in caller.claim(worker_id, "asked"):
            finish(caller, job)
    (running,) = caller.claim(worker_id, "asked")

    def waiting() -> list[TrialRecord]:
        return [one for one in stored(slow) if one.state is TrialState.WAITING]

    def n_ended() -> int:
        return sum(one.state is TrialState.COMPLETE for one in stored(slow))

    def are_up_to_date() -> bool:
        seen = [one.seen or {} for one in waiting()]
        last = max(one.finished_rev or 0 for one in stored(slow))
        return len(seen) == 3 and all(one["rev"] >= last for one in seen)

    wait_until(are_up_to_date, PATIENCE_S, what="as many wait as may run")
    before = waiting()
    n_before = n_ended()
    finish(caller, running)
    wait_until(are_up_to_date, PATIENCE_S, what="what waits has seen the last result")
    after = waiting()
    assert n_ended() == n_before + 1
    assert [one.id for one in after] == [one.id for one in before]
    assert all(one.seen != old.seen for one, old in zip(after, before, strict=True))
    assert caller.claim(worker_id, "asked")[0]["number"] == after[0].number
    caller.call("PATCH", "/studies/asked", json={"action": "stop"})
    assert statuses(caller) == {"same"}


def test_no_more_is_prepared_than_the_budget_and_the_slots_allow(slow: Served, caller: Caller) -> None:
    worker_id = submit(caller, 7, 6)
    jobs: list[Json] = []
    while len(stored(slow)) < 6 or len(jobs) < 2:
        jobs += caller.claim(worker_id, "asked")
        if len(stored(slow)) < 6:
            finish(caller, jobs.pop(0))
    preparer = Preparer(slow.control.ledger, slow.control.asker)
    (study_id,) = {one.study_id for one in stored(slow)}
    preparer.prepare(study_id)
    wait_until(lambda: len(stored(slow)) == 7, PATIENCE_S, what="the last trial of the budget waits")
    assert preparer.prepare(study_id) == 0
    assert len(stored(slow)) == 7


def test_one_trial_at_a_time_is_asked_for_with_all_results(slow: Served, caller: Caller) -> None:
    worker_id = submit(caller, 8, 1)
    for number in range(8):
        (job,) = caller.claim(worker_id, "asked")
        assert job["number"] == number
        finish(caller, job)
        assert all(one.state is TrialState.COMPLETE for one in stored(slow))
    seen = [one.seen["running"] for one in stored(slow) if one.seen is not None]
    assert seen == [[]] * 8


def test_without_an_answer_the_draw_is_random_and_says_so(
    slow: Served, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker_id = submit(caller, 6, 1)
    for _ in range(4):
        finish(caller, caller.claim(worker_id, "asked")[0])
    deaf = AskPool(command=(sys.executable, "-m", "tests.servers.slow_asker"))
    with monkeypatch.context() as hurt:
        hurt.setattr(slow.control.asker, "patience_s", 0.05)
        hurt.setattr(slow.control.asker, "pool", deaf)
        (job,) = caller.claim(worker_id, "asked")
    deaf.close()
    trial = stored(slow)[-1]
    assert trial.note.startswith("random, because there was no answer of the sampler: it took longer than")
    finish(caller, job)
    assert statuses(caller) == {"same"}


def test_what_waits_is_not_replaced_once_a_later_trial_has_seen_it(slow: Served, caller: Caller) -> None:
    worker_id = submit(caller, 40, 8, search_space=MIXED)
    for _ in range(5):
        finish(caller, caller.claim(worker_id, "asked")[0])
    held = [job for _ in range(4) for job in caller.claim(worker_id, "asked", n_max=3)]
    for job in held[:3]:
        finish(caller, job)
    (study_id,) = {one.study_id for one in stored(slow)}
    Preparer(slow.control.ledger, slow.control.asker).prepare(study_id)
    for job in held[3:]:
        finish(caller, job)
    caller.call("PATCH", "/studies/asked", json={"action": "stop"})
    assert statuses(caller) == {"same"}


def test_two_services_on_one_database_give_each_number_once_and_one_may_go(
    make_database: MakeUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.asks.asker.is_slow", lambda _sampler, request, _n=1: request.number % 3 == 0)
    monkeypatch.setattr("api.services.prepare.is_slow", lambda *_: True)
    url = make_database()
    settings = [settings_for(tmp_path / name, url, ask_patience_s=8.0) for name in ("first", "second")]
    with serving(settings[0]) as first, closing(Caller(first.address)) as caller:
        submit(caller, 24, 8)
        with serving(settings[1]) as second, ThreadPoolExecutor(4) as pool:
            served = (first, second, first, second)
            numbers = [one for done in pool.map(lambda one: work_until(one, 12), served) for one in done]
        numbers += work_until(first, 24)
        assert sorted(numbers) == list(range(24))
        assert statuses(caller) == {"same"}


def work_until(served: Served, n_numbers: int) -> list[int]:
    """Claim and finish until the study has ended, or given out so many numbers; return those that were trained."""
    caller = Caller(served.address)
    worker_id, done = caller.join("asked", n_slots=1), []
    while caller.call("GET", "/studies/asked")["state"] == "RUNNING" and (
        n_numbers == 24 or len(stored(served)) < n_numbers
    ):
        for job in caller.claim(worker_id, "asked"):
            finish(caller, job)
            done.append(job["number"])
    caller.close()
    return done


def test_a_proposal_for_a_state_that_is_past_is_dropped(live_api: Served, caller: Caller) -> None:
    submit(caller, 4, 4)
    asker = Asker(AskPool())
    with live_api.control.ledger.read() as session:
        study = studies.find_study(session, "asked")
        assert study is not None
        snapshot = asker.histories.read(session, study)
    asked = propose(asker, snapshot, Need(study.id, 2), 4, PATIENCE_S)
    digest = snapshot.plan.digest
    assert [one.number for one in asked.proposals] == [0, 1]
    assert asked.fits(study, digest)
    assert not asked.fits(study, "changed")
    caller.call("POST", "/studies/asked/trials", 201, json={"params": {"learning_rate": 0.02}})
    with live_api.control.ledger.read() as session:
        now = studies.find_study(session, "asked")
    assert now is not None
    assert not asked.fits(now, digest)
    asker.close()
