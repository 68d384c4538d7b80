"""The SDK, the worker protocol and the command line against the real server, over a real socket."""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from tunewell import Client, Conflict, Forbidden, Invalid, LeaseLost, NotFound, Study, Unauthorized
from tunewell.cli import main
from tunewell.protocol import (
    Claim,
    EvaluationFinish,
    EvaluationPlan,
    Finish,
    LogEntry,
    MetricPoint,
    Progress,
    Protocol,
    Registration,
    Repeats,
    Report,
    Transport,
    Upload,
)

from tests.servers.api import a_study, serving, settings_for
from tests.servers.waiting import wait_until
from tests.unit.client.test_prediction import write_network

CONTENT = b"weights" * 100
FINDING = {
    "kind": "good_fit",
    "severity": "good",
    "title": "A good fit",
    "evidence": {"sentence": "s", "numbers": {"val_loss": 0.5}},
    "remedy": {"sentence": "s", "hints": []},
}
RESULT = {"networks": [{"trial_id": 2, "number": 1, "test_accuracy": 0.875}]}
TOKENS = {"admin_token": "admin-secret", "user_token": "user-secret", "worker_token": "worker-secret"}


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("api")
    with serving(settings_for(home)) as served:
        yield served.address


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an API that wants tokens."""
    home = tmp_path_factory.mktemp("guarded")
    tokens: dict[str, Any] = {name: SecretStr(token) for name, token in TOKENS.items()}
    with serving(settings_for(home, require_tokens="yes", **tokens)) as served:
        yield served.address


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


@pytest.fixture
def protocol(address: str) -> Iterator[Protocol]:
    with Transport(address) as transport:
        yield Protocol(transport)


def spec(name: str, **changes: Any) -> dict[str, Any]:
    """Return a study that needs a queue of its own, so that tests do not take each other's trials."""
    return a_study(name, **{"budget": {"n_trials": 2, "max_parallel": 2}, **changes})


def join_and_claim(protocol: Protocol, study: Study, n_max: int = 1) -> Claim:
    welcome = protocol.register(Registration(f"w-{study.name}", "host", 42, "0.1.0", (study.name,), 4))
    assert welcome.lease_s > welcome.heartbeat_s > 0
    assert protocol.heartbeat(welcome.worker_id).state == "ALIVE"
    return protocol.claim(welcome.worker_id, [study.name], n_max)


def test_a_study_lives_from_submission_to_export(client: Client, protocol: Protocol, tmp_path: Path) -> None:
    study = client.create_study(spec("whole-life"))
    assert (study.state, study.n_planned, study.best_trial) == ("RUNNING", 2, None)
    claim = join_and_claim(protocol, study, n_max=8)
    assert [job.number for job in claim.attempts] == [0, 1]
    assert (claim.study_name, claim.dataset, claim.model) == ("whole-life", "digits", "mlp")
    for job in claim.attempts:
        points = (MetricPoint("val_accuracy", 1, 0.5 + job.number / 10), MetricPoint("val_loss", 1, math.inf))
        logs = (LogEntry(datetime.now(UTC), "epoch 1"),)
        report = Report(1, step=1, n_steps=3, metrics=points, logs=logs)
        assert protocol.report(job.attempt_id, job.lease_token, report).decision == "continue"
        assert protocol.report(job.attempt_id, job.lease_token, report).last_seq == 1
        stored = protocol.upload_artifact(job.attempt_id, job.lease_token, Upload("net", "network", CONTENT, 1))
        assert stored.sha256 == hashlib.sha256(CONTENT).hexdigest()
        values = {"val_accuracy": 0.5 + job.number / 10, "val_loss": math.nan}
        finished = protocol.finish(job.attempt_id, job.lease_token, Finish("COMPLETE", values=values))
        assert finished.trial_state == "COMPLETE"

    ended = client.wait("whole-life", timeout_s=20, poll_s=0.1)
    assert ended.state == "COMPLETE"
    assert ended.best_trial is not None
    assert (ended.best_trial.number, ended.best_trial.values["val_accuracy"]) == (1, 0.6)
    best_first = list(client.list_trials("whole-life", order_by="value", page_size=1))
    assert [trial.number for trial in best_first] == [1, 0]
    assert [trial.number for trial in client.list_trials("whole-life", where="val_accuracy>=0.6")] == [1]
    trial = client.get_trial_by_number("whole-life", 1)
    assert trial.attempts == client.get_trial(trial.trial_id).attempts
    assert math.isnan(trial.values["val_loss"] or 0.0)
    assert (trial.study_name, trial.attempts[0].state) == ("whole-life", "COMPLETE")
    (accuracy,) = client.get_metrics(trial.trial_id, ["val_accuracy"])
    assert (accuracy.steps, accuracy.values) == ((1,), (0.6,))
    loss = next(series for series in client.get_metrics(trial.trial_id) if series.name == "val_loss")
    assert loss.values == (math.inf,)
    assert "epoch 1" in [line.text for line in client.list_logs(trial.trial_id)]
    check_files(client, trial.trial_id, tmp_path)


