"""No-op trials per second through the whole path, next to Optuna's RDBStorage in the same run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.optuna_rdb import OptunaPeer
from benchmarks.report import rates, ratio
from benchmarks.scale import DATABASES, Scale
from benchmarks.servers import Bench
from benchmarks.work import Mode, submit, work_off

MODES: Mapping[str, Mode] = {
    "one_client": Mode(),
    "one_client_batched_report": Mode(is_batched=True),
    "four_clients": Mode(n_clients=4),
    "four_clients_batched_report": Mode(n_clients=4, is_batched=True),
    "claims_of_8_batched_report": Mode(n_max=8, is_batched=True),
}
"""Batched: the points of a trial travel in one report; else each in its own."""
_SUSTAINED = ("one_client_batched_report", "four_clients_batched_report")
Timed = Callable[[], float]


def measure(bench: Bench, scale: Scale, seed: int) -> dict[str, Any]:
    """Return trials per second of ours and of the peer, and how many times ours is the peer's, by database kind."""
    return {kind: _measure_kind(bench, kind, scale, seed) for kind in DATABASES}


def _measure_kind(bench: Bench, kind: str, scale: Scale, seed: int) -> dict[str, Any]:
    with ExitStack() as stack:
        address = stack.enter_context(bench.api(bench.new_database(kind))).address
        peers = _open_peers(bench, kind, stack)
        _run_ours(address, Mode(is_batched=True), scale.n_trials, scale)()  # neither side pays for its first statements
        for peer in peers.values():
            peer.run(2, scale.n_reports, seed)
        timed: dict[str, Timed] = {}
        for name, mode in MODES.items():
            timed[name] = _run_ours(address, mode, scale.n_trials, scale, seed)
        for name, peer in peers.items():
            timed[name] = _run_peer(peer, scale, seed)
        rounds = interleave(timed, scale.n_trials, scale.n_rounds)
        sustained = {
            name: scale.n_sustained / _run_ours(address, MODES[name], scale.n_sustained, scale, seed)()
            for name in _SUSTAINED
        }
    return {
        "unit": "trials per second",
        "n_trials": scale.n_trials,
        "n_reports_per_trial": scale.n_reports,
        "ours": {name: rates(rounds[name]) for name in MODES},
        "optuna": {name: rates(rounds[name]) for name in peers},
        "times_optuna": {peer: {name: ratio(rounds[name], rounds[peer]) for name in MODES} for peer in peers},
        "sustained": {"n_trials": scale.n_sustained, **{name: round(rate, 1) for name, rate in sustained.items()}},
    }


def interleave(timed: Mapping[str, Timed], n_trials: int, n_rounds: int) -> dict[str, list[float]]:
    """Run each candidate once a round and return by name its trials per second of each round."""
    found: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(n_rounds):
        for name, run in timed.items():
            found[name].append(n_trials / run())
    return found


def _open_peers(bench: Bench, kind: str, stack: ExitStack) -> dict[str, OptunaPeer]:
    peers = {"rdb": OptunaPeer(bench.new_database(kind))}
    if kind == "sqlite":
        peers["rdb_wal"] = OptunaPeer(bench.new_database(kind), has_wal=True)
    for peer in peers.values():
        stack.callback(peer.close)
    return peers


def _run_ours(address: str, mode: Mode, n_trials: int, scale: Scale, seed: int = 0) -> Timed:
    def run() -> float:
        return work_off(address, submit(address, n_trials, seed), mode, scale.n_reports)

    return run


def _run_peer(peer: OptunaPeer, scale: Scale, seed: int) -> Timed:
    return lambda: peer.run(scale.n_trials, scale.n_reports, seed)
