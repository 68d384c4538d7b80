"""The schedule of faults, what stands between processes, and that each invariant of a fault run can be broken."""

from __future__ import annotations

import json
import resource
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from tunewell._sse import SseParser

from benchmarks.chaos.clocks import make_clocks
from benchmarks.chaos.crew import MAX_RETRIES, N_AGENT_STEPS, SCRIPTS
from benchmarks.chaos.disks import LimitedFiles
from benchmarks.chaos.faults import FAULTS, Missed, kinds_for, pick
from benchmarks.chaos.fight import Order
from benchmarks.chaos.invariants import INVARIANTS, Evidence, find_broken
from benchmarks.chaos.ledger import Attempt, Diary, Ledger, Study, Trial, read_diaries
from benchmarks.chaos.meddler import Habits, Meddler
from benchmarks.chaos.plan import FaultKind, draw_strikes
from benchmarks.chaos.reader import Reader
from benchmarks.chaos.watch import find_damaged, find_leftovers
from benchmarks.chaos.wires import Switchboard, Wire

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_a_seed_says_which_faults_strike_when() -> None:
    assert Order(7, 300.0).strikes == Order(7, 300.0).strikes != Order(8, 300.0).strikes


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_run_of_ten_minutes_sees_every_fault_and_ends_in_time(database: Any) -> None:
    strikes = Order(1, 600.0, database).strikes
    assert {strike.fault for strike in strikes} == {kind.name for kind in kinds_for(database)}
    assert [strike.at_s for strike in strikes] == sorted(strike.at_s for strike in strikes)
    assert max(strike.ends_at_s for strike in strikes) <= 600.0


def test_faults_of_a_server_are_not_for_a_file() -> None:
    files, servers = ({kind.name for kind in kinds_for(kind_of)} for kind_of in ("sqlite", "postgresql"))
    assert files | servers == set(FAULTS)
    assert "kill the database" in servers - files
    assert files - servers == {"lock the database"}
    assert "set the server's clock" in servers - files  # a file's time is the API's own


def test_only_some_faults() -> None:
    (kind,) = draw_strikes(1, 5.0, [FaultKind("one")], pause_s=100.0)[:1]
    assert kind.fault == "one"
    assert {strike.fault for strike in Order(1, 60.0, only=frozenset({"kill the API"})).strikes} == {"kill the API"}


def test_a_share_points_to_a_victim() -> None:
    assert [pick("abc", share) for share in (0.0, 0.34, 0.99)] == ["a", "b", "c"]
    with pytest.raises(Missed):
        pick("", 0.5)


class _Server(ThreadingHTTPServer):
    """Answers with the number of the request, and keeps the bodies."""

    daemon_threads = True
    bodies: list[bytes]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bodies.append(body)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def board() -> Iterator[Switchboard]:
    with Switchboard() as running:
        yield running


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Handler) as running:
        running.bodies = []
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_wire_carries_swallows_and_lets_go(board: Switchboard, server: _Server) -> None:
    wire = Wire(board, server.server_port)
    with httpx.Client(base_url=f"http://127.0.0.1:{wire.port}", timeout=0.3, trust_env=False) as client:
        assert client.post("/", content=b"1").text == "ok"
        wire.swallow()
        with pytest.raises(httpx.ReadTimeout):
            client.post("/", content=b"2")
        wire.restore()
        assert client.post("/", content=b"3").text == "ok"
    assert server.bodies == [b"1", b"3"]


def test_a_cut_wire_resets_its_connections(board: Switchboard) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)
        wire = Wire(board, listener.getsockname()[1])
        with socket.create_connection(("127.0.0.1", wire.port), timeout=5) as client:
            client.sendall(b"1")
            far, _ = listener.accept()
            with far:
                assert far.recv(1) == b"1"
                wire.cut()
                with pytest.raises(ConnectionResetError):
                    client.recv(1)


@pytest.mark.parametrize(
    ("habits", "n_heard"),
    [(Habits(), 1), (Habits(twice=1.0), 2), (Habits(held=1.0), 1)],
)
def test_a_meddler_repeats_and_holds_requests(
    board: Switchboard, server: _Server, habits: Habits, n_heard: int
) -> None:
    meddler = Meddler(board, server.server_port, seed=1)
    meddler.habits = habits
    assert httpx.post(f"http://127.0.0.1:{meddler.port}/", content=b"body", trust_env=False).text == "ok"
    assert server.bodies == [b"body"] * n_heard


def test_a_meddler_loses_answers(board: Switchboard, server: _Server) -> None:
    meddler = Meddler(board, server.server_port, seed=1)
    meddler.habits = Habits(unanswered=1.0)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(f"http://127.0.0.1:{meddler.port}/", content=b"body", trust_env=False)
    assert server.bodies == [b"body"]


