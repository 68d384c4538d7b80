"""What workers train and what people see of it: lanes, repeats, folds, every family, tests on request."""

from __future__ import annotations

import csv
import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.undisturbed import undisturbed
from tests.servers.api import Caller
from tests.servers.datasets import bring, iris_csv
from tests.servers.processes import ProcessFamily
from tests.servers.service import Json, Service
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
RATES: Json = {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}
PER_LANE: Json = {**RATES, "dropout": {"type": "float", "low": 0.0, "high": 0.4}}
ACCURACY = [{"metric": "val_accuracy", "direction": "maximize"}]


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, sqlite_url: str, broker: ValkeyServer) -> Iterator[Service]:
    """Return a service with a worker of one slot; after the test it must end in order and leave no process."""
    running = Service(processes, tmp_path / "home", sqlite_url, broker.url)
    with running:
        running.start_api()
        running.start_worker(n_slots=1)
        yield running
        running.stop()


def study(name: str, *, n_trials: int = 2, **changes: Any) -> Json:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {"epochs": 12, "batch_size": 64, "hidden_layers": 1, "hidden_units": 32},
        "search_space": RATES,
        "sampler": {"name": "random", "seed": 3},
        "objectives": ACCURACY,
        "budget": {"n_trials": n_trials, "max_parallel": n_trials},
        **changes,
    }


def details(service: Service, name: str) -> list[Json]:
    """Return a study's trials with all that is known of them, by number."""
    found = [service.call("GET", f"/trials/{trial['trial_id']}") for trial in service.trials(name)]
    return sorted(found, key=lambda one: int(one["number"]))


def have_overlapped(trials: list[Json]) -> bool:
    """Tell whether attempts were under way at the same time, which one slot brings about by lanes alone."""
    attempts = sorted((trial["attempts"][-1] for trial in trials), key=lambda one: str(one["created_at"]))
    return any(later["created_at"] < earlier["ended_at"] for earlier, later in itertools.pairwise(attempts))


def run_study(service: Service, body: Json, timeout_s: float = 150) -> list[Json]:
    """Submit a study, wait until it is complete, and return its trials."""
    service.call("POST", "/studies", body)
    service.wait_for_state(body["name"], "COMPLETE", timeout_s)
    found = details(service, body["name"])
    assert [(one["state"], one["attempts"][-1]["reason"]) for one in found if one["state"] != "COMPLETE"] == []
    return found


def artifacts(service: Service, trial: Json) -> dict[str, str]:
    """Return the names and kinds of a trial's files, checkpoints left out."""
    items = service.call("GET", f"/trials/{trial['trial_id']}/artifacts")["items"]
    return {one["name"]: one["kind"] for one in items if one["kind"] != "checkpoint"}


def series(service: Service, trial: Json) -> dict[str, int]:
    """Return how many points each of a trial's curves has, members' among them."""
    found = service.call("GET", f"/trials/{trial['trial_id']}/metrics?members=true")["series"]
    return {one["name"]: one["n_points"] for one in found}


def test_trials_that_train_together_end_as_if_alone(service: Service, tmp_path: Path) -> None:
    body = study("lanes", n_trials=6, search_space=PER_LANE)
    trials = run_study(service, body)
    assert have_overlapped(trials), "no claim took several trials"
    for trial in trials:
        alone = undisturbed(body, trial["number"], tmp_path / "alone")
        assert {name: trial["values"][name] for name in alone} == pytest.approx(alone, rel=1e-4)
        assert trial["diagnosis"], "its curves show something"
        curves = series(service, trial)
        assert curves.keys() >= {"train_loss", "val_loss", "val_accuracy"}
        assert set(curves.values()) == {12}


