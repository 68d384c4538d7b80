"""How much is measured: the full run, and a quick one that only shows that everything works."""

from __future__ import annotations

from dataclasses import dataclass

DATABASES = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of a run.

    Attributes:
        n_rounds: Repetitions of everything that is compared; ours and the peer's take turns.
        n_trials: Trials of each side in a round.
        n_sustained: Trials of one long study of ours.
        n_reports: Metric points of a trial.
        n_ingest_reports: Reports of `n_ingest_points` points each, in a round.
        n_ingest_points: Metric points of one report of the ingest measurement.
        n_probes: Reports whose way to an event is timed.
        n_starts: Starts of each program.
    """

    n_rounds: int
    n_trials: int
    n_sustained: int
    n_reports: int
    n_ingest_reports: int
    n_ingest_points: int
    n_probes: int
    n_starts: int


FULL = Scale(
    n_rounds=3,
    n_trials=60,
    n_sustained=1000,
    n_reports=10,
    n_ingest_reports=100,
    n_ingest_points=1000,
    n_probes=100,
    n_starts=3,
)
QUICK = Scale(
    n_rounds=2,
    n_trials=10,
    n_sustained=100,
    n_reports=10,
    n_ingest_reports=10,
    n_ingest_points=1000,
    n_probes=10,
    n_starts=1,
)