def test_a_reader_counts_whole_batches_only() -> None:
    reader = Reader("http://nowhere")
    told = {"trials": [{"trial_id": 3, "points": [["val_loss", 0, 1.0], ["val_loss", 1, "NaN"]]}]}
    batch = f"event: metrics\ndata: {json.dumps(told)}\n\n"
    end = 'id: 0-9\nevent: trial\ndata: {"trial_id": 3, "state": "COMPLETE"}\n\n'
    reader.take(SseParser().feed(b'id: 0-1\nevent: hello\ndata: {"cursor": "0-1"}\n\n' + batch.encode()))
    assert not reader.n_told
    reader.take(SseParser().feed(end.encode()))
    assert reader.n_told == {(3, "val_loss", 0): 1, (3, "val_loss", 1): 1}
    assert reader.ended == {3}


def test_a_disk_of_limits_can_be_full_and_free(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        disk = LimitedFiles(tmp_path, lambda: [psutil.Process(child.pid)])
        before = resource.prlimit(child.pid, resource.RLIMIT_FSIZE)
        disk.fill()
        assert resource.prlimit(child.pid, resource.RLIMIT_FSIZE)[0] == 4096
        disk.free()
        assert resource.prlimit(child.pid, resource.RLIMIT_FSIZE) == before
        child.communicate(b"\n")


def test_a_clock_can_be_set_where_there_is_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask = [sys.executable, "-S", "-c", "import time; print(time.time(), time.monotonic())"]
    for clock in make_clocks(tmp_path, ("one",)).values():
        for shift_s in (0, 86_400, -60):
            clock.set(shift_s)
            answer = subprocess.run(ask, env=dict(clock.environment), capture_output=True, text=True, check=True)
            wall_s, counted_s = map(float, answer.stdout.split())
            assert abs(wall_s - shift_s - time.time()) < 30
            assert abs(counted_s - time.monotonic()) < 30
    for compiler in (None, "/bin/false"):
        monkeypatch.setattr(shutil, "which", lambda _, found=compiler: found)
        assert make_clocks(tmp_path, ("one",)) == {}


def test_leftovers_and_damage_are_seen(tmp_path: Path) -> None:
    spool = tmp_path / "worker" / "0" / "workers" / "run" / "spool" / "1-2.jsonl"
    whole, other = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "cb" + "0" * 62
    for path in (spool, tmp_path / "store" / "ca" / whole, tmp_path / "store" / "cb" / other):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"a")
    assert list(find_leftovers(tmp_path)) == ["a spool is left: worker/0/workers/run/spool/1-2.jsonl"]
    assert len(list(find_damaged(tmp_path / "store", [whole, other, "cc" + other[2:]]))) == 2


def test_half_a_line_of_a_diary_does_not_count(tmp_path: Path) -> None:
    lines = ['{"kind": "run", "rate": 1.0, "pid": 7}', '{"step": 0, "value": 0.5, "at": 9.0}', '{"step": 1, "va']
    (tmp_path / "run.jsonl").write_text("\n".join(lines))
    assert read_diaries(tmp_path) == (Diary("run", 1.0, 7, {0: 0.5}, {0: 9.0}, ""),)


def attempts(*states: str, overlap_s: float = 0.0) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(
            place + 1, state, NOON + timedelta(minutes=place), NOON + timedelta(minutes=place + 1, seconds=overlap_s)
        )
        for place, state in enumerate(states)
    )


def network(**changes: Any) -> Trial:
    trial = Trial(1, 1, 0, "COMPLETE", "", {"learning_rate": 0.1}, 2, 1, False, attempts("LOST", "COMPLETE"), {}, {})
    curves = {"val_loss": {1: 0.5, 2: 0.4, 3: 0.3}}
    return replace(trial, **{"curves": curves, "summaries": {"val_loss": 3}, **changes})


def script(**changes: Any) -> Trial:
    trial = Trial(2, 2, 0, "FAIL", "killed", {"rate": 1.0}, 1, 1, True, attempts("CRASHED"), {}, {})
    return replace(trial, **{"curves": {"val_loss": {0: 0.5, 1: 1.5}}, "summaries": {"val_loss": 2}, **changes})


def searched(**changes: Any) -> Trial:
    curve = {step: step + 0.25 for step in range(N_AGENT_STEPS)}
    trial = Trial(3, 3, 0, "COMPLETE", "", {"rate": 0.5}, 1, 0, False, attempts("COMPLETE"), {}, {})
    return replace(trial, **{"curves": {"val_loss": curve}, "summaries": {"val_loss": N_AGENT_STEPS}, **changes})


