"""Trials in processes of their own, with the real program and real torch: whatever one does, the next one works."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from tests.servers.processes import is_alive
from tests.servers.waiting import wait_until
from tests.unit.worker.conftest import ODD_CHILD
from tests.unit.worker.fakes import assignment
from worker.launcher import Launcher, Stream, describe_exit
from worker.messages import (
    BatchOrder,
    CheckpointSaved,
    Command,
    EpochDone,
    Exited,
    FromChild,
    LaneEnded,
    LaneLog,
    LaneOrder,
    Started,
    decode_from_child,
)

pytestmark = pytest.mark.timeout(60)


@dataclass(slots=True)
class Ear:
    """Hears what a program says, as a supervisor does but without its manners."""

    launcher: Launcher
    messages: list[FromChild] = field(default_factory=list)
    lines: dict[str, list[bytes]] = field(default_factory=lambda: {"stdout": [], "stderr": []})

    def listen(self) -> None:
        """Take in what has arrived."""
        for stream in list(self.launcher.descriptors.values()):
            lines = list(self.launcher.read_lines(stream))
            if stream == "message":
                self.messages += [decode_from_child(line) for line in lines if line]
            else:
                self.lines[stream] += lines

    def hear(self, *kinds: type[FromChild]) -> FromChild:
        """Wait for a message of one of these kinds and return the last."""

        def find() -> FromChild | None:
            self.listen()
            return next((one for one in reversed(self.messages) if isinstance(one, kinds)), None)

        found = wait_until(find, 120, what=f"a message {kinds}", interval_s=0.005)
        assert found is not None
        return found

    def hear_end(self) -> LaneEnded:
        """Wait for the process's end and return what it said of its lane's."""
        self.hear(Exited)
        self.listen()
        (end,) = [one for one in self.messages if isinstance(one, LaneEnded)]
        return end

    def exit_code(self) -> int:
        """Wait for the process's end and return its code."""
        exited = self.hear(Exited)
        assert isinstance(exited, Exited)
        self.listen()
        return exited.code

    def started(self) -> psutil.Process:
        """Return the trial's process."""
        started = self.hear(Started)
        assert isinstance(started, Started)
        self.launcher.trial_pid = started.pid
        return psutil.Process(started.pid)

    def heard(self, stream: Stream) -> list[bytes]:
        """Take in what has arrived, and return the lines of a stream."""
        self.listen()
        return self.lines[stream]

    def printed(self, stream: Stream) -> str:
        """Return what was printed so far."""
        return b"\n".join(self.lines[stream]).decode()


Order = Callable[..., Ear]


@pytest.fixture
def order(shared_launcher: Launcher, digits: Path, tmp_path: Path) -> Iterator[Order]:
    def give(launcher: Launcher = shared_launcher, resume_from: str | None = None, **params: object) -> Ear:
        lane = LaneOrder("1", assignment(1, **params).params, 1, str(tmp_path / "out"), resume_from)  # type: ignore[arg-type]
        ear = Ear(launcher)
        launcher.order(BatchOrder("mlp", str(digits), "val_accuracy", "maximize", 3600, (lane,)))
        return ear

    yield give
    for stream in ("stdout", "stderr"):
        shared_launcher.read_rest(stream)


@pytest.fixture
def own_launcher() -> Iterator[Launcher]:
    launcher = Launcher(ODD_CHILD)
    yield launcher
    launcher.end()


def test_an_order_is_trained_to_its_end(order: Order) -> None:
    ear = order()
    end = ear.hear_end()
    assert (end.lane, end.outcome) == ("1", "COMPLETE")
    assert [(one.epoch, one.n_epochs) for one in ear.messages if isinstance(one, EpochDone)] == [(1, 3), (2, 3), (3, 3)]
    assert end.metrics["val_accuracy"] > 0.3
    assert all(Path(file).is_file() for file in end.files)
    names = [Path(file).name for file in end.files]
    assert names == ["model.safetensors", "model.json", "confusion_matrix.json", "model.onnx"]
    assert end.diagnosis, "its curves show something"
    assert ear.exit_code() == 0


