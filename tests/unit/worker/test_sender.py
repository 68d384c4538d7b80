"""Whatever the server and the process suffer, a spool arrives once and in order, or the attempt ends."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.servers.waiting import wait_until
from tests.unit.worker.fakes import AWAY, BUSY, LOST, REFUSED, TOKEN, FakeServer
from tests.unit.worker.full_disk import fill_disk
from worker.outbox import Outbox
from worker.sender import Sender

AT = "2026-01-01T00:00:00+00:00"
Start = Callable[..., Sender]


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    outbox = Outbox(tmp_path / "spool", 1, TOKEN)
    yield outbox
    outbox.close()


@pytest.fixture
def start(server: FakeServer, outbox: Outbox) -> Iterator[Start]:
    """Start senders that are stopped after the test."""
    senders: list[Sender] = []

    def start(heartbeat_s: float = 30.0) -> Sender:
        sender = Sender(server, outbox.path, heartbeat_s, outbox.take_refused)
        senders.append(sender)
        sender.start()
        sender.wake()
        return sender

    yield start
    for sender in senders:
        sender.stop()


def report(outbox: Outbox, step: int, value: float = 0.5) -> None:
    outbox.report({"step": step, "n_steps": 9, "metrics": [("loss", step, value, AT)], "logs": [("stdout", AT, "x")]})


def finish(outbox: Outbox) -> None:
    outbox.finish({"outcome": "COMPLETE", "reason": "done", "values": {"loss": 0.25}, "is_retryable": True})


def upload(outbox: Outbox, path: Path, kind: str = "network") -> None:
    path.write_bytes(b"weights of " + path.name.encode())
    outbox.upload(name=path.name, kind=kind, path=path, step=3)


def test_a_spool_arrives_in_its_order(server: FakeServer, outbox: Outbox, start: Start, tmp_path: Path) -> None:
    report(outbox, 1)
    report(outbox, 2, math.nan)
    upload(outbox, tmp_path / "net")
    finish(outbox)
    sender = start()
    assert sender.ended.wait(10)
    heard = server.of()
    assert heard.kinds == ["report", "report", "upload", "finish"]
    assert [one.seq for one in heard.reports] == [1, 2]
    assert heard.steps == [1, 2]
    assert math.isnan(heard.reports[1].metrics[0].value)
    assert heard.uploads == [("net", 3, b"weights of net")]
    assert (heard.finishes[0].outcome, heard.finishes[0].values) == ("COMPLETE", {"loss": 0.25})
    assert sender.is_finished
    assert sender.n_sent == outbox.n_appended == 4


def test_it_follows_a_spool_that_grows(server: FakeServer, outbox: Outbox, start: Start) -> None:
    sender = start()
    for step in range(1, 4):
        report(outbox, step)
        sender.wake()
        wait_until(lambda step=step: len(server.of().reports) == step)  # type: ignore[misc]
    assert not sender.ended.is_set()


def test_a_complete_spool_sent_again_is_stored_once(
    server: FakeServer, outbox: Outbox, start: Start, tmp_path: Path
) -> None:
    report(outbox, 1)
    report(outbox, 2)
    assert start().ended.wait(0) is False
    wait_until(lambda: len(server.of().reports) == 2)
    upload(outbox, tmp_path / "net")
    finish(outbox)
    assert start().ended.wait(10)
    again = start()
    assert again.ended.wait(10)
    assert server.of().kinds == ["report", "report", "upload", "finish"]


def test_a_lost_lease_ends_it_and_nothing_more_is_written(server: FakeServer, outbox: Outbox, start: Start) -> None:
    report(outbox, 1)
    report(outbox, 2)
    finish(outbox)
    server.failures.append(LOST)
    sender = start()
    assert sender.ended.wait(10)
    assert sender.is_lease_lost
    assert not sender.is_finished
    assert server.of().kinds == []


def test_a_refusal_ends_the_attempt_and_says_why(server: FakeServer, outbox: Outbox, start: Start) -> None:
    report(outbox, 1)
    report(outbox, 2)
    server.failures.append(REFUSED)
    sender = start()
    assert sender.ended.wait(10)
    assert sender.is_lease_lost
    (end,) = server.of().finishes
    assert (end.outcome, end.is_retryable) == ("CRASHED", False)
    assert "no such name" in end.reason
    assert server.of().kinds == ["finish"]


def test_a_refusal_is_told_as_soon_as_the_server_is_back(server: FakeServer, outbox: Outbox, start: Start) -> None:
    report(outbox, 1)
    server.failures.extend([REFUSED, AWAY, AWAY])
    assert start(0.05).ended.wait(10)
    assert server.of().kinds == ["finish"]


@pytest.mark.parametrize("failure", [AWAY, BUSY], ids=["away", "busy"])
def test_a_server_that_comes_back_hears_everything_soon(
    server: FakeServer, outbox: Outbox, start: Start, failure: Exception, tmp_path: Path
) -> None:
    for step in (1, 2, 3):
        report(outbox, step)
    upload(outbox, tmp_path / "net")
    finish(outbox)
    # Twenty failures in a row would make pauses of 15 s, and BUSY asks for two minutes: a heartbeat is the limit.
    server.failures.extend([failure] * 20)  # type: ignore[list-item]
    sender = start(0.02)
    assert sender.ended.wait(10)
    assert server.n_refused == 20
    assert server.of().kinds == ["report", "report", "report", "upload", "finish"]


def test_silence_is_filled_with_signs_of_life(server: FakeServer, outbox: Outbox, start: Start) -> None:
    sender = start(0.02)
    wait_until(lambda: server.of().n_beats >= 3)
    report(outbox, 1)
    sender.wake()
    wait_until(lambda: server.of().reports)
    assert [one.seq for one in server.of().reports] == [1]


def test_a_spool_that_is_looked_at_all_the_time_needs_signs_of_life_too(server: FakeServer, start: Start) -> None:
    sender = start(0.05)

    def look() -> bool:
        sender.wake()
        return server.of().n_beats >= 3

    wait_until(look, interval_s=0.001)


def test_a_sign_of_life_hears_decisions_too_and_survives_a_server_that_is_away(
    server: FakeServer, outbox: Outbox, start: Start
) -> None:
    server.is_away = True
    sender = start(0.02)
    wait_until(lambda: server.n_refused >= 2)
    assert not sender.ended.is_set()
    server.decision, server.is_away = "stop", False
    wait_until(lambda: sender.decision is not None and sender.decision.decision == "stop")


def test_stopping_while_a_file_cannot_be_sent_does_not_skip_it(
    server: FakeServer, outbox: Outbox, start: Start, tmp_path: Path
) -> None:
    upload(outbox, tmp_path / "net")
    finish(outbox)
    server.is_away = True
    sender = start()
    wait_until(lambda: server.n_refused >= 2)
    server.failures.append(AWAY)
    server.is_away = False
    sender.stop()
    assert server.of().kinds in ([], ["upload"]), "the end overtook the network"
    server.failures.clear()
    assert start().ended.wait(10)
    assert server.of().kinds == ["upload", "finish"]


def test_a_sent_checkpoint_is_deleted_and_a_network_is_kept(
    server: FakeServer, outbox: Outbox, start: Start, tmp_path: Path
) -> None:
    upload(outbox, tmp_path / "resume", kind="checkpoint")
    upload(outbox, tmp_path / "net")
    finish(outbox)
    assert start().ended.wait(10)
    assert server.of().kinds == ["upload", "upload", "finish"]
    assert not (tmp_path / "resume").exists()
    assert (tmp_path / "net").exists()


def test_an_upload_whose_file_is_gone_is_passed_over(
    server: FakeServer, outbox: Outbox, start: Start, tmp_path: Path
) -> None:
    upload(outbox, tmp_path / "resume", kind="checkpoint")
    (tmp_path / "resume").unlink()
    finish(outbox)
    assert start().ended.wait(10)
    assert server.of().kinds == ["finish"]


def test_what_a_full_disk_refuses_arrives_in_its_place(
    server: FakeServer, outbox: Outbox, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(outbox, 1)
    with fill_disk(monkeypatch, n_free_bytes=30):
        report(outbox, 2)
        report(outbox, 3)
    report(outbox, 4)
    finish(outbox)
    assert start().ended.wait(10)
    assert server.of().steps == [1, 2, 3, 4]
    assert server.of().kinds[-1] == "finish"


def test_a_damaged_spool_ends_the_attempt(server: FakeServer, outbox: Outbox, start: Start) -> None:
    report(outbox, 1)
    with outbox.path.open("ab") as file:
        file.write(b"\0\0\0\n")
    sender = start()
    assert sender.ended.wait(10)
    assert server.of().kinds == ["report", "finish"]
    assert (server.of().finishes[0].outcome, server.of().finishes[0].is_retryable) == ("CRASHED", True)
