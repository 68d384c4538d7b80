"""The spool keeps order, is private, and shows readers whole entries only."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker.full_disk import fill_disk
from worker.outbox import Outbox, OutboxReader


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "spool", 7, "secret")


def read(path: Path) -> Sequence[tuple[str, object]]:
    reader = OutboxReader(path)
    entries = [(entry.kind, entry.body.get("seq", entry.body.get("name"))) for entry in reader.entries()]
    reader.close()
    return entries


def test_entries_keep_their_order_and_reports_are_numbered(outbox: Outbox) -> None:
    outbox.report({"step": 1})
    outbox.report({"step": 2})
    outbox.upload(name="net", kind="network", path=Path("net"))
    outbox.report({"step": 3})
    outbox.finish({"outcome": "COMPLETE"})
    outbox.close()
    assert read(outbox.path) == [("report", 1), ("report", 2), ("upload", "net"), ("report", 3), ("finish", None)]
    assert outbox.n_appended == 5


def test_only_its_owner_may_read_the_token(outbox: Outbox) -> None:
    mask = os.umask(0)
    try:
        other = Outbox(outbox.path.parent, 8, "secret")
    finally:
        os.umask(mask)
    for one in (outbox, other):
        assert stat.S_IMODE(one.path.stat().st_mode) == 0o600
        one.close()


def test_the_name_tells_attempt_and_process(outbox: Outbox) -> None:
    outbox.close()
    assert outbox.path.name == f"7-{os.getpid()}.jsonl"


@given(cut=st.integers(0, 400))
def test_a_reader_sees_whole_entries_only_wherever_the_file_ends(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    outbox = Outbox(tmp_path_factory.mktemp("spool"), 7, "secret")
    n_header = outbox.path.stat().st_size
    ends = []
    for step in range(4):
        outbox.report({"step": step})
        ends.append(outbox.path.stat().st_size)
    outbox.close()
    content = outbox.path.read_bytes()
    n_kept = min(n_header + cut, len(content))
    grows = outbox.path.with_name("grows.jsonl")
    grows.write_bytes(content[:n_kept])
    reader = OutboxReader(grows)
    assert len(list(reader.entries())) == sum(end <= n_kept for end in ends)
    with grows.open("ab") as file:
        file.write(content[n_kept:])
    assert [entry.body["step"] for entry in reader.entries()] == list(range(4))[sum(end <= n_kept for end in ends) :]
    assert reader.n_read == 4
    reader.close()


@pytest.mark.parametrize(
    "header", [b"", b'{"attempt_id":7', b'{"attempt_id":7,"lease_token":"secret"}', b"[]\n", b"{}\n"]
)
def test_a_file_cut_off_in_its_first_line_is_refused(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "7-1.jsonl"
    path.write_bytes(header)
    with pytest.raises(ValueError, match="first line"):
        OutboxReader(path)


def test_a_whole_first_line_is_read(outbox: Outbox) -> None:
    outbox.close()
    reader = OutboxReader(outbox.path)
    assert (reader.attempt_id, reader.lease_token) == (7, "secret")
    reader.close()


def test_a_full_disk_loses_nothing_and_keeps_the_order(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox.report({"step": 1})
    with fill_disk(monkeypatch, n_free_bytes=10):
        outbox.report({"step": 2})
        outbox.report({"step": 3})
    outbox.report({"step": 4})  # there is room again, but 2 and 3 come first
    assert read(outbox.path) == [("report", 1)]
    assert outbox.take_refused(0) == [], "what waits in memory overtook the file"
    assert [entry.body["seq"] for entry in outbox.take_refused(1)] == [2, 3, 4]
    outbox.report({"step": 5})
    assert read(outbox.path) == [("report", 1), ("report", 5)]
    assert outbox.take_refused(1) == []
    outbox.close()


def test_a_spool_that_cannot_begin_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with fill_disk(monkeypatch, n_free_bytes=5), pytest.raises(OSError, match="No space left") as refusal:
        Outbox(tmp_path, 7, "secret")
    assert refusal.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []
