"""Runs on a bad night: a server that is killed, scripts that are killed or end without a word, forked children."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tunewell
from tunewell._transport import Transport
from tunewell.runs.sync import Synced, sync_runs

from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.service import Json, Service
from tests.servers.waiting import wait_until

N_STEPS = 3000
_LOG_FOREVER = """
import tunewell
run = tunewell.init("notes")
step = 0
while True:
    run.log({"val_loss": float(step)}, step=step)
    run.log_line(f"line {step}")
    step += 1
    if step == 200:
        assert run.flush()
        print("heard", flush=True)
    if step % 100 == 0:
        tunewell_pause.wait(0.01)
"""
_FORK = """
import os, tunewell
run = tunewell.init("notes")
run.log({"val_loss": 1.0}, step=0)
run.log_line("parent")
for _ in range(3):
    if os.fork() == 0:
        run.log({"val_loss": 2.0}, step=1)
        run.log_line("child")
        if _ == 2:
            raise SystemExit(0)  # with atexit, as a child of multiprocessing's fork may end
        os._exit(0)
    os.wait()
run.log({"val_loss": 3.0}, step=2)
"""
_RAISE = """
import tunewell
run = tunewell.init("notes")
run.log({"val_loss": 1.0}, step=0)
raise ValueError("no data")
"""


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, database_url: str) -> Iterator[Service]:
    """Return an API in a process of its own that can be killed."""
    with Service(processes, tmp_path / "home", database_url, "memory://") as service:
        service.start_api()
        yield service


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEWELL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TUNEWELL_SERVER", service.address)
    monkeypatch.setenv("TUNEWELL_CAPTURE", "none")
    return tmp_path / "runs"


def start_script(family: ProcessFamily, tmp_path: Path, text: str) -> ServiceProcess:
    script = tmp_path / "script.py"
    script.write_text(f"import threading\ntunewell_pause = threading.Event()\n{text}")
    return family.start([sys.executable, str(script)], name="script")


def sync(runs: Path, service: Service) -> list[Synced]:
    return list(sync_runs(runs, lambda: Transport(service.address), service.address))


def points(service: Service, trial: Json) -> list[tuple[int, float]]:
    found = service.call("GET", f"/trials/{trial['trial_id']}/metrics?names=val_loss&max_points=100000")
    (series,) = found["series"]
    return [(step, float(value)) for step, value in zip(series["steps"], series["values"], strict=True)]


def lines(service: Service, trial: Json) -> list[str]:
    found, cursor = [], ""
    while True:
        page = service.call("GET", f"/trials/{trial['trial_id']}/logs?limit=1000{cursor}")
        found += [one["text"] for one in page["items"]]
        if page["next_cursor"] is None or not page["items"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def test_a_server_that_is_killed_in_the_middle_loses_and_doubles_nothing(service: Service) -> None:
    run = tunewell.init("notes")
    for step in range(N_STEPS):
        run.log({"val_loss": float(step)}, step=step)
        run.log_line(f"line {step}")
        if step == N_STEPS // 3:
            assert run.flush()
            assert service.api is not None
            service.api.kill()
        if step == 2 * N_STEPS // 3:
            assert not run.flush(wait_s=1.0)
            service.start_api()
    assert run.finish(wait_s=60.0)
    (trial,) = service.trials("notes")
    assert trial["state"] == "COMPLETE"
    assert points(service, trial) == [(step, float(step)) for step in range(N_STEPS)]
    assert lines(service, trial) == [f"line {step}" for step in range(N_STEPS)]


def test_a_server_that_is_away_from_the_start_hears_it_all_later(service: Service, runs: Path) -> None:
    assert service.api is not None
    service.api.kill()
    with tunewell.init("notes") as run:
        run.log({"val_loss": 1.0}, step=0)
        assert not run.should_prune()
    assert len(list(runs.iterdir())) == 1
    (left,) = sync_runs(runs, lambda: Transport(service.address), service.address, wait_s=0.1)
    assert left.result == "unreachable"
    service.start_api()
    assert [one.result for one in sync(runs, service)] == ["sent"]
    (trial,) = service.trials("notes")
    assert (trial["state"], points(service, trial)) == ("COMPLETE", [(0, 1.0)])


def test_what_a_killed_script_said_is_synced_after_its_lease_ran_out(
    service: Service, processes: ProcessFamily, tmp_path: Path, runs: Path
) -> None:
    script = start_script(processes, tmp_path, _LOG_FOREVER)
    wait_until(lambda: "heard" in script.log_text(), 30.0, what="the server has heard a part")
    assert service.api is not None
    service.api.send(signal.SIGSTOP)
    spool = next(runs.glob("*/spool.jsonl"))
    size = spool.stat().st_size
    wait_until(lambda: spool.stat().st_size > size + 50_000, 30.0, what="more is spooled")
    script.kill()
    service.api.send(signal.SIGCONT)
    wait_until(lambda: service.trials("notes")[0]["state"] == "WAITING", 60.0, what="the lease has run out")
    assert [one.result for one in sync(runs, service)] == ["sent"]
    assert sync(runs, service) == []
    (trial,) = service.trials("notes")
    assert (trial["state"], trial["reason"], trial["n_attempts"]) == ("FAIL", "the script was killed", 2)
    found = points(service, trial)
    assert len(found) > 200
    assert found == [(step, float(step)) for step in range(len(found))]
    # It was killed while it wrote: the last points may have reached the disk, and the lines beside them not.
    told = lines(service, trial)
    assert len(told) > 200
    assert told == [f"line {step}" for step in range(len(told))]


def test_forked_children_neither_send_nor_double_what_the_parent_has_to_say(
    service: Service, processes: ProcessFamily, tmp_path: Path, runs: Path
) -> None:
    script = start_script(processes, tmp_path, _FORK)
    assert script.wait(60.0) == 0, script.log_text()
    (trial,) = service.trials("notes")
    assert (trial["state"], trial["n_attempts"]) == ("COMPLETE", 1)
    assert points(service, trial) == [(0, 1.0), (2, 3.0)]
    assert lines(service, trial) == ["parent"]
    assert list(runs.iterdir()) == []


def test_a_script_that_ends_without_a_word_has_its_runs_ended(
    service: Service, processes: ProcessFamily, tmp_path: Path
) -> None:
    script = start_script(processes, tmp_path, _RAISE.replace("raise", "# raise"))
    assert script.wait(60.0) == 0, script.log_text()
    failing = start_script(processes, tmp_path, _RAISE)
    assert failing.wait(60.0) == 1
    good, bad = sorted(service.trials("notes"), key=lambda trial: int(trial["number"]))
    assert (good["state"], points(service, good)) == ("COMPLETE", [(0, 1.0)])
    assert (bad["state"], bad["reason"]) == ("FAIL", "ValueError: no data")
