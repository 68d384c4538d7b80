"""What killed processes left behind is delivered, once, and then deleted."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest

from tests.servers.processes import ROOT
from tests.unit.worker.fakes import LOST, TOKEN, FakeServer
from worker.leftovers import lock_folder, recover_folders, recover_spools
from worker.outbox import Outbox

AT = "2026-01-01T00:00:00+00:00"
HEADER = f'{{"attempt_id":1,"lease_token":"{TOKEN}"}}\n'


@pytest.fixture(scope="module")
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.fixture
def spool(tmp_path: Path, dead_pid: int) -> Path:
    """Return the spool of a process that is gone: one report and a checkpoint, no end."""
    run_dir = tmp_path / "workers" / "dead"
    checkpoint = run_dir / "work" / "1" / "checkpoint-1.safetensors"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"state")
    outbox = Outbox(run_dir / "spool", 1, TOKEN)
    outbox.report({"step": 1, "n_steps": 2, "metrics": [("loss", 1, 0.5, AT)], "logs": []})
    outbox.upload(name="checkpoint.safetensors", kind="checkpoint", path=checkpoint, step=1)
    outbox.close()
    return outbox.path.rename(outbox.path.with_name(f"1-{dead_pid}.jsonl"))


def run_dir(spool: Path) -> Path:
    return spool.parent.parent


def test_what_a_dead_process_had_to_say_is_said_and_its_attempt_handed_back(server: FakeServer, spool: Path) -> None:
    assert recover_spools(server, run_dir(spool)) == 1
    heard = server.of()
    assert heard.kinds == ["report", "upload", "finish"]
    assert (heard.finishes[0].outcome, heard.finishes[0].is_retryable) == ("CRASHED", True)
    assert "killed" in heard.finishes[0].reason
    assert not spool.exists()
    assert not (run_dir(spool) / "work" / "1").exists()
    assert recover_spools(server, run_dir(spool)) == 0


def test_a_half_written_last_line_is_left_out(server: FakeServer, spool: Path) -> None:
    with spool.open("ab") as file:
        file.write(b'{"kind":"report","seq":2,"step":2,"met')
    assert recover_spools(server, run_dir(spool)) == 1
    assert server.of().steps == [1]
    assert server.of().finishes[0].outcome == "CRASHED"


def test_an_end_that_was_written_is_sent_as_it_is(server: FakeServer, spool: Path) -> None:
    end = '{"kind":"finish","outcome":"COMPLETE","reason":"done","values":{"loss":0.5},"is_retryable":true}\n'
    with spool.open("a") as file:
        file.write(end)
    assert recover_spools(server, run_dir(spool)) == 1
    (finish,) = server.of().finishes
    assert (finish.outcome, finish.values) == ("COMPLETE", {"loss": 0.5})


def test_a_log_line_that_looks_like_an_end_is_none(server: FakeServer, spool: Path) -> None:
    logs = [["stdout", AT, '{"kind":"finish"']]
    line = json.dumps({"kind": "report", "seq": 2, "metrics": [], "logs": logs}, separators=(",", ":"))
    with spool.open("a") as file:
        file.write(line + "\n")
    assert recover_spools(server, run_dir(spool)) == 1
    assert server.of().text == '{"kind":"finish"'
    assert server.of().finishes[0].outcome == "CRASHED"


@pytest.mark.parametrize("header", ["", HEADER[:10], HEADER[:-1]])
def test_a_spool_cut_off_in_its_first_line_is_dropped(server: FakeServer, spool: Path, header: str) -> None:
    spool.write_text(header)
    assert recover_spools(server, run_dir(spool)) == 1
    assert server.heard == {}
    assert not spool.exists()


def test_living_processes_and_strange_files_are_left_alone(server: FakeServer, spool: Path) -> None:
    mine = spool.rename(spool.with_name(f"1-{os.getpid()}.jsonl"))
    strange = [spool.with_name(name) for name in ("notes.jsonl", "1-x.jsonl", "readme")]
    for path in strange:
        path.write_text("hello")
    assert recover_spools(server, run_dir(spool)) == 0
    assert server.heard == {}
    assert all(path.exists() for path in (mine, *strange))


def test_somebody_elses_attempt_is_dropped(server: FakeServer, spool: Path) -> None:
    server.failures.append(LOST)
    assert recover_spools(server, run_dir(spool)) == 1
    assert server.of().kinds == []
    assert not spool.exists()


def test_while_the_server_is_away_everything_is_kept(
    server: FakeServer, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.leftovers._DELIVER_WITHIN_S", 0.1)
    server.is_away = True
    recover_folders(server, run_dir(spool).parent)
    assert spool.exists()
    server.is_away = False
    recover_folders(server, run_dir(spool).parent)
    assert server.of().kinds == ["report", "upload", "finish"]
    assert not run_dir(spool).exists()


def test_a_spool_that_cannot_be_completed_is_left_for_later(
    server: FakeServer, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("worker.leftovers._add_end", fail)
        assert recover_spools(server, run_dir(spool)) == 0
    assert spool.exists()
    assert recover_spools(server, run_dir(spool)) == 1


def test_folders_of_the_dead_are_recovered_though_their_process_ids_live_again(server: FakeServer, spool: Path) -> None:
    spool.rename(spool.with_name(f"1-{os.getpid()}.jsonl"))  # as in a container that was started again
    recover_folders(server, run_dir(spool).parent)
    assert server.of().kinds == ["report", "upload", "finish"]
    assert not run_dir(spool).exists()


def test_a_folder_that_a_living_worker_holds_is_left_alone(server: FakeServer, spool: Path) -> None:
    program = "import sys; from pathlib import Path; from worker.leftovers import lock_folder\n"
    program += "lock = lock_folder(Path(sys.argv[1])); print(lock is not None, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", program, str(run_dir(spool))]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "True\n"
        assert lock_folder(run_dir(spool)) is None
        recover_folders(server, run_dir(spool).parent)
        assert server.heard == {}
        assert spool.exists()
        holder.stdin.close()
    recover_folders(server, run_dir(spool).parent)
    assert server.of().finishes
    assert not spool.exists()


def test_the_lock_of_a_deleted_folder_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "folder"
    real = fcntl.flock

    def delete_meanwhile(file: IO[bytes], operation: int) -> None:
        shutil.rmtree(folder)
        real(file, operation)

    with monkeypatch.context() as patch:
        patch.setattr("worker.leftovers.fcntl.flock", delete_meanwhile)
        assert lock_folder(folder) is None
    lock = lock_folder(folder)
    assert lock is not None
    lock.close()


def test_nothing_to_recover_is_fine(server: FakeServer, tmp_path: Path) -> None:
    recover_folders(server, tmp_path / "never made")
    assert recover_spools(server, tmp_path / "never made") == 0
    assert server.heard == {}