def check_files(client: Client, trial_id: int, folder: Path) -> None:
    (artifact,) = client.list_artifacts(trial_id)
    assert client.download_artifact(artifact, folder / "a").read_bytes() == CONTENT
    assert client.download_artifact(artifact.artifact_id, folder / "b").read_bytes() == CONTENT
    assert len(client.export_study("whole-life", folder / "c.csv").read_text().splitlines()) == 3
    exported = json.loads(client.export_study("whole-life", folder / "c.json", file_format="json").read_text())
    assert exported


def test_events_tell_of_a_trial_and_can_be_taken_up(client: Client, protocol: Protocol) -> None:
    study = client.create_study(spec("told"))
    events = client.events(study.study_id)
    hello = next(events)
    assert hello.kind == "hello"
    job = join_and_claim(protocol, study).attempts[0]
    started = next(event for event in events if event.kind == "trial")
    assert (started.data["number"], started.data["state"]) == (0, "RUNNING")
    points = (MetricPoint("val_accuracy", 1, 0.5),)
    protocol.report(job.attempt_id, job.lease_token, Report(1, step=1, n_steps=3, metrics=points))
    metrics = next(event for event in events if event.kind == "metrics")
    batch = metrics.data["trials"][0] if "trials" in metrics.data else metrics.data
    assert (batch["trial_id"], batch["step"], batch["n_steps"]) == (job.trial_id, 1, 3)
    assert batch["points"] == [["val_accuracy", 1, 0.5]]

    again = client.events(study.study_id, hello.event_id)
    assert next(event for event in again if event.kind == "trial").data["trial_id"] == job.trial_id
    later = client.events(study.study_id, metrics.event_id)
    protocol.finish(job.attempt_id, job.lease_token, Finish("COMPLETE", values={"val_accuracy": 0.5}))
    assert next(event for event in later if event.kind == "trial").data["state"] == "COMPLETE"


def test_a_place_that_the_server_does_not_know_resets(client: Client) -> None:
    events = client.events(last_event_id="0-999999999")
    assert [next(events).kind, next(events).kind] == ["hello", "reset"]
    with pytest.raises(Invalid) as caught:
        next(client.events(last_event_id="nonsense"))
    assert caught.value.code == "cursor_malformed"


def test_stop_decides_at_the_next_report_and_a_lost_lease_writes_nothing(client: Client, protocol: Protocol) -> None:
    study = client.create_study(spec("stopped"))
    job = join_and_claim(protocol, study).attempts[0]
    assert client.stop_trial(job.trial_id).is_stop_requested
    assert protocol.report(job.attempt_id, job.lease_token, Report(1, step=1)).decision == "stop"
    with pytest.raises(LeaseLost) as caught:
        protocol.report(job.attempt_id, "another", Report(2, step=2))
    assert caught.value.code == "lease_lost"
    with pytest.raises(LeaseLost) as caught:
        protocol.upload_artifact(job.attempt_id, "another", Upload("net", "network", CONTENT))
    assert caught.value.code == "lease_lost"
    assert client.list_artifacts(job.trial_id) == ()
    protocol.finish(job.attempt_id, job.lease_token, Finish("STOPPED"))
    assert client.get_trial(job.trial_id).is_ended


