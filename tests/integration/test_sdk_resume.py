"""`tunewell.init(resume=...)` after a script was killed: on the same machine, and on another one."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import tunewell
from tunewell.runs import resume as resuming

from tests.integration.test_sdk_faults import points, start_script, sync
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.service import Service
from tests.servers.waiting import wait_until

_TRAIN = """
import sys, tunewell
run = tunewell.init("notes", {"rate": 0.1})
for step in range(10):
    run.log({"val_loss": float(step)}, step=step)
with open("PLACE", "w") as file:
    file.write("weights of step 6")
run.checkpoint("PLACE", step=6)
assert run.flush()
print("trial", run.start.trial_id, flush=True)
tunewell_pause.wait()
"""


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, database_url: str) -> Iterator[Service]:
    """Return an API in a process of its own."""
    with Service(processes, tmp_path / "home", database_url, "memory://") as service:
        service.start_api()
        yield service


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, service: Service, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUNEWELL_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TUNEWELL_SERVER", service.address)
    monkeypatch.setenv("TUNEWELL_CAPTURE", "none")
    return tmp_path / "runs"


@pytest.fixture
def script(processes: ProcessFamily, tmp_path: Path, runs: Path) -> ServiceProcess:
    """Return a script that has said ten steps and brought a checkpoint, and goes on."""
    started = start_script(processes, tmp_path, _TRAIN.replace("PLACE", str(tmp_path / "weights.pt")))
    wait_until(lambda: "trial" in started.log_text() or not started.is_running, 60.0, what="the script has said a part")
    assert started.is_running, started.log_text()
    return started


def trial_id_of(script: ServiceProcess) -> int:
    found = re.search(r"trial (\d+)", script.log_text())
    assert found is not None
    return int(found[1])


def go_on(run: tunewell.Run, place: Path) -> None:
    """Train from the checkpoint to step 12, saying some steps again."""
    assert (run.params, run.step, run.restore(place)) == ({"rate": 0.1}, 9, 6)
    assert place.read_text() == "weights of step 6"
    for step in range(7, 12):
        run.log({"val_loss": 100.0 + step}, step=step)
    run.log({"val_loss": 0.5})
    assert run.step == 12
    assert run.finish()


def check(service: Service, n_attempts: int) -> None:
    (trial,) = service.trials("notes")
    assert (trial["state"], trial["value"], trial["n_attempts"]) == ("COMPLETE", 0.5, n_attempts)
    told = [(step, float(step)) for step in range(10)]
    assert points(service, trial) == [*told, (10, 110.0), (11, 111.0), (12, 0.5)], "steps said again count once"


def test_a_killed_script_goes_on_at_once_where_its_folder_lies(
    service: Service, script: ServiceProcess, runs: Path, tmp_path: Path
) -> None:
    (folder,) = runs.iterdir()
    with pytest.raises(tunewell.Conflict) as refused:
        tunewell.init("notes", resume=folder.name)
    assert refused.value.code == "run_live"
    script.kill()
    go_on(tunewell.init("notes", resume=folder.name), tmp_path / "restored.pt")
    check(service, n_attempts=1)
    assert list(runs.iterdir()) == []
    with pytest.raises(tunewell.Conflict) as refused:
        tunewell.init("notes", resume=trial_id_of(script))
    assert refused.value.code == "run_over"


def test_what_the_killed_script_had_not_sent_is_sent_first(
    service: Service, script: ServiceProcess, runs: Path, tmp_path: Path
) -> None:
    script.kill()
    (folder,) = runs.iterdir()
    with (folder / "spool.jsonl").open("ab") as spool:
        point = ["val_loss", 42, 0.25, "2026-01-02T03:04:05+00:00"]
        body = {"kind": "report", "seq": 1000, "step": 42, "n_steps": None, "metrics": [point], "logs": []}
        spool.write(json.dumps(body, separators=(",", ":")).encode() + b'\n{"kind":"rep')
    assert service.api is not None
    service.api.kill()
    with pytest.raises(tunewell.ServerUnreachable):
        tunewell.init(resume=trial_id_of(script))
    service.start_api()
    run = tunewell.init(resume=trial_id_of(script))
    assert run.step == 42
    run.log({"val_loss": 0.125})
    assert run.finish()
    (trial,) = service.trials("notes")
    assert (trial["value"], points(service, trial)[-2:]) == (0.125, [(42, 0.25), (43, 0.125)])


def test_a_killed_script_goes_on_elsewhere_once_its_lease_has_run_out(
    service: Service,
    script: ServiceProcess,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trial_id = trial_id_of(script)
    monkeypatch.setenv("TUNEWELL_RUNS", str(tmp_path / "elsewhere"))
    with monkeypatch.context() as impatient:
        impatient.setattr(resuming, "LEASE_WAIT_S", 0.0)
        with pytest.raises(tunewell.Conflict) as refused:
            tunewell.init("notes", resume=trial_id)
    assert refused.value.code == "run_live", "its script still lives"
    script.kill()
    go_on(tunewell.init(None, {"rate": 0.7}, resume=trial_id), tmp_path / "restored.pt")
    assert "waiting for its lease" in caplog.text
    assert "keeps its own parameters, which differ in rate" in caplog.text
    check(service, n_attempts=2)
    assert [one.result for one in sync(runs, service)] == ["over"], "what it left has nothing to add"
    check(service, n_attempts=2)


def test_a_script_that_was_thought_dead_ends_when_another_went_on(
    service: Service, script: ServiceProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNEWELL_RUNS", str(tmp_path / "elsewhere"))
    script.send(signal.SIGSTOP)
    run = tunewell.init("notes", resume=trial_id_of(script))
    assert run.flush()
    script.send(signal.SIGCONT)
    wait_until(lambda: "ended without its script" in script.log_text(), 60.0, what="the old script has heard it")
    go_on(run, tmp_path / "restored.pt")
    check(service, n_attempts=2)


def test_what_cannot_be_resumed_is_refused(service: Service) -> None:
    with tunewell.init("notes") as run:
        run.log({"val_loss": 1.0})
        assert run.flush()
        assert run.start is not None
        over = run.start.trial_id
    for error, study, name, code in (
        (tunewell.Conflict, "notes", str(over), "run_over"),
        (tunewell.NotFound, "notes", "999999", "run_not_found"),
        (tunewell.NotFound, None, "999999", "trial_not_found"),
        (tunewell.NotFound, "no-such-study", "999999", "study_not_found"),
        (tunewell.Invalid, None, "a-key-that-nobody-has", "no_study"),
    ):
        with pytest.raises(error) as refused:
            tunewell.init(study, resume=name)
        assert refused.value.code == code
    with pytest.raises(tunewell.Invalid) as offline:
        tunewell.init("notes", resume=over, mode="offline")
    assert offline.value.code == "resume_mode"
    with tunewell.init("notes", resume=over, mode="disabled") as run:
        assert (run.step, run.restore("nowhere")) == (None, None)
    with tunewell.init("notes", resume="") as run:
        run.log({"val_loss": 2.0})
    assert len(service.trials("notes")) == 2
