"""Optuna's clients at our gRPC endpoint: who may call, what is bounded, and an unmodified script."""

from __future__ import annotations

import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import optuna
import pytest
from optuna.storages import GrpcStorageProxy
from pydantic import SecretStr
from tunewell.errors import Invalid, ServerUnreachable, Unauthorized
from tunewell.optuna_forward import forwarding, parse_address
from tunewell.optuna_transfer import open_server

from api.app import make_control
from api.compat.optuna import NativeStudyError, TunewellStorage
from api.compat.optuna.server import serving
from api.state import Control
from db import schema
from db.studies import insert_study
from tests.servers.api import settings_for
from tests.servers.migrated import MakeUrl
from tests.servers.ports import free_port
from tests.servers.processes import ProcessFamily
from tests.servers.service import Service
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

TOKENS = {"user": "user-secret", "worker": "worker-secret", "admin": "admin-secret"}
SCRIPT = """
import sys, optuna

def objective(trial):
    x = trial.suggest_float("x", -10, 10)
    trial.report(x * x, 0)
    return (x - 2) ** 2

storage = optuna.storages.GrpcStorageProxy(host="localhost", port=int(sys.argv[1]))
study = optuna.create_study(study_name="script", storage=storage, sampler=optuna.samplers.TPESampler(seed=1))
study.optimize(objective, n_trials=12)
print(study.best_params, study.best_value)
"""