def test_what_a_trial_prints_is_output_and_never_a_message(order: Order, shared_launcher: Launcher) -> None:
    ear = order(odd="speak")
    assert ear.hear_end().reason != "a lie"
    assert ear.lines["stdout"][:2] == [
        b'{"kind":"LaneEnded","lane":"1","outcome":"COMPLETE","reason":"a lie"}',
        b"first line",
    ]
    assert b"a warning" in ear.lines["stderr"]


def test_a_last_line_without_end_is_not_glued_to_the_next_trial(order: Order, shared_launcher: Launcher) -> None:
    order(odd="mumble").hear(Exited)
    wait_until(lambda: not list(shared_launcher.read_lines("stdout")), what="all was read")
    assert shared_launcher.read_rest("stdout") == b"no end of line"
    assert shared_launcher.read_rest("stdout") == b""
    ear = order(odd="speak")
    ear.hear_end()
    assert ear.lines["stdout"][0].startswith(b'{"kind"')


def test_output_without_line_ends_is_cut_into_bounded_pieces(order: Order) -> None:
    ear = order(odd="chatter")
    ear.hear_end()
    sizes = [len(line) for line in ear.lines["stdout"]]
    assert max(sizes) <= (1 << 20) + (1 << 16)
    assert sum(1 for size in sizes if size > 1 << 20) >= 2, sizes[:5]
    assert b"after" in ear.lines["stdout"]


@pytest.mark.parametrize(
    ("odd", "outcome", "is_retryable", "says"),
    [
        ("fail", "CRASHED", False, "RuntimeError: the loss went for a walk"),
        ("fill_memory", "OOM", False, "MemoryError: no more"),
        ("fill_disk", "CRASHED", True, "No space left on device"),
    ],
)
def test_an_error_ends_the_lane_with_its_name(
    order: Order, odd: str, outcome: str, is_retryable: bool, says: str
) -> None:
    ear = order(odd=odd)
    end = ear.hear_end()
    assert (end.outcome, end.is_retryable) == (outcome, is_retryable)
    assert says in end.reason
    assert "Traceback" in ear.printed("stderr")
    assert says in ear.printed("stderr")


def test_a_parameter_that_no_network_has_is_an_error_too(order: Order) -> None:
    end = order(hidden_layers=-1).hear_end()
    assert (end.outcome, end.is_retryable) == ("CRASHED", False)
    assert "hidden_layers" in end.reason


def test_a_killed_trial_leaves_its_importer_as_it_was(order: Order, shared_launcher: Launcher) -> None:
    ear = order(odd="die")
    assert ear.exit_code() == -9
    assert not [one for one in ear.messages if isinstance(one, LaneEnded)]
    assert shared_launcher.poll() is None
    again = order()
    assert again.hear_end().outcome == "COMPLETE"


def test_the_importer_has_one_thread_whenever_it_forks(order: Order, shared_launcher: Launcher) -> None:
    importer = psutil.Process(shared_launcher.pid)
    for odd in (None, "die", None):
        order(**({} if odd is None else {"odd": odd})).hear(Exited)
        assert importer.num_threads() == 1
        assert importer.children() == []


def test_the_importer_runs_no_tensor_operation(order: Order) -> None:
    ear = order(odd="own_up")
    ear.hear_end()
    assert ear.lines["stdout"][:2] == [b"operations: 0", b"operations: 1"]


def test_processes_that_a_trial_started_end_with_it(order: Order, shared_launcher: Launcher) -> None:
    ear = order(odd="bear")
    ear.started()
    grandchild = psutil.Process(_grandchild(ear))
    shared_launcher.kill_trial()
    assert ear.exit_code() == -9
    wait_until(lambda: not is_alive(grandchild), what="the grandchild has ended")
    shared_launcher.trial_pid = None
    assert order().hear_end().outcome == "COMPLETE"


def test_ending_the_program_ends_the_trial_and_what_it_started(order: Order, own_launcher: Launcher) -> None:
    ear = order(own_launcher, odd="bear")
    trial, grandchild = ear.started(), psutil.Process(_grandchild(ear))
    assert own_launcher.end() == -9
    wait_until(lambda: not (is_alive(trial) or is_alive(grandchild)), what="both have ended")
    assert own_launcher.descriptors == {}


