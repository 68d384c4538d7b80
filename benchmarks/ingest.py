"""Metric points per second into the API, in reports of many points."""

from __future__ import annotations

import time
from typing import Any

from tunewell.protocol import Finish, MetricPoint, Report

from benchmarks.report import rates
from benchmarks.scale import DATABASES, Scale
from benchmarks.servers import Bench
from benchmarks.work import METRIC, joined, submit

_NAMES = ("val_loss", METRIC, "train_loss", "train_accuracy")


def measure(bench: Bench, scale: Scale, seed: int) -> dict[str, Any]:
    """Return points per second from one client, each report holding one curve or four, by database kind."""
    return {kind: _measure_kind(bench, kind, scale, seed) for kind in DATABASES}


def _measure_kind(bench: Bench, kind: str, scale: Scale, seed: int) -> dict[str, Any]:
    with bench.api(bench.new_database(kind)) as api:
        found: dict[int, list[float]] = {1: [], len(_NAMES): []}
        for _ in range(scale.n_rounds):
            for n_curves, rounds in found.items():
                rounds.append(ingest(api.address, scale, n_curves, seed))
    return {
        "unit": "points per second",
        "n_points_per_report": scale.n_ingest_points,
        "n_reports_per_round": scale.n_ingest_reports,
        **{f"{n}_curves" if n > 1 else "1_curve": rates(rounds) for n, rounds in found.items()},
    }


def ingest(address: str, scale: Scale, n_curves: int, seed: int) -> float:
    """Return points per second of one round of reports, each holding `n_curves` curves."""
    reports = [make_report(seq, scale.n_ingest_points, n_curves) for seq in range(1, scale.n_ingest_reports + 1)]
    with joined(address, submit(address, 1, seed)) as worker:
        (job,) = worker.claim()
        started_at = time.perf_counter()
        for report in reports:
            worker.protocol.report(job.attempt_id, job.lease_token, report)
        duration_s = time.perf_counter() - started_at
        worker.protocol.finish(job.attempt_id, job.lease_token, Finish("COMPLETE", values={METRIC: 0.5}))
    return scale.n_ingest_reports * scale.n_ingest_points / duration_s


def make_report(seq: int, n_points: int, n_curves: int) -> Report:
    """Return report `seq` of a trial: `n_points` points of `n_curves` curves, behind those of the reports before."""
    n_steps = n_points // n_curves
    first = (seq - 1) * n_steps
    points = tuple(
        MetricPoint(name, step, 1.0 / (step + 1))
        for step in range(first, first + n_steps)
        for name in _NAMES[:n_curves]
    )
    return Report(seq=seq, step=first + n_steps - 1, metrics=points)
