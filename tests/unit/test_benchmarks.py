"""The arithmetic behind the published figures, and that the peer does the same work as ours."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.footprint import role_of
from benchmarks.optuna_rdb import OptunaPeer
from benchmarks.report import describe_run, percentile, rates, ratio, summarise
from benchmarks.storage import times_of
from benchmarks.throughput import interleave
from benchmarks.work import run_together


def test_a_sample_is_summarised_by_nearest_rank() -> None:
    found = summarise([float(value) for value in range(1, 101)])
    assert (found.n, found.median, found.p95, found.max, found.min) == (100, 50.5, 95.0, 100.0, 1.0)


def test_one_value_is_every_percentile() -> None:
    assert percentile([7.0], 0.05) == percentile([7.0], 1.0) == 7.0


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [float("inf")]])
def test_nothing_measured_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="a sample is one or more finite numbers"):
        summarise(values)


def test_rates_show_every_round() -> None:
    assert rates([3.0, 1.0, 2.00049]) == {"median": 2.0, "rounds": [3.0, 1.0, 2.0]}


def test_a_ratio_compares_neighbours() -> None:
    # The machine was ten times slower in the second round, for both: the ratio of medians would be 1.1, not 2.
    assert ratio([200.0, 20.0, 21.0], [100.0, 10.0, 10.5]) == 2.0


def test_rounds_without_a_neighbour_are_refused() -> None:
    with pytest.raises(ValueError, match="interleave them in pairs"):
        ratio([1.0, 2.0], [1.0])


def test_candidates_take_turns() -> None:
    ran: list[str] = []

    def candidate(name: str, duration_s: float) -> float:
        ran.append(name)
        return duration_s

    found = interleave({"a": lambda: candidate("a", 2.0), "b": lambda: candidate("b", 4.0)}, n_trials=8, n_rounds=2)
    assert ran == ["a", "b", "a", "b"]
    assert found == {"a": [4.0, 4.0], "b": [2.0, 2.0]}


def test_clients_start_together() -> None:
    waiting: list[int] = []

    def client(ready: object) -> None:
        waiting.append(threading.get_ident())
        assert callable(ready)
        ready()
        assert len(waiting) == 3

    assert run_together(client, 3) >= 0.0


def test_a_client_that_fails_fails_the_run() -> None:
    def client(ready: object) -> None:
        raise LookupError("no work")

    with pytest.raises(RuntimeError, match="a benchmark client failed") as caught:
        run_together(client, 2)
    assert isinstance(caught.value.__cause__, LookupError)


@pytest.mark.parametrize("has_wal", [False, True])
def test_the_peer_stores_its_trials_with_all_reports(tmp_path: Path, has_wal: bool) -> None:
    peer = OptunaPeer(f"sqlite:///{tmp_path / 'peer.db'}", has_wal=has_wal)
    try:
        assert peer.run(n_trials=2, n_reports=3, seed=1) > 0.0
        trials = peer.list_trials()
        assert [len(trial.intermediate_values) for trial in trials] == [3, 3]
        assert all(trial.state.is_finished() and len(trial.params) == 8 for trial in trials)
        assert peer.journal_mode() == ("wal" if has_wal else "delete")
    finally:
        peer.close()


@pytest.mark.parametrize(
    ("command", "role"),
    [
        (["/usr/bin/python", "-m", "api"], "api"),
        (["[celeryd: tunewell-1@host:MainProcess] -active-"], "worker"),
        (["[celeryd: tunewell-1@host:ForkPoolWorker-2]"], "worker pool child"),
        (["/opt/valkey/valkey-server", "*:6379"], "valkey-server"),
    ],
)
def test_processes_are_named_by_what_they_do(command: list[str], role: str) -> None:
    assert role_of(command) == role


def test_a_run_says_what_it_takes_to_repeat_it() -> None:
    found = describe_run(seed=3, is_quick=True, started_at=datetime(2026, 1, 2, tzinfo=UTC))
    assert found["seed"] == 3
    assert found["started_at"] == "2026-01-02T00:00:00+00:00"
    assert found["machine"]["n_cores"] >= 1
    assert {"optuna", "sqlalchemy", "python"} <= set(found["versions"])
    json.dumps(found)


def test_a_storage_behind_grpc_is_compared_with_its_like() -> None:
    rates_of = {"ours": [40.0, 60.0], "rdb": [10.0, 5.0], "ours_grpc": [8.0, 9.0], "rdb_grpc": [4.0, 3.0]}
    assert times_of(rates_of) == {"rdb": 8.0, "rdb_grpc": 2.5}