def test_closing_the_input_ends_importer_and_trial(order: Order, own_launcher: Launcher) -> None:
    ear = order(own_launcher, odd="hang")
    trial = ear.started()
    wait_until(lambda: b"hanging" in ear.heard("stdout"), 20, what="it hangs")
    stdin = own_launcher._process.stdin
    assert stdin is not None
    stdin.close()
    wait_until(lambda: own_launcher.poll() is not None and not is_alive(trial), what="both have ended")
    own_launcher.order(BatchOrder("mlp", "", "", "maximize", 1, ()))  # to a program that is gone: its exit code tells


def test_a_command_reaches_the_trial_that_runs(order: Order, shared_launcher: Launcher) -> None:
    ear = order(epochs=5000)
    ear.hear(EpochDone)
    shared_launcher.tell(Command("1", "preempt"))
    end = ear.hear_end()
    assert end.outcome == "PREEMPTED"
    (saved,) = [one for one in ear.messages if isinstance(one, CheckpointSaved)]
    assert Path(saved.path).is_file()


def test_a_command_that_comes_too_late_is_nobodys(order: Order, shared_launcher: Launcher) -> None:
    order().hear(Exited)
    shared_launcher.tell(Command("1", "stop"))
    assert order().hear_end().outcome == "COMPLETE"


def test_a_checkpoint_is_resumed_from(order: Order, shared_launcher: Launcher, tmp_path: Path) -> None:
    checkpoint = _checkpoint(order, shared_launcher, tmp_path)
    ear = order(epochs=5000, resume_from=str(checkpoint))
    first = ear.hear(EpochDone)
    shared_launcher.tell(Command("1", "stop"))
    ear.hear(Exited)
    assert isinstance(first, EpochDone)
    first_epochs = [one.epoch for one in ear.messages if isinstance(one, EpochDone)]
    assert first_epochs[0] > 1
    assert not [one for one in ear.messages if isinstance(one, LaneLog) and "starting anew" in one.text]


def test_a_damaged_checkpoint_begins_anew_and_says_so(order: Order, shared_launcher: Launcher, tmp_path: Path) -> None:
    checkpoint = _checkpoint(order, shared_launcher, tmp_path)
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    ear = order(resume_from=str(checkpoint))
    assert ear.hear_end().outcome == "COMPLETE"
    assert [one.epoch for one in ear.messages if isinstance(one, EpochDone)] == [1, 2, 3]
    (said,) = [one for one in ear.messages if isinstance(one, LaneLog) and one.stream == "stderr"]
    assert said.lane == "1"
    assert "starting anew, the checkpoint cannot be used" in said.text


def test_secrets_stay_outside_of_trials(
    order: Order, monkeypatch: pytest.MonkeyPatch, digits: Path, tmp_path: Path
) -> None:
    secrets = {
        "TUNEWELL_TOKEN",
        "TUNEWELL_ADMIN_TOKEN",
        "TUNEWELL_BROKER_URL",
        "TUNEWELL_WORKER_BROKER_URL",
        "TUNEWELL_DATABASE_URL",
        "TUNEWELL_ARTIFACT_URL",
    }
    for name in secrets:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("TUNEWELL_HOME", "no secret")
    launcher = Launcher(ODD_CHILD)
    try:
        ear = order(launcher, odd="confess")
        ear.hear_end()
    finally:
        launcher.end()
    names = set(ear.printed("stdout").split())
    assert {"TUNEWELL_HOME", "PATH", "OMP_NUM_THREADS"} <= names
    assert not names & secrets


@pytest.mark.parametrize(
    ("code", "words"),
    [(1, "code 1"), (0, "code 0"), (-9, "SIGKILL (out of memory?)"), (-11, "SIGSEGV"), (-40, "signal 40")],
)
def test_ends_are_described_in_words(code: int, words: str) -> None:
    assert words in describe_exit(code)


def _grandchild(ear: Ear) -> int:
    def find() -> int | None:
        return next((int(line.split()[1]) for line in ear.heard("stdout") if line.startswith(b"grandchild")), None)

    found = wait_until(find, 20, what="a grandchild is born")
    assert found is not None
    return found


def _checkpoint(order: Order, launcher: Launcher, folder: Path) -> Path:
    ear = order(epochs=5000)
    ear.hear(EpochDone)
    launcher.tell(Command("1", "preempt"))
    ear.hear(Exited)
    (saved,) = [one for one in ear.messages if isinstance(one, CheckpointSaved)]
    return Path(saved.path).replace(folder / "resume.safetensors")