def test_a_study_is_paused_raised_renamed_deleted_and_restored(client: Client, protocol: Protocol) -> None:
    study = client.create_study(spec("changed"))
    assert client.pause_study("changed").state == "PAUSED"
    assert join_and_claim(protocol, study).attempts == ()
    assert client.resume_study("changed").state == "RUNNING"
    renamed = client.update_study("changed", n_trials=5, name="renamed", notes="n", tags=["a"])
    assert (renamed.n_planned, renamed.name, renamed.notes, renamed.tags) == (5, "renamed", "n", ("a",))
    assert [found.name for found in client.list_studies(tag="a", search="name")] == ["renamed"]
    added = client.add_trial(study.study_id, {"learning_rate": 0.01}, note="by hand")
    assert (added.state, added.note) == ("WAITING", "by hand")
    assert client.stop_study(study.study_id).is_ended
    client.delete_study(study.study_id)
    assert "renamed" not in [found.name for found in client.list_studies()]
    assert client.restore_study(study.study_id).deleted_at is None


def test_a_study_is_looked_over_before_it_is_submitted(client: Client) -> None:
    good = client.check_study(spec("looked-over", sampler={"name": "random"}))
    assert (good.problems, good.n_trials, good.n_networks, good.estimate) == ((), 2, 1, None)
    space = {"learning_rate": {"type": "float", "low": 1.0, "high": 0.1}}
    wrong = client.check_study(spec("looked-over", search_space=space, model="mpl"))
    assert [(one.code, one.pointer) for one in wrong.problems] == [("unknown_model", "/model")]
    with pytest.raises(NotFound):
        client.get_study("looked-over")


def test_refusals_carry_the_servers_words(client: Client) -> None:
    client.create_study(spec("taken"))
    with pytest.raises(Conflict) as taken:
        client.create_study(spec("taken"))
    assert taken.value.code == "name_taken"
    space = {"learning_rate": {"type": "float", "low": 1.0, "high": 0.1}}
    with pytest.raises(Invalid) as bounds:
        client.create_study(spec("bad-space", search_space=space))
    assert bounds.value.field is not None
    assert bounds.value.field.startswith("search_space.learning_rate")
    assert bounds.value.status == 422
    with pytest.raises(NotFound) as missing:
        client.get_study("nowhere")
    assert missing.value.code == "study_not_found"
    with pytest.raises(NotFound) as trial:
        client.get_trial(999_999)
    assert trial.value.code == "trial_not_found"


def test_catalogues_are_read(client: Client) -> None:
    assert "digits" in [dataset.name for dataset in client.list_datasets()]
    mlp = next(model for model in client.list_models() if model.name == "mlp")
    assert "learning_rate" in [parameter.name for parameter in mlp.hyperparameters]


