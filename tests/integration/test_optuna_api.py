"""Studies of Optuna's seen through the API, and our own seen through Optuna."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from sqlalchemy import text

from api.compat.optuna import NativeStudyError, TunewellStorage
from tests.servers.api import Caller, Json, Served

READS = (
    "/studies/{name}",
    "/studies/{name}/trials",
    "/studies/{name}/trials/0",
    "/studies/{name}/export?format=csv",
    "/studies/{name}/export?format=json",
    "/studies/{name}/curves",
    "/studies/{name}/curves?metric=value",
    "/studies/{name}/advice",
    "/studies/{name}/evaluations",
    "/studies/{name}/importance",
    "/studies/{name}/interactions",
    "/studies/{name}/regret",
    "/studies/{name}/distribution",
)
CHANGES: dict[str, tuple[str, str, Json]] = {
    "stop": ("PATCH", "/studies/{name}", {"action": "stop"}),
    "pause": ("PATCH", "/studies/{name}", {"action": "pause"}),
    "raise the budget": ("PATCH", "/studies/{name}", {"n_trials": 5}),
    "add a trial": ("POST", "/studies/{name}/trials", {"params": {"x": 0.5}}),
    "test the best": ("POST", "/studies/{name}/evaluations", {"kind": "test"}),
    "stop a trial": ("POST", "/trials/{running}:stop", {}),
}


@pytest.fixture
def storage(live_api: Served) -> Iterator[TunewellStorage]:
    """Return a storage on the database of `live_api`."""
    url = live_api.control.database.url.render_as_string(hide_password=False)
    opened = TunewellStorage(url)
    yield opened
    opened.close()


def objective(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -1.0, 1.0)
    n = trial.suggest_int("n", 1, 64, log=True)
    kind = trial.suggest_categorical("kind", ["a", "b", None])
    for step in range(3):
        trial.report(x * x + step, step)
        if trial.number == 2 and step == 1:
            raise optuna.TrialPruned
    return x * x + n / 64 + (kind is None)


@pytest.fixture
def script(storage: TunewellStorage) -> optuna.Study:
    """Return a study that a script of Optuna's has run for five trials, and one that goes on."""
    study = optuna.create_study(
        storage=storage, study_name="script", sampler=optuna.samplers.RandomSampler(seed=1), direction="minimize"
    )
    study.optimize(objective, n_trials=5)
    study.ask()
    return study


def test_a_study_of_optunas_is_one_among_ours(caller: Caller, script: optuna.Study) -> None:
    ours = caller.create("ours")
    listed = {study["name"]: study for study in caller.call("GET", "/studies")["items"]}
    assert set(listed) == {"script", "ours"}
    assert (listed["script"]["kind"], ours["kind"]) == ("optuna", "native")
    assert listed["script"]["trial_counts"] == {"WAITING": 0, "RUNNING": 1, "COMPLETE": 4, "PRUNED": 1, "FAIL": 0}
    best = listed["script"]["best_trial"]
    assert best["number"] == script.best_trial.number
    assert best["params"] == script.best_params
    assert best["values"] == {"value": script.best_value}


@pytest.mark.parametrize("path", READS)
def test_every_view_of_a_study_answers(caller: Caller, script: optuna.Study, path: str) -> None:
    assert script.best_value < 10
    answer = caller.http.get(path.format(name="script"))
    assert answer.status_code == 200, answer.text


def test_its_trials_have_parameters_curves_and_values(caller: Caller, script: optuna.Study) -> None:
    shown = caller.call("GET", "/studies/script/trials")["items"]
    assert [trial["state"] for trial in shown] == ["COMPLETE", "COMPLETE", "PRUNED", "COMPLETE", "COMPLETE", "RUNNING"]
    for trial, known in zip(shown, script.trials, strict=True):
        assert trial["params"] == known.params
        assert trial["source"] == "optuna"
    (curve,) = [one for one in caller.call("GET", "/studies/script/curves")["curves"] if one["number"] == 2]
    # Curves are drawn, so they come with seven digits.
    assert curve["values"] == pytest.approx(list(script.trials[2].intermediate_values.values()), rel=1e-6)
    space = caller.call("GET", "/studies/script")["spec"]["search_space"]
    assert space["n"]["log"] is True
    assert space["kind"]["choices"] == ["a", "b", None]


@pytest.mark.parametrize("change", CHANGES)
def test_what_only_workers_could_carry_out_is_refused(caller: Caller, script: optuna.Study, change: str) -> None:
    caller.create("ours")
    worker_id = caller.join("ours")
    (job,) = caller.claim(worker_id, "ours")
    method, path, body = CHANGES[change]
    running = script.trials[5]._trial_id
    error = caller.refused(method, path.format(name="script", running=running), 409, json=body)
    assert error["code"] == "optuna_study"
    if "evaluations" not in path and "trials" not in path:
        caller.call(method, path.format(name="ours", running=job["trial_id"]), json=body)


