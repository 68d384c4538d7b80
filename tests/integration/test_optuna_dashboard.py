"""Optuna's dashboard and evaluators over our storage: our own studies beside a script's."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import httpx
import optuna
import optuna_dashboard
import pytest
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

from api.compat.optuna import TunewellStorage
from tests.servers.api import Caller, Json, Served

SPACE: Json = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "hidden_units": {"type": "int", "low": 8, "high": 64, "step": 8},
    "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
    "hidden_layers": {"type": "int", "low": 1, "high": 2},
    "dropout": {"type": "float", "low": 0.0, "high": 0.5, "when": {"hidden_layers": [2]}},
}
N_TRIALS = 24


class Quiet(WSGIRequestHandler):
    """Does not write each request to stderr."""

    def log_message(self, *_: Any) -> None:
        """Write nothing."""


@pytest.fixture
def storage(live_api: Served) -> Iterator[TunewellStorage]:
    """Return a storage on the database of `live_api`."""
    opened = TunewellStorage(live_api.control.database.url.render_as_string(hide_password=False))
    yield opened
    opened.close()


@pytest.fixture
def ours(caller: Caller) -> int:
    """Run a study of ours in which more units are better, and return its id."""
    study = caller.create("ours", search_space=SPACE, budget={"n_trials": N_TRIALS, "max_parallel": N_TRIALS})
    worker_id = caller.join("ours")
    n_done = 0
    while n_done < N_TRIALS:
        for job in caller.claim(worker_id, "ours", n_max=8):
            value = 0.5 + job["params"]["hidden_units"] / 200
            caller.report(job, 1, metrics=[{"name": "val_accuracy", "step": 1, "value": value}])
            caller.finish(job, values={"val_accuracy": value})
            n_done += 1
    return int(study["study_id"])


@pytest.fixture
def dashboard(storage: TunewellStorage) -> Iterator[httpx.Client]:
    """Serve Optuna's dashboard on loopback, as its documentation tells people to, and return who calls it."""
    server = make_server("127.0.0.1", 0, optuna_dashboard.wsgi(storage), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{server.server_port}", trust_env=False, timeout=60.0) as caller:
        yield caller
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_dashboard_serves_our_studies(
    dashboard: httpx.Client, caller: Caller, storage: TunewellStorage, ours: int
) -> None:
    script = optuna.create_study(storage=storage, study_name="script", directions=["minimize", "maximize"])
    script.optimize(lambda trial: (trial.suggest_float("x", 0, 1), trial.number), n_trials=3)
    shown = {one["study_name"]: one for one in dashboard.get("/api/studies").json()["study_summaries"]}
    assert set(shown) == {"ours", "script"}
    assert shown["ours"]["directions"] == ["maximize"]
    assert shown["script"]["directions"] == ["minimize", "maximize"]
    detail = dashboard.get(f"/api/studies/{ours}").json()
    assert len(detail["trials"]) == N_TRIALS
    listed = caller.call("GET", "/studies/ours/trials", params={"limit": N_TRIALS})["items"]
    for trial, known in zip(detail["trials"], listed, strict=True):
        assert {one["name"]: one["param_external_value"] for one in trial["params"]} == {
            name: str(value) for name, value in known["params"].items()
        }
        assert trial["values"] == [known["value"]]
        assert trial["intermediate_values"] == [{"step": 1, "value": known["value"]}]
    assert "Number" in dashboard.get(f"/csv/{ours}").text


def test_a_note_written_in_the_dashboard_is_kept(dashboard: httpx.Client, storage: TunewellStorage, ours: int) -> None:
    body = {"body": "a good one", "version": 1}
    assert dashboard.put(f"/api/studies/{ours}/note", json=body).status_code == 204
    assert "a good one" in storage.get_study_system_attrs(ours).values()


def test_optunas_evaluators_read_our_studies(storage: TunewellStorage, ours: int) -> None:
    study = optuna.load_study(storage=storage, study_name="ours")
    assert study._study_id == ours
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        shares = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    assert max(shares, key=lambda name: shares[name]) == "hidden_units"