def evidence(*trials: Trial, **changes: Any) -> Evidence:
    """Return what a good run leaves, with these trials in the place of those with the same id."""
    found = {1: network(), 2: script(), 3: searched(), **{trial.id: trial for trial in trials}}
    studies = {1: Study(1, "network-0", "COMPLETE", 1, 3), 2: Study(2, SCRIPTS, "RUNNING", None)}
    studies[3] = Study(3, "agent-0", "COMPLETE", 1)
    told = {
        (trial.id, name, step): 1 for trial in found.values() for name, curve in trial.curves.items() for step in curve
    }
    killed = Diary("run", 1.0, 7, {0: 0.5, 1: 1.5, 2: 2.5}, {0: 10.0, 1: 11.0, 2: 99.0}, "")
    done = Diary("agent", 0.5, 8, dict(searched().curves["val_loss"]), {}, "done")
    ledger = Ledger(studies, tuple(found.values()), frozenset())
    base = Evidence(ledger, (killed, done), {7: 100.0}, told, frozenset(found))
    return replace(base, **changes)


def without_point() -> Evidence:
    good = evidence()
    return replace(good, n_told={key: n for key, n in good.n_told.items() if key != (1, "val_loss", 2)})


def told_twice() -> Evidence:
    good = evidence()
    return replace(good, n_told={**good.n_told, (1, "val_loss", 2): 2})


def ending_as(state: str) -> Evidence:
    good = evidence()
    study = Study(1, "network-0", state, 1, 3)
    return replace(good, ledger=replace(good.ledger, studies={**good.ledger.studies, 1: study}))


BREAKS: dict[str, tuple[str, Callable[[], Evidence]]] = {
    "a study goes on": ("everything ends", lambda: ending_as("RUNNING")),
    "work hangs": ("everything ends", lambda: evidence(hung=["work has not ended"])),
    "a trial runs": ("each trial is finished once", lambda: evidence(network(state="RUNNING"))),
    "a trial failed": ("each trial is finished once", lambda: evidence(network(state="FAIL"))),
    "two ends": (
        "each trial is finished once",
        lambda: evidence(network(attempts=attempts("COMPLETE", "COMPLETE"), n_burned=0)),
    ),
    "a wrong end": (
        "each trial is finished once",
        lambda: evidence(network(attempts=attempts("COMPLETE", "LOST"))),
    ),
    "a retry too many": (
        "budgets are exact",
        lambda: evidence(script(n_burned=MAX_RETRIES + 1)),
    ),
    "a retry not counted": ("budgets are exact", lambda: evidence(network(n_burned=0))),
    "an attempt not counted": ("budgets are exact", lambda: evidence(network(n_attempts=1))),
    "a trial too many": ("budgets are exact", lambda: evidence(network(id=9, number=1))),
    "a number left out": ("budgets are exact", lambda: evidence(network(number=1))),
    "two leases": (
        "leases do not overlap",
        lambda: evidence(network(attempts=attempts("LOST", "COMPLETE", overlap_s=1.0))),
    ),
    "an epoch lost": (
        "curves of networks are whole",
        lambda: evidence(network(curves={"val_loss": {1: 0.5, 3: 0.3}}, summaries={"val_loss": 2})),
    ),
    "a summary wrong": ("summaries agree with points", lambda: evidence(network(summaries={"val_loss": 4}))),
    "a strange point": (
        "diaries agree with the server",
        lambda: evidence(script(curves={"val_loss": {0: 0.5, 1: 1.75}})),
    ),
    "a point of a script lost": (
        "diaries agree with the server",
        lambda: evidence(script(curves={"val_loss": {0: 0.5}}, summaries={"val_loss": 1})),
    ),
    "a run lost": ("diaries agree with the server", lambda: evidence(script(params={"rate": 2.0}))),
    "a search incomplete": (
        "diaries agree with the server",
        lambda: evidence(searched(curves={"val_loss": {0: 0.25}}, summaries={"val_loss": 1})),
    ),
    "a point never told": ("the stream tells all once", without_point),
    "a point told twice": ("the stream tells all once", told_twice),
    "an end never told": ("the stream tells all once", lambda: evidence(ended=frozenset({1, 2}))),
    "a place lost": ("the stream tells all once", lambda: evidence(n_resets=1)),
    "a damaged file": ("artifacts are whole", lambda: evidence(missing_files=["ca"])),
    "an orphan": ("nothing is left over", lambda: evidence(orphans=["orphan 7"])),
    "a file": ("nothing is left over", lambda: evidence(leftovers=["a spool is left"])),
}


def test_a_good_night_breaks_nothing() -> None:
    assert find_broken(evidence()) == []


@pytest.mark.parametrize("what", BREAKS)
def test_what_is_wrong_is_seen(what: str) -> None:
    invariant, make = BREAKS[what]
    assert invariant in {sentence.partition(":")[0] for sentence in find_broken(make())}


def test_every_invariant_can_be_broken() -> None:
    assert {invariant for invariant, _ in BREAKS.values()} == set(INVARIANTS)
