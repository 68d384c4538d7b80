"""One slot with a real trial program and a server that only remembers."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from tunewell.protocol import CheckpointRef, Claim, Welcome

from tests.servers.processes import ROOT, is_alive
from tests.servers.waiting import wait_until
from tests.unit.worker.conftest import ODD_CHILD
from tests.unit.worker.fakes import AWAY, LOST, REFUSED, FakeServer, assignment, children_with, claim
from worker.launcher import Launcher
from worker.programs import run_models
from worker.settings import WorkerSettings
from worker.supervisor import Supervisor

pytestmark = pytest.mark.timeout(60)
LONG = 10_000


class Slot:
    """A supervisor and what moves it."""

    def __init__(self, supervisor: Supervisor, server: FakeServer, sha256: str, run_dir: Path) -> None:
        self.supervisor = supervisor
        self.server = server
        self.sha256 = sha256
        self.run_dir = run_dir

    def serve(self, *trials: dict[str, object]) -> int:
        """Hand out trials one by one, as attempts 1, 2, ..., and work until none is left."""
        for number, params in enumerate(trials, start=1):
            one = assignment(number, **params)  # type: ignore[arg-type]
            self.server.claims.append(claim(one, dataset_sha256=self.sha256))
        return self.supervisor.serve()

    def outcomes(self) -> list[str]:
        """Return how the attempts ended."""
        return [self.server.of(number).finishes[0].outcome for number in sorted(self.server.heard)]

    def is_clean(self) -> bool:
        """Tell whether the folder holds nothing of any attempt."""
        return not [*self.run_dir.glob("spool/*"), *self.run_dir.glob("work/*")]


Stop = Callable[[], bool]
MakeSlot = Callable[..., Slot]


@pytest.fixture(scope="module")
def programs() -> Iterator[list[Launcher]]:
    """Hold the programs that were started; one that still runs serves the next test, too."""
    running: list[Launcher] = []
    yield running
    for launcher in running:
        launcher.end()


@pytest.fixture
def make_slot(
    server: FakeServer, settings: WorkerSettings, welcome: Welcome, digits: Path, programs: list[Launcher]
) -> MakeSlot:
    def start() -> Launcher:
        if programs and programs[-1].poll() is not None:
            programs.pop().end()
        if not programs:
            programs.append(Launcher(ODD_CHILD))
        return programs[-1]

    def make(is_stopping: Stop = lambda: False, heartbeat_s: float = 5.0) -> Slot:
        run_dir = settings.runs_dir / "run"
        settings.dataset_dir.mkdir(parents=True, exist_ok=True)
        (settings.dataset_dir / digits.name).hardlink_to(digits)
        told = replace(welcome, heartbeat_s=heartbeat_s)
        supervisor = Supervisor(settings, told, run_dir, is_stopping, server, start)
        return Slot(supervisor, server, digits.stem, run_dir)

    return make


def heard_steps(server: FakeServer) -> Stop:
    """Return a signal that is set once the first attempt has reported."""
    return lambda: bool(server.of().steps)


def test_it_works_until_nothing_is_left(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    assert slot.serve({}, {"hidden_units": 8, "hidden_layers": 1}, {}) == 3
    assert server.asked == [(4, 0)] * 4, "as many as it may train together, and for which slot"
    assert slot.outcomes() == ["COMPLETE"] * 3
    for number in (1, 2, 3):
        heard = server.of(number)
        assert sorted(set(heard.steps)) == [1, 2, 3]
        names = ["model.safetensors", "model.json", "confusion_matrix.json", "model.onnx"]
        assert [name for name, _, _ in heard.uploads] == names
        assert heard.finishes[0].diagnosis
        assert heard.kinds[-1] == "finish"
        reported = {point.name: point.value for one in heard.reports for point in one.metrics}
        assert heard.finishes[0].values.items() >= reported.items()
        assert {"val_f1_macro", "val_roc_auc"} <= heard.finishes[0].values.keys() - reported.keys()
    assert slot.is_clean()


def test_nothing_to_do_is_nothing_done(make_slot: MakeSlot, server: FakeServer) -> None:
    assert make_slot().serve() == 0


def test_a_server_that_is_away_has_nothing_to_do(make_slot: MakeSlot, server: FakeServer) -> None:
    server.failures.append(AWAY)
    slot = make_slot()
    assert slot.serve({}) == 0
    assert slot.supervisor.serve() == 1, "the next wake-up finds the work"


def test_told_to_end_before_it_begins_it_claims_nothing(make_slot: MakeSlot, server: FakeServer) -> None:
    assert make_slot(lambda: True).serve({}) == 0
    assert server.n_claims == 0


def test_told_to_end_it_hands_its_trial_back_with_a_checkpoint(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot(heard_steps(server))
    begun_s = time.monotonic()
    assert slot.serve({"epochs": LONG}, {}) == 1
    assert time.monotonic() - begun_s < 15
    assert slot.outcomes() == ["PREEMPTED"]
    heard = server.of()
    (name, step, _) = heard.uploads[-1]
    assert (name, step) == ("checkpoint.safetensors", heard.steps[-1])
    assert "Handed back after epoch" in heard.finishes[0].reason
    assert server.n_claims == 1


def test_told_to_end_while_it_prepares_it_hands_back_without_training(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot(lambda: server.n_claims > 0)
    one = replace(assignment(1, epochs=LONG), checkpoint=CheckpointRef(5, "0" * 64, 4))
    server.claims.append(claim(one, dataset_sha256=slot.sha256))
    real = server.claim

    def claim_then_lose_the_server(*args: Any, **kwargs: Any) -> Claim:
        answer = real(*args, **kwargs)
        server.failures.append(AWAY)  # for the checkpoint: beginning anew would replace it by an older state
        return answer

    server.claim = claim_then_lose_the_server  # type: ignore[method-assign]
    assert slot.supervisor.serve() == 1
    assert slot.outcomes() == ["PREEMPTED"]
    assert server.of().kinds == ["finish"]


def test_an_epoch_that_hangs_is_killed_within_the_grace_and_handed_back(
    make_slot: MakeSlot, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.batch.PREEMPT_WITHIN_S", 0.3)
    slot = make_slot(lambda: "hanging" in server.of().text)
    assert slot.serve({"odd": "hang"}) == 1
    assert slot.outcomes() == ["PREEMPTED"]
    assert "the epoch that ran is lost" in server.of().finishes[0].reason


def test_a_lost_lease_kills_the_trial_and_nothing_more_is_written(
    make_slot: MakeSlot, server: FakeServer, programs: list[Launcher]
) -> None:
    slot = make_slot(heartbeat_s=0.05)
    seen: list[list[psutil.Process]] = []

    def lose() -> bool:
        if server.of().steps and not seen:
            seen.append(psutil.Process(programs[-1].pid).children())
            server.failures.append(LOST)
        return False

    slot.supervisor._is_stopping = lose
    assert slot.serve({"epochs": LONG}) == 1
    n_heard = len(server.of().kinds)
    assert server.of().finishes == []
    assert seen[0]
    wait_until(lambda: not any(map(is_alive, seen[0])), what="the trial has ended")
    assert len(server.of().kinds) == n_heard
    assert slot.is_clean()


def test_a_refusal_kills_the_trial_and_ends_the_attempt(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()

    def refuse() -> bool:
        if server.of().steps and not server.n_refused and not server.failures:
            server.failures.append(REFUSED)
        return False

    slot.supervisor._is_stopping = refuse
    assert slot.serve({"epochs": LONG}) == 1
    assert slot.outcomes() == ["CRASHED"]
    assert "no such name" in server.of().finishes[0].reason
    assert server.of().steps[-1] < LONG


@pytest.mark.parametrize(("decision", "outcome"), [("prune", "PRUNED"), ("pause", "PAUSED"), ("stop", "STOPPED")])
def test_a_decision_ends_the_training_early(
    make_slot: MakeSlot, server: FakeServer, decision: str, outcome: str
) -> None:
    server.decision = decision
    slot = make_slot()
    assert slot.serve({"epochs": LONG}) == 1
    assert slot.outcomes() == [outcome]
    assert server.of().steps[-1] < LONG
    saved = [step for name, step, _ in server.of().uploads if name == "checkpoint.safetensors"]
    assert saved == ([server.of().steps[-1]] if decision == "pause" else [])


def test_what_a_trial_says_last_is_heard_and_stays_with_it(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    assert slot.serve({"odd": "fail"}, {"odd": "mumble"}, {"odd": "speak"}, {"odd": "flood"}) == 4
    assert slot.outcomes() == ["CRASHED", "CRASHED", "COMPLETE", "COMPLETE"]
    assert "RuntimeError: the loss went for a walk" in server.of(1).text
    assert ("stdout", "no end of line") in server.of(2).lines
    assert "exited with code 0 before it had finished" in server.of(2).finishes[0].reason
    assert server.of(2).finishes[0].is_retryable
    assert "no end of line" not in server.of(3).text
    assert [text for _, text in server.of(4).lines if text.startswith("line ")] == [f"line {n}" for n in range(5_000)]


def test_a_killed_trial_is_told_and_the_next_one_works(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    assert slot.serve({"odd": "die"}, {}) == 2
    assert slot.outcomes() == ["CRASHED", "COMPLETE"]
    assert "SIGKILL (out of memory?)" in server.of(1).finishes[0].reason
    assert server.of(1).finishes[0].is_retryable


def test_a_killed_importer_takes_its_trials_processes_along_and_is_replaced(
    make_slot: MakeSlot, server: FakeServer, programs: list[Launcher]
) -> None:
    slot = make_slot()

    def kill() -> bool:
        if "grandchild" in server.of(1).text and not server.of(1).finishes:
            programs[-1]._process.kill()
        return False

    slot.supervisor._is_stopping = kill
    assert slot.serve({"odd": "bear"}, {}) == 2
    assert slot.outcomes() == ["CRASHED", "COMPLETE"]
    (said,) = [text for _, text in server.of(1).lines if text.startswith("grandchild")]
    wait_until(lambda: _is_gone(int(said.split()[1])), what="the grandchild has ended")


def _is_gone(pid: int) -> bool:
    try:
        return not is_alive(psutil.Process(pid))  # a dead orphan may wait for somebody to ask how it ended
    except psutil.NoSuchProcess:
        return True


def test_a_data_set_is_prepared_once(
    make_slot: MakeSlot, server: FakeServer, settings: WorkerSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot = make_slot()
    file = settings.dataset_dir / f"{slot.sha256}.npz"
    file.unlink()
    calls: list[Sequence[str]] = []

    def count(arguments: Sequence[str], tick: Callable[[], None]) -> str:
        calls.append(arguments)
        return run_models(arguments, tick)

    monkeypatch.setattr("worker.datasets.run_models", count)
    assert slot.serve({}, {}) == 2
    assert slot.outcomes() == ["COMPLETE"] * 2
    assert [call[:2] for call in calls] == [["prepare", "digits"]]
    assert file.is_file()


def test_a_data_set_that_cannot_be_had_is_the_attempts_end(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    server.claims.append(claim(assignment(1), dataset="mine@1", dataset_sha256="0" * 64))
    assert slot.supervisor.serve() == 1
    (end,) = server.of().finishes
    assert (end.outcome, end.is_retryable) == ("CRASHED", True)
    assert "the data set mine@1 was deleted from the server" in end.reason
    assert slot.is_clean()


def test_a_data_set_of_another_content_is_refused(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    server.claims.append(claim(assignment(1), dataset_sha256="0" * 64))
    assert slot.supervisor.serve() == 1
    (end,) = server.of().finishes
    assert (end.outcome, end.is_retryable) == ("CRASHED", True)
    assert f"has another content here than on the server, which wants {'0' * 64}" in end.reason


def test_told_to_end_while_it_makes_a_data_set_it_hands_back(
    make_slot: MakeSlot, server: FakeServer, settings: WorkerSettings
) -> None:
    slot = make_slot(lambda: server.n_claims > 0)
    (settings.dataset_dir / f"{slot.sha256}.npz").unlink()
    assert slot.serve({}) == 1
    assert slot.outcomes() == ["PREEMPTED"]
    assert server.of().kinds == ["finish"]
    assert children_with("prepare") == []


def test_attempts_of_one_claim_train_together_and_each_hears_its_own(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    rates = {1: 0.01, 2: 0.001, 3: 1e-5}
    together = [assignment(number, learning_rate=rate) for number, rate in rates.items()]
    server.claims.append(claim(*together, dataset_sha256=slot.sha256))
    assert slot.supervisor.serve() == 1
    assert slot.outcomes() == ["COMPLETE"] * 3
    for number in rates:
        heard = server.of(number)
        assert sorted(set(heard.steps)) == [1, 2, 3]
        lines = [text for _, text in heard.lines if text.startswith("epoch ")]
        assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"], "no neighbour's line, and each once"
        accuracy = heard.finishes[0].values["val_accuracy"]
        assert f"val_accuracy {accuracy:.4g}" in lines[-1]
    accuracies = [server.of(number).finishes[0].values["val_accuracy"] for number in rates]
    assert accuracies == sorted(accuracies, reverse=True)
    exported = [number for number in rates if "model.onnx" in server.of(number).artifact_kinds]
    assert exported[:1] == [1], "the best one so far is exported"


def test_what_one_process_prints_belongs_to_all_it_trains(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    together = [assignment(number, odd="speak") for number in (1, 2)]
    server.claims.append(claim(*together, dataset_sha256=slot.sha256))
    slot.supervisor.serve()
    for number in (1, 2):
        assert ("stdout", "first line") in server.of(number).lines


def test_one_lost_lease_among_several_ends_that_lane_alone(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot(heartbeat_s=0.05)

    def lose() -> bool:
        if server.of(2).steps:
            server.lost.add(2)
        return False

    slot.supervisor._is_stopping = lose
    together = [assignment(number, epochs=200) for number in (1, 2)]
    server.claims.append(claim(*together, dataset_sha256=slot.sha256))
    assert slot.supervisor.serve() == 1
    assert server.of(1).finishes[0].outcome == "COMPLETE"
    assert max(server.of(1).steps) == 200
    assert server.of(2).finishes == []
    assert max(server.of(2).steps) < 200
    assert slot.is_clean()


def test_told_to_end_it_hands_all_lanes_back_with_checkpoints(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot(heard_steps(server))
    together = [assignment(number, epochs=LONG) for number in (1, 2, 3)]
    server.claims.append(claim(*together, dataset_sha256=slot.sha256))
    assert slot.supervisor.serve() == 1
    assert slot.outcomes() == ["PREEMPTED"] * 3
    begun = [number for number in (1, 2, 3) if server.of(number).steps]
    assert begun[0] == 1
    for number in (1, 2, 3):
        heard = server.of(number)
        saved = [(name, step) for name, step, _ in heard.uploads]
        assert saved == ([("checkpoint.safetensors", heard.steps[-1])] if number in begun else [])


def test_a_machine_that_cannot_write_hands_back_and_claims_no_more(make_slot: MakeSlot, server: FakeServer) -> None:
    slot = make_slot()
    slot.run_dir.parent.mkdir(parents=True)
    slot.run_dir.write_text("a file where the folder should be")
    assert slot.serve({}, {}) == 0
    assert server.n_claims == 1
    (end,) = server.of(1).finishes
    assert (end.outcome, end.is_retryable) == ("CRASHED", True)
    assert "cannot write its folder" in end.reason


def test_an_end_that_cannot_be_delivered_is_kept(
    make_slot: MakeSlot, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.supervisor._GRACE_S", 0.1)
    slot = make_slot()

    def leave() -> bool:
        server.is_away = server.is_away or bool(server.of().steps)
        return server.is_away

    slot.supervisor._is_stopping = leave
    assert slot.serve({"epochs": LONG}) == 1
    (spool,) = slot.run_dir.glob("spool/*.jsonl")
    last = json.loads(spool.read_bytes().splitlines()[-1])
    assert (last["kind"], last["outcome"]) == ("finish", "PREEMPTED")
    assert list((slot.run_dir / "work" / "1").glob("checkpoint-*.safetensors"))


def test_a_pool_child_imports_neither_torch_nor_anything_of_the_control_plane() -> None:
    program = "import sys, worker.celery_app, worker.supervisor, worker.__main__; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"worker", "tunewell", "celery"} <= loaded
    assert not loaded & {"torch", "sklearn", "optuna", "sqlalchemy", "fastapi", "api", "db", "search"}
