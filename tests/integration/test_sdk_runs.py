"""The SDK's runs against a real API: tracked, offline, cut off and taken up again, and as an agent."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tunewell
from tunewell import Run
from tunewell._transport import Transport
from tunewell.runs.sync import Synced, sync_runs

from tests.integration.test_api_runs import a_search, lose_leases
from tests.servers.api import Caller, Json, Served
from tests.servers.waiting import wait_until


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, live_api: Served, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep runs in a folder of the test's own, and send them to its API."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("TUNEWELL_RUNS", str(folder))
    monkeypatch.setenv("TUNEWELL_SERVER", live_api.address)
    monkeypatch.delenv("TUNEWELL_MODE", raising=False)
    monkeypatch.setenv("TUNEWELL_CAPTURE", "none")
    return folder


@pytest.fixture
def started() -> Iterator[list[Run]]:
    """Return a list whose runs are ended after the test, whatever came of it."""
    begun: list[Run] = []
    yield begun
    for run in begun:
        run.finish(wait_s=0.0)


def sync(folder: Path, live_api: Served) -> list[Synced]:
    """Send what lies in a folder."""
    return list(sync_runs(folder, lambda: Transport(live_api.address), live_api.address))


def only_trial(caller: Caller, study: str = "notes") -> Json:
    (trial,) = caller.call("GET", f"/studies/{study}/trials")["items"]
    return dict(trial)


def curve(caller: Caller, trial: Json, name: str) -> list[tuple[int, float]]:
    found = caller.call("GET", f"/trials/{trial['trial_id']}/metrics", params={"names": name, "max_points": 100_000})
    (series,) = found["series"]
    return [(step, float(value)) for step, value in zip(series["steps"], series["values"], strict=True)]


def lines(caller: Caller, trial: Json) -> list[str]:
    return [one["text"] for one in caller.call("GET", f"/trials/{trial['trial_id']}/logs")["items"]]


def test_a_run_is_tracked_in_a_study_that_is_made_for_it(caller: Caller, runs: Path) -> None:
    params = {"rate": 0.1, "optimizer": {"name": "adam", "betas": [0.9, 0.99]}, "seed": None}
    with tunewell.init("notes", params, objective=("val_acc", "maximize"), tags=["a", "b"], notes="try") as run:
        run.log({"val_acc": 0.5, "loss": math.nan})
        run.log({"val_acc": 0.75, "loss": math.inf})
        run.log_line("half way")
        run.log_text("report", "fine")
        run.log_image("picture", [[0, 255], [255, 0]], step=1)
        run.log_table("table", [{"a": 1, "b": "x"}])
        run.log_artifact(b"{}", name="made.json")
        run.summary["best"] = 0.75
    assert list(runs.iterdir()) == [], "what was heard is not kept"
    study, trial = caller.call("GET", "/studies/notes"), only_trial(caller)
    assert study["spec"]["objectives"] == [{"metric": "val_acc", "direction": "maximize"}]
    assert (trial["state"], trial["value"], trial["values"]["best"], trial["step"]) == ("COMPLETE", 0.75, 0.75, 1)
    assert trial["params"] == {
        "rate": 0.1,
        "optimizer.name": "adam",
        "optimizer.betas": "0.9,0.99",
        "seed": None,
    }
    assert (trial["tags"], trial["note"]) == (["a", "b"], "try")
    assert curve(caller, trial, "val_acc") == [(0, 0.5), (1, 0.75)]
    values = [value for _, value in curve(caller, trial, "loss")]
    assert (math.isnan(values[0]), values[1]) == (True, math.inf)
    assert lines(caller, trial) == ["half way"]
    stored = caller.call("GET", f"/trials/{trial['trial_id']}/artifacts")["items"]
    assert {one["name"] for one in stored} == {"report.txt", "picture-1.png", "table.csv", "made.json"}


def test_several_runs_at_once_in_one_process(caller: Caller) -> None:
    with tunewell.init("notes", {"n": 1}) as one, tunewell.init("notes", {"n": 2}) as two:
        one.log({"val_loss": 1.0}, step=0)
        two.log({"val_loss": 2.0}, step=0)
    found = caller.call("GET", "/studies/notes/trials")["items"]
    assert sorted((trial["params"]["n"], trial["value"]) for trial in found) == [(1, 1.0), (2, 2.0)]


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [(ValueError("no data"), "FAIL", "ValueError: no data"), (KeyboardInterrupt(), "PRUNED", "interrupted by Ctrl-C")],
)
def test_how_a_run_ends_that_is_left_by_an_exception(
    caller: Caller, error: BaseException, state: str, said: str
) -> None:
    run = tunewell.init("notes")
    run.log({"val_loss": 1.0})
    with pytest.raises(type(error)), run:
        raise error
    trial = only_trial(caller)
    assert (trial["state"], trial["reason"]) == (state, said)
    assert any("Traceback" in line for line in lines(caller, trial)) == (state == "FAIL")
    assert curve(caller, trial, "val_loss") == [(0, 1.0)]


def test_a_run_that_somebody_stops_ends_as_stopped(caller: Caller) -> None:
    with tunewell.init("notes") as run:
        run.log({"val_loss": 1.0})
        assert run.flush()
        assert not run.should_prune()
        assert run.start is not None
        caller.call("POST", f"/trials/{run.start.trial_id}:stop")
        run.log({"val_loss": 0.5})
        assert run.flush()
        assert run.should_prune()
        raise tunewell.Stopped
    assert only_trial(caller)["state"] == "PRUNED"


def test_a_pruner_judges_what_was_logged_just_now(caller: Caller) -> None:
    pruner = {"name": "threshold", "upper": 10.0}
    caller.call("POST", "/studies", 201, json=a_search("search", pruner=pruner))
    ended: dict[int, bool] = {}

    def train(run: Run) -> None:
        place = len(ended)
        run.log({"val_loss": 100.0 if place == 1 else 1.0}, step=1)
        ended[place] = run.should_prune()

    assert tunewell.agent("search", train) == 3
    assert ended == {0: False, 1: True, 2: False}
    states = [trial["state"] for trial in caller.call("GET", "/studies/search/trials")["items"]]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE"]


def test_an_agent_runs_what_the_study_proposes_and_outlives_failures(caller: Caller) -> None:
    caller.call("POST", "/studies", 201, json=a_search("search"))
    seen: list[Any] = []

    def train(run: Run) -> None:
        assert tunewell.current_trial() is run
        assert tunewell.init() is run
        seen.append(run.params)
        if len(seen) == 2:
            raise ValueError("bad luck")
        run.log({"val_loss": run.params["rate"]}, step=0)

    assert tunewell.agent("search", train) == 3
    assert tunewell.current_trial() is None
    found = caller.call("GET", "/studies/search/trials")["items"]
    assert [trial["params"] for trial in found] == seen
    assert [trial["state"] for trial in found] == ["COMPLETE", "FAIL", "COMPLETE"]
    assert caller.call("GET", "/studies/search")["state"] == "COMPLETE"
    assert tunewell.agent("search", train) == 0


def test_an_agent_that_is_interrupted_hands_its_trial_back(caller: Caller) -> None:
    caller.call("POST", "/studies", 201, json=a_search("search"))

    def train(run: Run) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tunewell.agent("search", train, n_trials=1)
    assert only_trial(caller, "search")["state"] == "WAITING"
    assert tunewell.agent("search", lambda run: run.log({"val_loss": 1.0}), n_trials=1) == 1
    assert only_trial(caller, "search")["state"] == "COMPLETE"


def test_a_study_of_workers_is_not_for_scripts(caller: Caller) -> None:
    caller.create("networks")
    with pytest.raises(tunewell.Conflict) as refused:
        tunewell.agent("networks", lambda run: None)
    assert refused.value.code == "not_for_scripts"


def test_an_offline_run_is_sent_once_however_often_it_is_synced(
    caller: Caller, runs: Path, live_api: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEWELL_MODE", "offline")
    with tunewell.init("notes", {"rate": 0.1}) as run:
        for step in range(1000):
            run.log({"val_loss": 1.0 / (step + 1)}, step=step)
        run.log_line("one line")
        run.log_text("report", "fine")
    assert caller.call("GET", "/studies")["items"] == []
    folder = next(runs.iterdir())
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert [one.result for one in sync(runs, live_api)] == ["sent"]
    assert list(runs.iterdir()) == []
    trial = only_trial(caller)
    assert (trial["state"], trial["n_attempts"]) == ("COMPLETE", 1)
    for path, content in kept.items():  # as if the machine had died before the files were gone
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert [one.result for one in sync(runs, live_api)] == ["over"]
    assert sync(runs, live_api) == []
    assert only_trial(caller) == trial
    assert len(curve(caller, trial, "val_loss")) == 1000
    assert lines(caller, trial) == ["one line"]


def test_what_was_sent_before_the_lease_was_lost_is_not_doubled(
    caller: Caller, runs: Path, live_api: Served, started: list[Run]
) -> None:
    run = tunewell.init("notes")
    started.append(run)
    run.log({"val_loss": 1.0}, step=0)
    run.log_line("first")
    assert run.flush()
    lose_leases(live_api)
    assert only_trial(caller)["state"] == "WAITING"
    run.log({"val_loss": 0.5}, step=1)
    run.log_line("second")
    assert run.flush()
    assert only_trial(caller)["state"] == "RUNNING"
    assert run.finish()
    trial = only_trial(caller)
    assert (trial["state"], trial["n_attempts"]) == ("COMPLETE", 2)
    assert curve(caller, trial, "val_loss") == [(0, 1.0), (1, 0.5)]
    assert lines(caller, trial) == ["first", "second"]


def test_a_run_that_still_goes_on_is_left_to_its_script(runs: Path, live_api: Served, started: list[Run]) -> None:
    run = tunewell.init("notes")
    started.append(run)
    run.log({"val_loss": 1.0})
    assert [one.result for one in sync(runs, live_api)] == ["running"]
    assert run.finish()


def test_a_run_of_a_deleted_study_ends_quietly(caller: Caller, started: list[Run]) -> None:
    run = tunewell.init("notes")
    started.append(run)
    run.log({"val_loss": 1.0})
    assert run.flush()
    caller.call("DELETE", "/studies/notes", 204)
    run.log({"val_loss": 0.5})
    run.flush(wait_s=5.0)
    assert run.should_prune()
    assert run.finish(), "a study that was deleted can be restored, with what it holds"


def test_many_points_from_several_threads(caller: Caller) -> None:
    with tunewell.init("notes") as run:

        def work(name: str) -> None:
            for step in range(25_000):
                run.log({name: float(step)}, step=step)

        threads = [threading.Thread(target=work, args=(f"m{place}",)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert run.flush(wait_s=120.0)
    trial = only_trial(caller)
    found = caller.call("GET", f"/trials/{trial['trial_id']}/metrics")["series"]
    assert {one["name"]: one["n_points"] for one in found} == {f"m{place}": 25_000 for place in range(4)}


def test_a_spool_has_a_limit_and_the_run_says_what_it_left_out(
    caller: Caller, runs: Path, live_api: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TUNEWELL_SPOOL_MAX_BYTES", "20000")
    run = tunewell.init("notes", mode="offline")
    for step in range(1000):
        run.log({"val_loss": 1.0}, step=step)
    run.flush()
    for step in range(1000, 1500):
        run.log({"val_loss": 1.0}, step=step)
    run.finish()
    assert "TUNEWELL_SPOOL_MAX_BYTES" in caplog.text
    assert [one.result for one in sync(runs, live_api)] == ["sent"]
    trial = only_trial(caller)
    assert 0 < len(curve(caller, trial, "val_loss")) < 1500
    assert any("left out" in line for line in lines(caller, trial))


def test_no_token_lies_on_the_disk(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEWELL_TOKEN", "tw_secret")
    with tunewell.init("notes", mode="offline") as run:
        run.log({"val_loss": 1.0})
    texts = [path.read_text() for path in runs.rglob("*") if path.is_file()]
    assert not any("tw_secret" in text for text in texts)
    header = json.loads(next(runs.glob("*/run.json")).read_text())
    assert header["start"] is None


def test_a_run_notes_what_it_runs_with_and_what_it_prints(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tunewell.system.usage.FIRST_AFTER_S", 0.0)
    with tunewell.init("notes", capture=("environment", "output", "system")) as run:
        sys.stdout.write("to be seen\n")
        wait_until(lambda: bool(run.flush() and usage_of(caller)), 20.0, what="the machine was read")
        run.log({"val_loss": 1.0}, step=4)
    assert "to be seen" in capsys.readouterr().out
    trial = only_trial(caller)
    assert (lines(caller, trial), trial["step"]) == (["to be seen"], 4)
    (place,) = caller.call("GET", f"/trials/{trial['trial_id']}/environment")["items"]
    assert place["environment"]["command"]
    assert "httpx" in place["environment"]["packages"]
    with tunewell.init("notes"):
        sys.stdout.write("not this\n")
    second = max(caller.call("GET", "/studies/notes/trials")["items"], key=lambda one: int(one["number"]))
    assert lines(caller, second) == []


def usage_of(caller: Caller) -> set[str]:
    found = caller.call("GET", f"/trials/{only_trial(caller)['trial_id']}/metrics", params={"system": "true"})
    return {one["name"] for one in found["series"]}
