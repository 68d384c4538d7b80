"""What insights are worked out from, on both kinds of database: read on, it is what a whole reading says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from api.asks.history import as_past
from api.services.lookup import get_study
from api.services.pasts import MAX_STUDIES, Pasts
from db import trials
from db.lifecycle import FINISHED_TRIALS
from search.insight.table import InsightRequest, tabulate
from search.types import PastTrial
from tests.servers.api import Caller, Json, Served

RATE: Json = {"learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}}
ONE: list[Json] = [{"metric": "val_accuracy", "direction": "maximize"}]
BOTH: list[Json] = [*ONE, {"metric": "val_loss", "direction": "minimize"}]


def stored(served: Served, metrics: list[str]) -> list[PastTrial]:
    """Return a study's finished trials as samplers see them."""
    with served.control.ledger.read() as session:
        history = trials.list_history(session, get_study(session, "past").id)
    return [as_past(one, {}, metrics) for one in history if one.state in FINISHED_TRIALS]


def read(served: Served, pasts: Pasts, name: str = "past") -> InsightRequest:
    with served.control.ledger.read() as session:
        study = get_study(session, name)
    return pasts.read(served.control.ledger, study)


@pytest.mark.parametrize("objectives", [ONE, BOTH], ids=["one objective", "two objectives"])
def test_reading_on_is_reading_all(caller: Caller, live_api: Served, objectives: list[Json]) -> None:
    caller.create(
        "past",
        objectives=objectives,
        outcome_constraints=[{"metric": "n_parameters", "at_most": 1000}],
        budget={"n_trials": 8, "max_parallel": 8},
    )
    metrics, pasts = [one["metric"] for one in objectives], Pasts()
    assert read(live_api, pasts).history == []
    jobs = caller.claim(caller.join("past"), "past", n_max=7)
    outcomes: list[Json] = [
        {"values": {"val_accuracy": 0.5, "val_loss": 1.5, "n_parameters": 500}},
        {"values": {"val_accuracy": "NaN", "val_loss": 1.5}},
        {"values": {"val_accuracy": 0.75, "val_loss": "Infinity"}},
        {"values": {}, "outcome": "STOPPED"},
        {"values": {"val_accuracy": 0.25, "val_loss": 0.5}},
    ]
    # The last first: a trial that ends later may have a lower number.
    for job, outcome in zip(reversed(jobs), outcomes, strict=False):
        caller.finish(job, **outcome)
        found = read(live_api, pasts)
        assert found.history == stored(live_api, metrics)
        assert found.table is not None
        made = tabulate(replace(found, table=None))
        np.testing.assert_array_equal(found.table.units, made.units)
        np.testing.assert_array_equal(found.table.losses, made.losses)
    assert {one.state for one in found.history} == {"COMPLETE", "PRUNED", "FAIL"}
    assert read(live_api, Pasts()) == found
    assert read(live_api, pasts) is found  # nothing has ended since


def test_of_some_studies_trials_are_kept(caller: Caller, live_api: Served) -> None:
    pasts, names = Pasts(), [f"past-{place}" for place in range(MAX_STUDIES + 1)]
    for name in names:
        caller.create(name)
    found = [read(live_api, pasts, name) for name in names]
    assert read(live_api, pasts, names[-1]) is found[-1]
    assert read(live_api, pasts, names[0]) is not found[0]


def test_advice_is_remembered_until_the_study_changes(caller: Caller, live_api: Served) -> None:
    caller.create("past", sampler={"name": "manual"}, search_space=RATE, budget={})
    assert caller.call("GET", "/studies/past/advice")["items"][0]["evidence"]["numbers"]["n_trials"] == 0
    with live_api.control.ledger.read() as session:
        study = get_study(session, "past")
    kept = live_api.control.insight.find(("advice", study.id, study.created_at), study.rev)
    assert kept is not None
    body = {"params": {"learning_rate": 0.01}, "state": "COMPLETE", "values": {"val_accuracy": 0.5}}
    caller.call("POST", "/studies/past/trials", 201, json=body)
    assert caller.call("GET", "/studies/past/advice")["items"][0]["evidence"]["numbers"]["n_trials"] == 1
