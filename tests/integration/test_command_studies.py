"""Studies whose command an agent runs: parameters in, numbers out, and how commands end."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import psutil
import pytest
import tunewell
from tunewell.cli.app import app
from tunewell.commands.execution import read_values
from tunewell.commands.place import Place, render
from tunewell.runs.command import CommandRunner
from typer.testing import CliRunner

from tests.integration.test_api_runs import a_search
from tests.servers.api import Caller, Json, Served, a_study
from tests.servers.processes import is_alive
from tests.servers.waiting import wait_until

_SDK = """
import os, sys, tunewell
assert "TUNEWELL_TOKEN" not in os.environ
assert os.environ["TUNEWELL_PARAM_RATE"] == sys.argv[2]
with tunewell.init("any") as run:
    assert str(run.params["rate"]) == sys.argv[2] and tunewell.current_trial() is run
    run.log({"val_loss": float(sys.argv[2])}, step=1)
    run.log_text("report", "fine")
    run.summary["extra"] = 7
print("printed")
"""
_STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, live_api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEWELL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TUNEWELL_SERVER", live_api.address)
    monkeypatch.setenv("TUNEWELL_CAPTURE", "none")


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "root" / "train.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path.parent


def submit(caller: Caller, *words: str, n_trials: int = 1) -> None:
    study = a_search("commands", command=list(words), budget={"n_trials": n_trials})
    caller.call("POST", "/studies", 201, json=study)


def trials_of(caller: Caller) -> list[Json]:
    return list(caller.call("GET", "/studies/commands/trials")["items"])


def only_trial(caller: Caller) -> Json:
    (trial,) = caller.call("GET", "/studies/commands/trials")["items"]
    return dict(trial)


def lines(caller: Caller) -> list[str]:
    return [one["text"] for one in caller.call("GET", f"/trials/{only_trial(caller)['trial_id']}/logs")["items"]]


def run_one(root: Path, grace_s: float = 10.0) -> int:
    return tunewell.agent("commands", CommandRunner(Place(root, grace_s)))


@pytest.fixture
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `python` be the one that runs the tests."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))


def test_a_script_with_the_sdk_reports_through_its_agent(
    caller: Caller, tmp_path: Path, python: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEWELL_TOKEN", "")
    root = script(tmp_path, _SDK)
    submit(caller, "python", "train.py", "--rate", "{rate}", n_trials=2)
    done = CliRunner().invoke(app, ["agent", "commands", "--allow-commands", "--command-root", str(root)])
    assert (done.exit_code, done.output) == (0, "2 trials run\n")
    found = caller.call("GET", "/studies/commands/trials")["items"]
    assert [trial["state"] for trial in found] == ["COMPLETE", "COMPLETE"]
    for trial in found:
        assert (trial["value"], trial["values"]["extra"], trial["step"]) == (trial["params"]["rate"], 7.0, 1)
        names = [one["name"] for one in caller.call("GET", f"/trials/{trial['trial_id']}/artifacts")["items"]]
        assert names == ["report.txt"]
        texts = [one["text"] for one in caller.call("GET", f"/trials/{trial['trial_id']}/logs")["items"]]
        assert texts == ["printed"]


def test_nothing_runs_without_consent(caller: Caller, tmp_path: Path, python: None) -> None:
    root = script(tmp_path, "print(1)")
    caller.call("POST", "/studies", 201, json=a_search("commands", command=["python", "train.py"]))
    refused = CliRunner().invoke(app, ["agent", "commands", "--command-root", str(root)])
    assert refused.exit_code == 2
    assert caller.call("GET", "/studies/commands/trials")["items"] == []


@pytest.mark.parametrize(
    "text",
    [
        "print('{\"val_loss\": 0.25}')",
        "import json, os; open(os.environ['TUNEWELL_METRICS'], 'w').write(json.dumps({'val_loss': 0.25}))",
    ],
)
def test_a_script_without_the_sdk_tells_its_numbers(caller: Caller, tmp_path: Path, python: None, text: str) -> None:
    root = script(tmp_path, text)
    caller.call(
        "POST", "/studies", 201, json=a_search("commands", command=["python", "train.py"], budget={"n_trials": 1})
    )
    assert run_one(root) == 1
    assert (only_trial(caller)["state"], only_trial(caller)["value"]) == ("COMPLETE", 0.25)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import sys; print('oh', file=sys.stderr); sys.exit(3)", "the command ended with exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "the command was ended by SIGKILL"),
        ("import tunewell\nwith tunewell.init():\n    raise ValueError('no data')", "ValueError: no data"),
    ],
)
def test_a_command_that_fails_fails_its_trial(
    caller: Caller, tmp_path: Path, python: None, text: str, reason: str
) -> None:
    root = script(tmp_path, text)
    caller.call(
        "POST", "/studies", 201, json=a_search("commands", command=["python", "train.py"], budget={"n_trials": 1})
    )
    assert run_one(root) == 1
    assert (only_trial(caller)["state"], only_trial(caller)["reason"]) == ("FAIL", reason)


def test_a_command_that_does_not_heed_a_stop_is_ended_with_all_it_started(
    caller: Caller, tmp_path: Path, python: None
) -> None:
    root = script(tmp_path, _STUBBORN)
    caller.call(
        "POST", "/studies", 201, json=a_search("commands", command=["python", "train.py"], budget={"n_trials": 1})
    )
    agent = threading.Thread(target=run_one, args=(root, 0.3))
    agent.start()
    wait_until(
        lambda: bool(caller.call("GET", "/studies/commands/trials")["items"] and lines(caller)), 30.0, what="runs"
    )
    child = psutil.Process(int(lines(caller)[0]))
    assert is_alive(child)
    caller.call("POST", f"/trials/{only_trial(caller)['trial_id']}:stop")
    agent.join(60.0)
    assert not agent.is_alive()
    assert only_trial(caller)["state"] == "PRUNED"
    wait_until(lambda: not is_alive(child), 10.0, what="the script's own child is gone")


@pytest.mark.parametrize(
    ("program", "why"),
    [("../outside.sh", "does not lie below"), ("no-such-program-here", "there is no program")],
)
def test_programs_outside_of_the_root_are_not_run(caller: Caller, tmp_path: Path, program: str, why: str) -> None:
    root = script(tmp_path, "")
    submit(caller, program)
    assert run_one(root) == 1
    assert only_trial(caller)["state"] == "FAIL"
    assert why in only_trial(caller)["reason"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"command": ["python", "--lr={rat}"]}, "unknown_placeholder", "command.1"),
        ({"command": []}, "too_short", "command"),
        ({"command": ["python", ""]}, "string_too_short", "command.1"),
    ],
)
def test_commands_that_cannot_be(caller: Caller, changes: Json, code: str, field: str) -> None:
    error = caller.refused("POST", "/studies", 422, json=a_search("commands", **changes))
    assert (error["code"], error["field"]) == (code, field)
    caller.call("POST", "/studies", 201, json=a_search("commands", command=["python", "--lr={rate}", "{{rat}}"]))


def test_a_network_has_no_command(caller: Caller) -> None:
    error = caller.refused("POST", "/studies", 422, json={**a_study("networks"), "command": ["python"]})
    assert (error["code"], error["field"]) == ("script_only", "command")
    caller.call("POST", "/studies", 201, json=a_study("networks"))


def test_words_and_values() -> None:
    params = {"rate": 0.1, "flag": True, "none": None, "kind": "a b"}
    words = ["--r={rate}", "{flag}", "{none}", "{kind}", "{gone}", "{{rate}}"]
    assert render(words, params) == ["--r=0.1", "true", "", "a b", "", "{rate}"]
    assert read_values('{"a": 1, "b": "x", "c": NaN}').keys() == {"a", "c"}
    assert read_values("[1]") == read_values("a line") == {}
