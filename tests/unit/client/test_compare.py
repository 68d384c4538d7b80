"""Trials of any studies beside each other: the SDK's differences, and the command that prints them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import httpx
import pytest
from tunewell import Client, Comparison, Invalid

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import SERVER, FakeServer, ok, study_json, trial_json


def _place(worker_id: int, host: str, numpy: str) -> dict[str, Any]:
    environment = {"commit": "abc123", "python": "3.11.9", "packages": {"numpy": numpy, "torch": "2.13.0"}}
    return {"worker_id": worker_id, "worker_name": "w", "host": host, "worker_version": "1", "environment": environment}


def _compared(number: int, worker_id: int | None, **changes: Any) -> dict[str, Any]:
    trial = trial_json(number, state="COMPLETE", study_name="digits-mlp", duration_s=61.0, **changes)
    return {"ref": f"digits-mlp:{number}", "trial": trial, "worker_id": worker_id, "curve": None}


STUDY = {
    "study_id": 3,
    "name": "digits-mlp",
    "dataset": "digits",
    "model": "mlp",
    "sampler": "random",
    "fixed": {"epochs": 20, "batch_size": 64},
    "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
}
ANSWER: dict[str, Any] = {
    "metric": "val_accuracy",
    "metrics": ["val_accuracy", "val_loss"],
    "studies": [STUDY],
    "places": [_place(5, "one", "2.3.1"), _place(6, "two", "2.3.2")],
    "trials": [
        _compared(0, 5, params={"batch_size": 32, "name": "=1+1"}, values={"val_loss": 0.5, "val_accuracy": 0.9}),
        _compared(1, 6, params={"name": "plain"}, values={"val_loss": 0.4, "val_accuracy": "NaN"}),
        _compared(2, None, params={"name": "plain"}, values={"val_accuracy": 0.95}),
    ],
    "missing": [],
}
REFS = ("digits-mlp/0", "digits-mlp/1", "digits-mlp/2")


def read(answer: dict[str, Any] = ANSWER) -> Comparison:
    with Client(SERVER, transport=FakeServer().on("GET", "/compare", ok(answer))) as client:
        return client.compare_trials(["a/0", "a/1"])


def test_only_parameters_that_differ_are_told_and_what_a_study_fixed_counts() -> None:
    found = {row.name: row.values for row in read().parameters()}
    assert found == {"batch_size": (32, 64, 64), "name": ("=1+1", "plain", "plain")}


def test_all_values_are_told_the_objective_first_and_its_best_is_marked_never_nan() -> None:
    accuracy, loss = read().values()
    assert (accuracy.name, accuracy.best) == ("val_accuracy", frozenset({2}))
    assert (loss.name, loss.values, loss.best) == ("val_loss", (0.5, 0.4, None), frozenset())


def test_environments_are_told_where_they_differ() -> None:
    found = {row.name: row.values for row in read().environments()}
    assert found["host"] == ("one", "two", None)
    assert found["package numpy"] == ("2.3.1", "2.3.2", None)
    alike = {**ANSWER, "trials": ANSWER["trials"][:2], "places": [_place(5, "one", "2.3.1"), _place(6, "two", "2.3.1")]}
    assert [row.name for row in read(alike).environments()] == ["host"]


@pytest.mark.parametrize(("one", "other", "is_same"), [(64, 64.0, True), (1, True, False), (0.5, 0.25, False)])
def test_numbers_are_alike_by_value_and_no_truth_is_a_number(one: Any, other: Any, is_same: bool) -> None:
    trials = [_compared(0, None, params={"x": one}), _compared(1, None, params={"x": other})]
    assert (read({**ANSWER, "trials": trials}).parameters() == ()) is is_same


def test_trials_are_named_in_the_ways_of_commands_links_and_people(server: FakeServer) -> None:
    asked: list[list[str]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params.get_list("trials"))
        return ok(ANSWER)

    server.on("GET", "/compare", answer)
    server.on("GET", "/trials/17", ok(trial_json(7, trial_id=17)))
    server.on("GET", "/studies/one%2C%20two", ok(study_json(study_id=4)))
    with Client(SERVER, transport=server) as client:
        client.compare_trials(["digits-mlp/4", "a:b:5", "team/a#6", 17, "one, two/8", "digits-mlp/4"])
    assert asked == [["digits-mlp:4", "a:b:5", "team/a:6", "3:7", "4:8"]]


@pytest.mark.parametrize(
    ("trials", "code"),
    [
        (["a/1"], "n_compared"),
        (["a/1", "a/1"], "n_compared"),
        ([f"a/{n}" for n in range(51)], "n_compared"),
        (["a/1", "a"], "trial_ref"),
        (["a/1", "/2"], "trial_ref"),
    ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_sent(
    server: FakeServer, trials: list[str], code: str
) -> None:
    with Client(SERVER, transport=server) as client, pytest.raises(Invalid) as caught:
        client.compare_trials(trials)
    assert (caught.value.code, server.requests) == (code, [])
    server.on("GET", "/compare", ok(ANSWER))
    with Client(SERVER, transport=server) as client:
        assert len(client.compare_trials(["a/1", "a/2"]).trials) == 3


def test_few_trials_stand_side_by_side(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/compare", ok(ANSWER))
    lines = [line.split() for line in run("compare", *REFS).out.splitlines()]
    assert ["digits-mlp/0", "COMPLETE", "61", "s"] in lines
    assert ["PARAMETER", *REFS] in lines
    assert ["batch_size", "32", "64", "64"] in lines
    assert ["val_accuracy", "0.9", "nan", "0.95", "*"] in lines
    assert ["host", "one", "two", "-"] in lines


def test_many_trials_stand_below_each_other(server: FakeServer, run: Runner) -> None:
    trials = [_compared(n, None, params={"batch_size": 2**n}, values={"val_accuracy": 0.5}) for n in range(6)]
    server.on("GET", "/compare", ok({**ANSWER, "trials": trials}))
    out = run("compare", *(f"digits-mlp/{n}" for n in range(6))).out
    assert ["TRIAL", "batch_size"] in [line.split() for line in out.splitlines()]
    assert ["digits-mlp/5", "32"] in [line.split() for line in out.splitlines()]
    assert "They ran in the same environment, as far as is known." in out


def test_programs_read_json_and_csv(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/compare", ok(ANSWER))
    found = json.loads(run("compare", *REFS, "--json").out)
    assert found["parameters"]["batch_size"] == [32, 64, 64]
    assert found["values"]["val_accuracy"] == [0.9, "NaN", 0.95]
    assert [one["number"] for one in found["trials"]] == [0, 1, 2]
    rows = list(csv.DictReader(io.StringIO(run("compare", *REFS, "--csv").out)))
    assert [row["param.name"] for row in rows] == ["'=1+1", "plain", "plain"]
    assert [row["metric.val_loss"] for row in rows] == ["0.5", "0.4", ""]
    assert rows[1]["environment.host"] == "two"


def test_two_formats_at_once_are_wrong_usage(server: FakeServer, run: Runner) -> None:
    refused = run("compare", *REFS, "--json", "--csv")
    assert (refused.code, refused.out, server.requests) == (2, "", [])
    assert "exclude each other" in refused.err


def test_one_that_is_not_there_is_named_beside_the_others(server: FakeServer, run: Runner) -> None:
    server.on("GET", "/compare", ok({**ANSWER, "missing": ["digits-mlp:9"]}))
    found = run("compare", *REFS, "digits-mlp/9")
    assert (found.code, "digits-mlp:9" in found.err, "batch_size" in found.out) == (1, True, True)
    server.on("GET", "/compare", ok({**ANSWER, "trials": [], "places": [], "studies": [], "missing": ["a:1", "a:2"]}))
    assert run("compare", "a/1", "a/2").out == "None of these trials is there.\n"