def test_a_study_is_tested_and_predicts(
    address: str, client: Client, protocol: Protocol, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repeats = {"n": 3, "choose": "best", "racing": True}
    study = client.create_study(spec("tested", repeats=repeats, evaluation={"method": "k_fold", "folds": 4}))
    assert (study.spec.repeats, study.spec.evaluation) == (Repeats(3, "best", True), EvaluationPlan("k_fold", 4))
    welcome = protocol.register(Registration("w-tested", "host", 42, "0.1.0", ("tested",), 4))
    claim = protocol.claim(welcome.worker_id, ["tested"], 2, slot=1)
    assert (claim.repeats, claim.evaluation, claim.incumbent) == (study.spec.repeats, study.spec.evaluation, None)
    with pytest.raises(Conflict) as early:
        client.request_evaluation("tested", "test")
    assert early.value.code == "study_goes_on"
    content = write_network(tmp_path / "stored.onnx", "scores", ["n", 2]).read_bytes()
    for job in claim.attempts:
        protocol.upload_artifact(job.attempt_id, job.lease_token, Upload("model.onnx", "network", content))
        finish = Finish("COMPLETE", values={"val_accuracy": job.number / 10}, diagnosis=[FINDING])
        protocol.finish(job.attempt_id, job.lease_token, finish)
    (best, other) = client.list_trials("tested", order_by="value")
    assert best.findings == ("good_fit",)
    (finding,) = client.get_trial(best.trial_id).diagnosis or ()
    assert (finding.severity, finding.evidence.numbers) == ("good", {"val_loss": 0.5})

    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text("1,2\n2,1\n")
    assert run_cli(address, "predict", "tested", str(source), "-o", str(target)) == 0
    assert [line[0] for line in target.read_text().splitlines()[1:]] == ["1", "0"]

    asked = client.request_evaluation("tested", "ensemble", n_members=2)
    assert asked.trial_ids == (best.trial_id, other.trial_id)
    assert run_cli(address, "evaluate", "tested", "--ensemble", "2", worker=evaluator(protocol, welcome.worker_id)) == 0
    out = capsys.readouterr().out
    assert "best network (trial 1)" in out
    assert "ensemble of 2" in out
    assert [one.state for one in client.list_evaluations("tested")] == ["COMPLETE", "COMPLETE"]
    assert client.request_evaluation("tested", "test").result == RESULT
    with pytest.raises(NotFound) as missing:
        client.get_evaluation(999_999)
    assert missing.value.code == "evaluation_not_found"


def evaluator(protocol: Protocol, worker_id: int) -> Callable[[], None]:
    """Return what a worker does until two evaluations are done."""

    def work() -> None:
        n_done = 0
        while n_done < 2:
            order = protocol.claim_evaluation(worker_id, ["tested"]).order
            if order is None:
                continue
            assert {file.name for member in order.members for file in member.files} == {"model.onnx"}
            lease = (order.evaluation_id, order.lease_token)
            assert protocol.renew_evaluation(*lease, Progress(0, 1, "testing")).decision == "continue"
            with pytest.raises(LeaseLost) as caught:
                protocol.finish_evaluation(order.evaluation_id, "another", EvaluationFinish("PREEMPTED"))
            assert caught.value.code == "lease_lost"
            result: dict[str, Any] = RESULT if order.kind == "test" else {**RESULT, "ensemble": {"test_accuracy": 0.9}}
            assert protocol.finish_evaluation(*lease, EvaluationFinish("COMPLETE", result=result)).is_ended
            n_done += 1

    return work


def run_cli(address: str, *args: str, worker: Callable[[], None] | None = None) -> int:
    """Run the command line, with a worker beside it; return the exit code."""
    thread = threading.Thread(target=worker or (lambda: None))
    thread.start()
    with pytest.raises(SystemExit) as ended:
        main(["--server", address, *args])
    thread.join(30.0)
    assert not thread.is_alive()
    return int(ended.value.code or 0)


def test_a_worker_is_listed_drained_and_gone(client: Client, protocol: Protocol) -> None:
    welcome = protocol.register(Registration("leaver", "host", 7, "0.1.0", ("nothing",), 2))
    assert "leaver" in [worker.name for worker in client.list_workers()]
    assert client.drain_worker(welcome.worker_id).state == "DRAINING"
    assert protocol.heartbeat(welcome.worker_id).state == "DRAINING"
    protocol.leave(welcome.worker_id)
    with pytest.raises(Conflict) as caught:
        client.drain_worker(welcome.worker_id)
    assert caught.value.code == "wrong_state"


class TestTokens:
    """A server that wants tokens."""

    @pytest.fixture(autouse=True)
    def _no_token(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("TUNEWELL_TOKEN", raising=False)

    @pytest.mark.parametrize(("token", "code"), [(None, "token_missing"), ("wrong", "token_unknown")])
    def test_without_a_good_one_nothing_is_read(self, guarded: str, token: str | None, code: str) -> None:
        with Client(guarded, token) as client, pytest.raises(Unauthorized) as caught:
            next(client.list_studies())
        assert caught.value.code == code
        assert caught.value.hint

    def test_a_workers_token_may_not_submit_and_a_users_may(self, guarded: str) -> None:
        with Client(guarded, "worker-secret") as client, pytest.raises(Forbidden) as caught:
            client.create_study(spec("mine"))
        assert caught.value.code == "role_forbidden"
        with Client(guarded, "user-secret") as client:
            assert client.create_study(spec("mine")).name == "mine"

    def test_events_want_one_too(self, guarded: str) -> None:
        with Client(guarded) as client, pytest.raises(Unauthorized) as caught:
            next(client.events())
        assert caught.value.code == "token_missing"

    def test_the_command_line_says_what_is_missing(self, guarded: str, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as caught:
            main(["--server", guarded, "study", "list"])
        assert caught.value.code == 4
        assert "TUNEWELL_TOKEN" in capsys.readouterr().err
        with pytest.raises(SystemExit) as allowed:
            main(["--server", guarded, "--token", "user-secret", "study", "list"])
        assert not allowed.value.code


def test_the_command_line_submits_and_watches_to_the_end(
    address: str, client: Client, protocol: Protocol, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "study.json"
    path.write_text(json.dumps(spec("watched")))
    codes: list[object] = []

    def submit() -> None:
        try:
            main(["--server", address, "study", "submit", str(path), "--watch"])
        except SystemExit as ended:
            codes.append(ended.code)

    thread = threading.Thread(target=submit)
    thread.start()
    wait_until(lambda: "watched" in [study.name for study in client.list_studies()], 20.0, what="it is submitted")
    claim = join_and_claim(protocol, client.get_study("watched"), n_max=2)
    for job in claim.attempts:
        finish = Finish("COMPLETE", values={"val_accuracy": 0.9})
        protocol.finish(job.attempt_id, job.lease_token, finish)
    thread.join(30.0)
    assert not thread.is_alive()
    lines = capsys.readouterr().out.splitlines()
    assert not codes[0]
    assert lines[0].startswith("Submitted watched")
    assert lines[-1] == "watched: COMPLETE, 2/2 trials, best val_accuracy 0.9 (trial 0)"


def test_tokens_are_made_listed_and_revoked(client: Client) -> None:
    made = client.create_token("somebody", "worker", expires_in_s=3600)
    assert made.token.startswith("tw_")
    (first, *_) = client.list_tokens()
    assert (first.token_id, first.name, first.role) == (made.token_id, "somebody", "worker")
    assert client.revoke_token(made.token_id).revoked_at is not None
    with pytest.raises(Conflict) as again:
        client.revoke_token(made.token_id)
    assert again.value.code == "wrong_state"


def test_browsers_that_signed_in_are_listed_and_signed_out(
    client: Client, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = client.create_token("ana", "user")
    with httpx.Client(base_url=f"{address}/api/v1", trust_env=False) as browser:
        said = browser.post("/session", json={"token": made.token}, headers={"User-Agent": "Firefox"}).json()
        (first,) = client.list_sessions()
        assert (first.name, first.role, first.agent, said["role"]) == ("ana", "user", "Firefox", "user")
        assert run_cli(address, "token", "sessions") == 0
        assert "Firefox" in capsys.readouterr().out
        assert run_cli(address, "token", "sign-out", str(first.session_id)) == 0
        assert client.list_sessions() == ()
    with pytest.raises(NotFound) as again:
        client.end_session(first.session_id)
    assert again.value.code == "session_not_found"


def test_a_change_is_looked_over_made_and_undone(client: Client) -> None:
    study = client.create_study(spec("looked-over-and-changed", sampler={"name": "random"}))
    space = {"learning_rate": {"high": 0.5}}
    found = client.check_edit(study.study_id, search_space=space)
    assert [(one.field, one.n_outside) for one in found.changes] == [("search_space.learning_rate", 0)]
    assert client.list_edits(study.study_id) == ()
    client.update_study(study.study_id, search_space=space)
    (edit,) = client.list_edits(study.study_id)
    assert edit.undo == {"search_space": {"learning_rate": found.changes[0].before}}
    wrong = client.check_edit(study.study_id, search_space={"learning_rate": {"low": 3.0}})
    assert [one.pointer for one in wrong.problems] == ["/search_space/learning_rate/low"]