def test_a_study_ends_with_a_network_that_predicts_and_is_tested(service: Service, tmp_path: Path) -> None:
    fixed = {"epochs": 60, "batch_size": 16, "hidden_layers": 1, "hidden_units": 16}
    body = study("iris", n_trials=4, dataset="iris", fixed=fixed, search_space={**PER_LANE})
    trials = run_study(service, body)
    best = max(trials, key=lambda one: float(one["values"]["val_accuracy"]))
    names = {"model.safetensors": "network", "model.json": "network", "confusion_matrix.json": "file"}
    assert artifacts(service, best) == {**names, "model.onnx": "network"}
    assert all(artifacts(service, one).items() >= names.items() for one in trials)

    rows = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    with (tmp_path / "new.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["a", "b", "c", "d"], *rows])
    command = [sys.executable, "-m", "tunewell", "--server", service.address, "predict", "iris"]
    done = subprocess.run(
        [*command, str(tmp_path / "new.csv")], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answers = list(csv.DictReader(done.stdout.splitlines()))
    assert [answer["prediction"] for answer in answers] == ["0", "2"]

    asked: list[Json] = [{"kind": "test"}, {"kind": "baselines"}, {"kind": "ensemble", "n_members": 3}]
    results = {body["kind"]: evaluate(service, "iris", body) for body in asked}
    (tested,) = results["test"]["networks"]
    assert tested["number"] == best["number"]
    assert tested["test_accuracy"] > 0.75
    by_name = {one["name"]: one for one in results["baselines"]["baselines"]}
    assert by_name["logistic_regression"]["test_accuracy"] > 0.75
    assert len(results["ensemble"]["networks"]) == 3
    assert results["ensemble"]["ensemble"]["test_accuracy"] > 0.75
    in_company = {one["number"]: one for one in results["ensemble"]["networks"]}[best["number"]]
    assert in_company["test_accuracy"] == tested["test_accuracy"]


def test_data_that_somebody_brought_trains_as_built_in_data_does(service: Service) -> None:
    """The same rows make the same content, so the same study must have the same end; it comes from the server."""
    with closing(Caller(service.address)) as caller:
        assert bring(caller, "flowers", iris_csv())["state"] == "ready"
    fixed = {"epochs": 40, "batch_size": 16, "hidden_layers": 1, "hidden_units": 16}
    bodies = [study(name, dataset=name, fixed=fixed) for name in ("flowers", "iris")]
    own, builtin = ([one["values"] for one in run_study(service, body)] for body in bodies)
    assert [one["val_accuracy"] for one in own] == pytest.approx([one["val_accuracy"] for one in builtin])
    assert max(one["val_accuracy"] for one in own) > 0.7
    baselines = evaluate(service, "flowers", {"kind": "baselines"})["baselines"]
    assert max(one["test_accuracy"] for one in baselines) > 0.85


def evaluate(service: Service, name: str, body: Json) -> Json:
    """Ask for an evaluation and return its result."""
    asked = service.call("POST", f"/studies/{name}/evaluations", body)

    def find() -> Json | None:
        found: Json = service.call("GET", f"/evaluations/{asked['evaluation_id']}")
        return found if found["state"] not in ("WAITING", "RUNNING") else None

    ended = wait_until(find, 120, what=f"the {body['kind']} is over", interval_s=0.2)
    assert ended is not None
    assert (ended["state"], ended["reason"]) == ("COMPLETE", "")
    result: Json = ended["result"]
    return result


def test_the_best_are_trained_again_from_other_seeds(service: Service) -> None:
    budget = {"n_trials": 4, "max_parallel": 4, "confirm": {"top": 2, "repeats": 2}}
    found = run_study(service, study("confirmed", repeats={"n": 2}, budget=budget))
    searched, runs = found[:4], found[4:]
    assert [one["confirms"] for one in searched] == [None] * 4
    shown = service.call("GET", "/studies/confirmed")
    made = shown["confirmation"]
    assert (made["state"], made["n_done"], len(runs)) == ("complete", 4, 4)
    assert sum(shown["trial_counts"].values()) == 4
    by_value = sorted(searched, key=lambda one: (-one["value"], one["number"]))
    assert {one["confirms"] for one in runs} == {one["number"] for one in by_value[:2]}
    for one in made["candidates"]:
        own = [run for run in runs if run["confirms"] == one["number"]]
        assert one["values"] == [found[one["number"]]["value"], *(run["value"] for run in own)]
        assert {str(run["params"]) for run in own} == {str(found[one["number"]]["params"])}
        # Other weights and another order of the data.
        losses = {run["values"]["val_loss"] for run in [found[one["number"]], *own]}
        assert len(losses) == 3
        assert all(run["spread"]["n"] == 2 for run in own)
    means = [one["mean"] for one in made["candidates"]]
    assert means == sorted(means, reverse=True)
    assert shown["best_trial"]["number"] == made["winner"] == made["candidates"][0]["number"]


def test_repeats_and_folds_are_curves_beside_the_trials_own(service: Service) -> None:
    raced = run_study(service, study("raced", n_trials=3, repeats={"n": 3, "choose": "mean", "racing": True}))
    for trial in raced:
        curves = series(service, trial)
        assert curves["val_loss"] == curves.get("val_loss@r1f1") == 12, curves
        assert trial["values"].keys() >= {"val_loss", "val_accuracy"}
        assert not [name for name in trial["values"] if "@" in name]
    best = max(raced, key=lambda one: float(one["values"]["val_accuracy"]))
    assert series(service, best).keys() >= {"val_loss@r1f1", "val_loss@r2f1", "val_loss@r3f1"}

    (folded, _) = run_study(service, study("folded", evaluation={"method": "k_fold", "folds": 5}))
    curves = series(service, folded)
    members = [f"val_accuracy@r1f{fold}" for fold in range(1, 6)]
    assert {name: n for name, n in curves.items() if name.startswith("val_accuracy")} == dict.fromkeys(
        ["val_accuracy", *members], 12
    )
    assert "model.safetensors" in artifacts(service, folded)


# Small and short: they show that the way is open, not what a family can do.
FAMILIES: dict[str, Json] = {
    "rnn": {
        "dataset": "japanese_vowels",
        "fixed": {"epochs": 6, "hidden_units": 16, "batch_size": 32},
    },
    "capsnet": {
        "fixed": {
            "epochs": 2,
            "conv_channels": 8,
            "primary_types": 4,
            "primary_dim": 4,
            "capsule_dim": 4,
            "routings": 2,
            "decoder_widths": "16",
        },
    },
    "gan": {
        "fixed": {"epochs": 2, "hidden_units": 32},
    },
}


PICTURES = {"rnn": "", "capsnet": "reconstructions.png", "gan": "samples.png"}


@pytest.mark.parametrize("model", FAMILIES)
def test_every_family_trains_through_the_service(service: Service, model: str, pytestconfig: pytest.Config) -> None:
    assert pytestconfig.cache is not None
    folder = service.home / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "wheels").symlink_to(pytestconfig.cache.mkdir("wheels"), target_is_directory=True)
    metric, direction = ("frechet_distance", "minimize") if model == "gan" else ("val_accuracy", "maximize")
    objectives = [{"metric": metric, "direction": direction}]
    trials = run_study(service, study(model, model=model, objectives=objectives, **FAMILIES[model]))
    for trial in trials:
        assert trial["values"][metric] > 0
        assert {"model.safetensors", "model.json"} <= artifacts(service, trial).keys()
        assert artifacts(service, trial).keys() & set(PICTURES.values()) == {PICTURES[model]} - {""}
    if model != "gan":
        assert any("model.onnx" in artifacts(service, trial) for trial in trials)
