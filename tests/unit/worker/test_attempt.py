"""What a trial says becomes reports that the server takes, whatever it says and however much."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tunewell.errors import NotFound, Problem
from tunewell.protocol import MAX_LOG_CHARS, MAX_LOGS_PER_REPORT, MAX_POINTS_PER_REPORT, CheckpointRef, MemoryPeak

from tests.servers.waiting import wait_until
from tests.unit.worker.fakes import AWAY, FakeServer, assignment, wait_for_finish
from tests.unit.worker.full_disk import fill_disk
from worker.attempt import RunningAttempt
from worker.messages import CheckpointSaved, EpochDone, LaneEnded, MemoryUsed

Begin = Callable[..., RunningAttempt]
MAX_REQUEST_BYTES = 8 * 2**20


@pytest.fixture
def begin(server: FakeServer, tmp_path: Path) -> Iterator[Begin]:
    begun: list[RunningAttempt] = []

    def begin(checkpoint: CheckpointRef | None = None, heartbeat_s: float = 30.0) -> RunningAttempt:
        attempt = RunningAttempt(replace(assignment(), checkpoint=checkpoint), server, tmp_path, heartbeat_s)
        begun.append(attempt)
        return attempt

    yield begin
    for attempt in begun:
        attempt.discard()


def never(_delay_s: float) -> bool:
    return False


def test_what_a_training_takes_is_reported_over_seconds_and_is_no_progress(server: FakeServer, begin: Begin) -> None:
    attempt = begin()
    begun_s = int(time.time())
    attempt.on_usage({"system/process_cpu_percent": 99.0})
    attempt.on_end(LaneEnded("1", "COMPLETE", "done"), 100.0)
    wait_for_finish(server)
    (report,) = server.of().reports
    assert report.step is None
    (point,) = report.metrics
    assert (point.name, point.value) == ("system/process_cpu_percent", 99.0)
    assert begun_s <= point.step <= int(time.time())


def test_an_attempt_from_its_first_epoch_to_its_end(server: FakeServer, begin: Begin, tmp_path: Path) -> None:
    attempt = begin()
    network = tmp_path / "model.json"
    network.write_text("{}")
    attempt.on_epoch(EpochDone("1", 1, 2, {"loss": 0.5, "accuracy": 0.8}))
    attempt.on_log("stdout", b"hello\r")
    attempt.tick(100.0)
    attempt.on_epoch(EpochDone("1", 2, 2, {"loss": 0.25}))
    attempt.on_end(LaneEnded("1", "COMPLETE", "done", False, {"loss": 0.25}, (str(network),)), 100.1)
    end = wait_for_finish(server)
    heard = server.of()
    assert heard.kinds == ["report", "report", "upload", "finish"]
    assert [(one.step, one.n_steps) for one in heard.reports] == [(1, 2), (2, 2)]
    assert heard.lines == [("stdout", "hello")]
    assert (end.outcome, end.values, end.is_retryable) == ("COMPLETE", {"loss": 0.25}, False)
    assert heard.uploads[0][0] == "model.json"


def test_what_its_process_takes_of_a_gpu_is_reported_even_without_an_epoch(server: FakeServer, begin: Begin) -> None:
    attempt = begin()
    attempt.on_memory(MemoryUsed(((1, 100), (2, 150))))
    attempt.on_memory(MemoryUsed(((2, 160),)))
    attempt.on_end(LaneEnded("1", "OOM", "too much"), 100.0)
    wait_for_finish(server)
    (report,) = server.of().reports
    assert report.memory == (MemoryPeak(1, 100), MemoryPeak(2, 160))
    assert report.to_json()["memory"] == [{"n_lanes": 1, "peak_bytes": 100}, {"n_lanes": 2, "peak_bytes": 160}]


def test_files_of_a_network_are_told_from_what_lies_beside_them(
    server: FakeServer, begin: Begin, tmp_path: Path
) -> None:
    names = ("model.safetensors", "model.json", "model.onnx", "confusion_matrix.json")
    for name in names:
        (tmp_path / name).write_text(name)
    files = tuple(str(tmp_path / name) for name in names)
    begin().on_end(LaneEnded("1", "COMPLETE", "done", False, {}, files), 1.0)
    wait_for_finish(server)
    kinds = dict.fromkeys(names[:3], "network") | {"confusion_matrix.json": "file"}
    assert server.of().artifact_kinds == kinds


def test_a_diagnosis_comes_through_the_spool(server: FakeServer, begin: Begin) -> None:
    finding = {"kind": "overfitting", "severity": "problem", "evidence": {"numbers": {"epoch": 4}}}
    begin().on_end(LaneEnded("1", "COMPLETE", "done", diagnosis=(finding,)), 1.0)
    assert wait_for_finish(server).diagnosis == [finding]


def test_without_findings_there_is_no_diagnosis(server: FakeServer, begin: Begin) -> None:
    begin().on_end(LaneEnded("1", "COMPLETE", "done"), 1.0)
    assert wait_for_finish(server).diagnosis is None


def test_somebody_elses_attempt_is_told_to_stop_once(server: FakeServer, begin: Begin) -> None:
    attempt = begin(heartbeat_s=0.05)
    server.lost.add(1)
    wait_until(lambda: attempt.sender.is_lease_lost, what="the lease is lost")
    assert attempt.new_decision() == "stop"
    assert attempt.new_decision() is None


def test_it_ends_once(server: FakeServer, begin: Begin) -> None:
    attempt = begin()
    attempt.on_end(LaneEnded("1", "PRUNED", "first"), 1.0)
    attempt.on_end(LaneEnded("1", "CRASHED", "second"), 2.0)
    assert wait_for_finish(server).reason == "first"
    assert server.of().kinds == ["finish"]


def test_more_than_a_report_may_carry_is_split(server: FakeServer, begin: Begin) -> None:
    attempt = begin()
    n_points, n_lines = MAX_POINTS_PER_REPORT + 5, 2 * MAX_LOGS_PER_REPORT + 5
    for epoch in range(1, n_points + 1):
        attempt.on_epoch(EpochDone("1", epoch, n_points, {"loss": 0.5}))
    for number in range(n_lines):
        attempt.on_log("stdout", b"line %d" % number)
    attempt.on_end(LaneEnded("1", "COMPLETE", ""), 1.0)
    wait_for_finish(server)
    heard = server.of()
    assert heard.steps == list(range(1, n_points + 1))
    assert [text for _, text in heard.lines] == [f"line {number}" for number in range(n_lines)]
    assert max(len(one.metrics) for one in heard.reports) == MAX_POINTS_PER_REPORT
    assert max(len(one.logs) for one in heard.reports) == MAX_LOGS_PER_REPORT


@pytest.mark.parametrize("letter", ["x", "\x01", "\N{GRINNING FACE}"])
def test_long_lines_are_cut_and_a_report_stays_below_the_servers_limit(
    server: FakeServer, begin: Begin, letter: str
) -> None:
    attempt = begin()
    for _ in range(200):
        attempt.on_log("stdout", letter.encode() * (MAX_LOG_CHARS + 1))
    attempt.on_end(LaneEnded("1", "COMPLETE", ""), 1.0)
    wait_for_finish(server)
    assert [text for _, text in server.of().lines] == [letter * MAX_LOG_CHARS] * 200
    sizes = [len(json.dumps(one.to_json(), ensure_ascii=False).encode()) for one in server.of().reports]
    assert max(sizes) < MAX_REQUEST_BYTES


def test_a_flood_is_cut_and_says_so(server: FakeServer, begin: Begin) -> None:
    attempt = begin()
    for _ in range(2_000):
        attempt.on_log("stdout", b"x" * 10_000)
    attempt.on_end(LaneEnded("1", "COMPLETE", ""), 1.0)
    wait_for_finish(server)
    stream, text = server.of().lines[-1]
    n_kept = len(server.of().lines) - 1
    assert stream == "system"
    assert text.startswith(f"{2_000 - n_kept} lines are left out")
    assert 500 < n_kept < 1_000


def test_reasons_become_what_the_server_takes(server: FakeServer, begin: Begin) -> None:
    begin().on_end(LaneEnded("1", "CRASHED", "bad\0 file \udcff" + "x" * 9_000), 1.0)
    reason = wait_for_finish(server).reason
    assert reason.startswith("bad\\0 file ?xxx")
    assert len(reason) == 4_000


def test_a_checkpoint_follows_the_reports_before_it(server: FakeServer, begin: Begin, tmp_path: Path) -> None:
    attempt = begin()
    saved = tmp_path / "checkpoint.safetensors"
    saved.write_bytes(b"after 4")
    attempt.on_epoch(EpochDone("1", 4, 9, {"loss": 0.5}))
    attempt.on_checkpoint(CheckpointSaved("1", 4, str(saved)), 1.0)
    saved.unlink()
    wait_until(lambda: server.of().uploads, what="the checkpoint arrives")
    assert server.of().kinds == ["report", "upload"]
    assert server.of().uploads == [("checkpoint.safetensors", 4, b"after 4")]


def test_while_the_server_is_away_only_the_newest_checkpoint_is_kept(
    server: FakeServer, begin: Begin, tmp_path: Path
) -> None:
    server.is_away = True
    attempt = begin(heartbeat_s=0.05)
    saved = tmp_path / "checkpoint.safetensors"
    for epoch in (1, 2, 3):
        saved.unlink(missing_ok=True)
        saved.write_bytes(b"after %d" % epoch)
        attempt.on_checkpoint(CheckpointSaved("1", epoch, str(saved)), 1.0)
    assert [path.name for path in attempt.folder.glob("*.safetensors")] == ["checkpoint-3.safetensors"]
    server.is_away = False
    attempt.on_end(LaneEnded("1", "PREEMPTED", ""), 2.0)
    wait_for_finish(server)
    assert server.of().uploads[-1] == ("checkpoint.safetensors", 3, b"after 3")


def test_a_checkpoint_that_cannot_be_kept_does_not_end_the_training(begin: Begin, tmp_path: Path) -> None:
    attempt = begin()
    attempt.on_checkpoint(CheckpointSaved("1", 4, str(tmp_path / "missing")), 1.0)
    assert attempt.outbox.n_appended == 0
    assert not attempt.is_ended


@pytest.mark.parametrize(("is_kept", "outcome"), [(True, "PAUSED"), (False, "PRUNED")])
def test_a_pause_without_a_checkpoint_to_go_on_from_is_a_prune(
    server: FakeServer, begin: Begin, tmp_path: Path, is_kept: bool, outcome: str
) -> None:
    attempt, saved = begin(), tmp_path / "checkpoint.safetensors"
    if is_kept:
        saved.write_bytes(b"after 2")
    attempt.on_checkpoint(CheckpointSaved("1", 2, str(saved)), 1.0)
    attempt.on_end(LaneEnded("1", "PAUSED", "Paused after epoch 2 of 9."), 2.0)
    end = wait_for_finish(server)
    assert end.outcome == outcome
    assert ("cannot go on later" in end.reason) is not is_kept
    assert len(server.of().uploads) == is_kept


def test_a_report_says_that_the_trial_could_be_paused(server: FakeServer, begin: Begin) -> None:
    attempt = begin()
    attempt.on_epoch(EpochDone("1", 1, 2, {"loss": 0.5}))
    attempt.on_end(LaneEnded("1", "COMPLETE", "done"), 1.0)
    wait_for_finish(server)
    assert [one.can_pause for one in server.of().reports] == [True]


def test_a_full_disk_costs_nothing_while_the_server_is_there(
    server: FakeServer, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = begin()
    with fill_disk(monkeypatch, n_free_bytes=40):
        for epoch in (1, 2, 3):
            attempt.on_epoch(EpochDone("1", epoch, 3, {"loss": 0.5}))
            attempt.tick(100.0 * epoch)
        attempt.on_end(LaneEnded("1", "COMPLETE", "done"), 400.0)
        assert wait_for_finish(server).outcome == "COMPLETE"
    assert server.of().steps == [1, 2, 3]


def test_decisions_are_told_once(server: FakeServer, begin: Begin) -> None:
    server.decision = "prune"
    attempt = begin()
    assert attempt.new_decision() is None
    attempt.on_epoch(EpochDone("1", 1, 2, {"loss": 0.5}))
    attempt.tick(100.0)
    wait_until(lambda: attempt.sender.decision)
    assert attempt.new_decision() == "prune"
    assert attempt.new_decision() is None


def test_an_attempt_with_nothing_to_say_lives_and_says_nothing(server: FakeServer, begin: Begin) -> None:
    attempt = begin(heartbeat_s=0.05)
    ticks = itertools.count(1.0, 1.0)

    def tick() -> bool:
        attempt.tick(next(ticks))
        return server.of().n_beats >= 3

    wait_until(tick, interval_s=0.001)
    assert attempt.outbox.n_appended == 0
    assert server.of().kinds == []


def test_to_continue_is_no_news(server: FakeServer, begin: Begin) -> None:
    attempt = begin()
    attempt.on_epoch(EpochDone("1", 1, 2, {"loss": 0.5}))
    attempt.tick(100.0)
    wait_until(lambda: attempt.sender.decision)
    assert attempt.new_decision() is None


def test_a_checkpoint_is_fetched_once_the_server_answers(server: FakeServer, begin: Begin) -> None:
    server.stored[5] = b"state"
    attempt = begin(CheckpointRef(5, "0" * 64, 4))
    server.failures.extend([AWAY, AWAY])
    order = attempt.order(server, never)
    assert order.resume_from is not None
    assert Path(order.resume_from).read_bytes() == b"state"
    assert order.lane == "1"


def test_without_its_checkpoint_it_begins_anew_and_says_so(server: FakeServer, begin: Begin) -> None:
    attempt = begin(CheckpointRef(5, "0" * 64, 4))
    server.failures.append(NotFound(Problem("artifact_not_found", "there is no artifact 5", status=404)))
    assert attempt.order(server, never).resume_from is None
    attempt.on_end(LaneEnded("1", "COMPLETE", ""), 1.0)
    wait_for_finish(server)
    ((stream, text),) = server.of().lines
    assert stream == "system"
    assert "starting anew" in text
    assert "no artifact 5" in text


def test_what_is_over_leaves_nothing_on_the_disk(begin: Begin) -> None:
    attempt = begin()
    attempt.discard()
    assert not attempt.folder.exists()
    assert not attempt.outbox.path.exists()