def test_name_notes_and_tags_of_a_study_can_be_changed(caller: Caller, script: optuna.Study) -> None:
    body = {"name": "renamed", "notes": "by a script", "tags": ["old"]}
    shown = caller.call("PATCH", "/studies/script", json=body)
    assert {key: shown[key] for key in body} == body
    assert [trial.number for trial in script.trials] == list(range(6))


def test_workers_never_get_its_trials(caller: Caller, script: optuna.Study) -> None:
    script.enqueue_trial({"x": 0.5})
    worker_id = caller.join("optuna", "cpu")
    assert caller.claim(worker_id, "optuna", "cpu") == []


def test_a_deleted_study_is_gone_for_its_script(caller: Caller, script: optuna.Study) -> None:
    caller.call("DELETE", "/studies/script", 204)
    with pytest.raises(KeyError):
        script.ask()


def native(caller: Caller) -> list[Json]:
    """Run a study of ours with one trial of each kind of end, and return its trials."""
    space: dict[str, Any] = {
        "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
        "hidden_units": {"type": "int", "low": 8, "high": 32, "step": 8},
        "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
    }
    caller.create("ours", search_space=space)
    worker_id = caller.join("ours")
    jobs: list[Json] = []
    while len(jobs) < 4:
        jobs += caller.claim(worker_id, "ours", n_max=4)
    for job in jobs:
        points = [{"name": "val_accuracy", "step": step, "value": 0.5 + step / 10} for step in (1, 2)]
        caller.report(job, 1, metrics=points)
    for job, outcome in zip(jobs, ("COMPLETE", "COMPLETE", "PRUNED", "DIVERGED"), strict=True):
        caller.finish(job, outcome, values={"val_accuracy": 0.7} if outcome == "COMPLETE" else {})
    shown: list[Json] = caller.call("GET", "/studies/ours/trials")["items"]
    return shown


def test_optuna_reads_our_studies(caller: Caller, storage: TunewellStorage) -> None:
    shown = native(caller)
    study = optuna.load_study(storage=storage, study_name="ours")
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    assert study.best_value == 0.7
    for trial, known in zip(study.trials, shown, strict=True):
        assert trial.params == known["params"]
        assert trial.state == TrialState[known["state"]]
        assert trial.intermediate_values == {1: 0.6, 2: 0.7}
        assert trial.datetime_start is not None
        assert trial.datetime_complete is not None
    distributions = study.trials[0].distributions
    assert distributions["learning_rate"] == FloatDistribution(1e-4, 0.1, log=True)
    assert distributions["hidden_units"] == IntDistribution(8, 32, step=8)
    assert distributions["activation"] == CategoricalDistribution(("relu", "tanh"))


def test_optuna_sees_our_trials_change(caller: Caller, storage: TunewellStorage) -> None:
    caller.create("ours")
    study = optuna.load_study(storage=storage, study_name="ours")
    assert study.trials == []
    worker_id = caller.join("ours")
    (job,) = caller.claim(worker_id, "ours")
    seen = [study.trials[0].state]
    caller.finish(job, "PREEMPTED", reason="the machine is needed")
    seen.append(study.trials[0].state)
    (job,) = caller.claim(worker_id, "ours")
    caller.finish(job, values={"val_accuracy": 0.9})
    seen.append(study.trials[0].state)
    assert seen == [TrialState.RUNNING, TrialState.WAITING, TrialState.COMPLETE]
    assert study.trials[0].value == 0.9


def test_trials_without_a_revision_are_read_too(caller: Caller, live_api: Served, storage: TunewellStorage) -> None:
    """What another version or a hand stored may lack what later reads go by."""
    shown = native(caller)
    with live_api.control.database.write() as session:
        session.execute(text("UPDATE trial SET finished_rev = NULL WHERE number < 2"))
    study = optuna.load_study(storage=storage, study_name="ours")
    for _ in range(2):
        assert [trial.number for trial in study.trials] == [trial["number"] for trial in shown]


def test_trials_of_ours_are_copied_into_a_study_of_optunas(caller: Caller, storage: TunewellStorage) -> None:
    native(caller)
    optuna.copy_study(from_study_name="ours", from_storage=storage, to_storage=storage, to_study_name="copy")
    ours, copy = (optuna.load_study(storage=storage, study_name=name) for name in ("ours", "copy"))
    for one, other in zip(ours.trials, copy.trials, strict=True):
        assert (one.params, one.values, one.state, one.intermediate_values, one.datetime_complete) == (
            other.params,
            other.values,
            other.state,
            other.intermediate_values,
            other.datetime_complete,
        )


def test_optuna_does_not_write_to_our_studies(caller: Caller, storage: TunewellStorage) -> None:
    trial_id = native(caller)[0]["trial_id"]
    study = optuna.load_study(storage=storage, study_name="ours")
    with pytest.raises(NativeStudyError):
        study.ask()
    with pytest.raises(NativeStudyError):
        storage.set_trial_user_attr(trial_id, "seen", True)
    study.set_user_attr("seen", True)  # a note about the study hurts nobody
    assert study.user_attrs == {"seen": True}
    storage.delete_study(study._study_id)
    caller.call("GET", "/studies/ours", 404)