@contextmanager
def client(port: int) -> Iterator[GrpcStorageProxy]:
    """Return Optuna's client; it says at each construction that it is experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        opened = GrpcStorageProxy(host="127.0.0.1", port=port)
    yield opened
    opened.close()


@pytest.fixture
def control(make_sqlite: MakeUrl, tmp_path: Path) -> Iterator[Control]:
    """Return a control plane that wants tokens and takes messages of up to 100 kB."""
    secrets = {f"{role}_token": SecretStr(token) for role, token in TOKENS.items()}
    made = make_control(settings_for(tmp_path, make_sqlite(), require_tokens="yes", max_body_bytes=100_000, **secrets))
    schema.upgrade(made.database)
    yield made
    made.database.close()


@pytest.fixture
def port(control: Control) -> Iterator[int]:
    """Serve the endpoint of `control` and return its port."""
    with serving(control, 0) as bound:
        yield bound


@pytest.mark.parametrize(
    ("token", "code"),
    [(None, "UNAUTHENTICATED"), ("guessed", "UNAUTHENTICATED"), (TOKENS["worker"], "PERMISSION_DENIED")],
)
def test_a_call_without_the_right_token_is_refused(port: int, token: str | None, code: str) -> None:
    with forwarding(f"127.0.0.1:{port}", token) as local, client(local) as storage:
        with pytest.raises(grpc.RpcError) as caught:
            storage.get_all_studies()
        assert caught.value.code().name == code


@pytest.mark.parametrize("role", ["user", "admin"])
def test_a_call_with_the_right_token_passes(port: int, role: str) -> None:
    with forwarding(f"127.0.0.1:{port}", TOKENS[role]) as local, client(local) as storage:
        assert storage.get_all_studies() == []


def test_without_the_forwarder_a_client_has_no_token(port: int) -> None:
    with client(port) as storage, pytest.raises(grpc.RpcError) as caught:
        storage.get_all_studies()
    assert "token_missing" in caught.value.details()


def test_a_message_has_a_largest_size(port: int) -> None:
    with forwarding(f"127.0.0.1:{port}", TOKENS["user"]) as local, client(local) as storage:
        study_id = storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "s")
        storage.set_study_user_attr(study_id, "small", "x" * 1000)
        with pytest.raises(grpc.RpcError) as caught:
            storage.set_study_user_attr(study_id, "large", "x" * 200_000)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert set(storage.get_study_user_attrs(study_id)) == {"small"}


def test_refusals_say_why(control: Control, port: int) -> None:
    with control.database.write() as session:
        spec = {"objectives": [{"metric": "val_loss", "direction": "minimize"}], "search_space": {}}
        columns = {"name": "ours", "spec": spec, "queue": "cpu", "direction": "minimize", "max_parallel": 1}
        study_id = insert_study(session, columns, timeout_s=None)
    with forwarding(f"127.0.0.1:{port}", TOKENS["user"]) as local, client(local) as storage:
        with pytest.raises(grpc.RpcError) as caught:
            storage.create_new_trial(study_id)
        assert (caught.value.code().name, caught.value.details()) == ("FAILED_PRECONDITION", str(NativeStudyError()))
        with pytest.raises(grpc.RpcError) as caught:
            storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "x" * 513)
        assert caught.value.code().name == "INVALID_ARGUMENT"
        assert storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], "x" * 512) > study_id


def test_a_client_that_knows_old_trials_gets_the_new_and_the_open_ones(control: Control, port: int) -> None:
    """What the endpoint leaves out, a client must have: the two caches agree."""
    own = TunewellStorage("", database=control.database)
    study_id = own.create_new_study([optuna.study.StudyDirection.MINIMIZE])
    with forwarding(f"127.0.0.1:{port}", TOKENS["user"]) as local, client(local) as storage:
        for place in range(6):
            trial_id = own.create_new_trial(study_id)
            assert len(storage.get_all_trials(study_id)) == place + 1
            if place % 2:
                own.set_trial_state_values(trial_id, optuna.trial.TrialState.COMPLETE, [float(place)])
        first = own.get_trial_id_from_study_id_trial_number(study_id, 0)
        own.set_trial_state_values(first, optuna.trial.TrialState.FAIL)
        assert storage.get_all_trials(study_id) == own.get_all_trials(study_id)
    own.close()


def test_a_port_in_use_is_refused(control: Control, port: int) -> None:
    with pytest.raises(RuntimeError), serving(control, port):
        pass
    with pytest.raises(Invalid) as caught, forwarding(f"127.0.0.1:{port}", port=port):
        pass
    assert caught.value.code == "port_taken"


@pytest.mark.parametrize("text", ["host", "host:", ":13000", "host:port", "http://host:1", "host:70000", "host:0"])
def test_an_address_that_is_none_is_refused(text: str) -> None:
    assert parse_address("host:13000") == "host:13000"
    with pytest.raises(Invalid) as caught:
        parse_address(text)
    assert caught.value.code == "bad_address"


def test_errors_of_the_endpoint_become_ours(port: int) -> None:
    with open_server(f"127.0.0.1:{port}", TOKENS["user"]) as storage:
        assert storage.get_all_studies() == []
    with pytest.raises(Unauthorized), open_server(f"127.0.0.1:{port}", None) as storage:
        storage.get_all_studies()
    with pytest.raises(ServerUnreachable), open_server(f"127.0.0.1:{free_port()}", None) as storage:
        storage.get_all_studies()


def test_an_unmodified_script_uses_the_service(
    processes: ProcessFamily, make_sqlite: MakeUrl, broker: ValkeyServer, tmp_path: Path
) -> None:
    """The API with tokens, the forwarder and the script are processes of their own."""
    endpoint, local = free_port(), free_port()
    settings = {
        "TUNEWELL_GRPC_PORT": str(endpoint),
        "TUNEWELL_REQUIRE_TOKENS": "yes",
        "TUNEWELL_USER_TOKEN": TOKENS["user"],
    }
    service = Service(processes, tmp_path / "home", make_sqlite(), broker.url, settings=settings)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    environment = {"TUNEWELL_TOKEN": TOKENS["user"], "PYTHONPATH": os.pathsep.join(sys.path)}
    with service:
        api = service.start_api()
        forward = processes.start_module(
            "tunewell", "optuna-proxy", f"127.0.0.1:{endpoint}", "--port", str(local), env=environment
        )
        wait_until(lambda: "Forwarding" in forward.log_text(), 30.0, what="the forwarder listens")
        run = processes.start([sys.executable, "-W", "ignore", str(script), str(local)], name="script")
        assert run.wait(120.0) == 0, run.log_text()
        headers = {"Authorization": f"Bearer {TOKENS['user']}"}
        shown = service._http.get(f"{service.address}/api/v1/studies/script", headers=headers).json()
        assert shown["trial_counts"]["COMPLETE"] == 12
        assert str(shown["best_trial"]["params"]) in run.log_text()
        forward.send(signal.SIGTERM)
        assert forward.wait(20.0) == 0, forward.log_text()
        assert api.terminate(20.0) in (0, -signal.SIGTERM), api.log_text()
