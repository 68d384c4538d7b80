"""A run's outcome as tables for people and as JSON."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks.chaos.fight import Outcome, Struck


def as_json(outcome: Outcome) -> dict[str, Any]:
    """Return the figures of a run."""
    order, ledger = outcome.order, outcome.ledger
    return {
        "seed": order.seed,
        "seconds": order.seconds,
        "database": order.database,
        "n_faults": len(outcome.struck),
        "n_missed": outcome.n_missed,
        "faults": {name: _figures(struck) for name, struck in sorted(_by_fault(outcome.struck).items())},
        "studies": len(ledger.studies),
        "trials": dict(Counter(trial.state for trial in ledger.trials)),
        "attempts": dict(Counter(attempt.state for trial in ledger.trials for attempt in trial.attempts)),
        "n_points": sum(len(curve) for trial in ledger.trials for curve in trial.curves.values()),
        "n_log_lines": ledger.n_lines,
        "n_artifacts": len(ledger.artifacts),
        "n_unnamed_files": outcome.n_unnamed,
        "n_scripts": outcome.n_scripts,
        "n_meddled_requests": outcome.n_meddled,
        "n_streams_of_the_reader": outcome.n_connections,
        "n_starts": outcome.n_starts,
        "settled_s": round(outcome.settled_s, 1),
        "disk": outcome.disk,
        "has_clocks": outcome.has_clocks,
        "broken": list(outcome.broken),
    }


def as_text(outcome: Outcome) -> str:
    """Return the figures of a run as tables, and what is broken with how to repeat it."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    figures = as_json(outcome)
    yield f"{'fault':36}{'times':>6}{'recovered after, median s':>27}{'longest s':>11}"
    for name, one in figures["faults"].items():
        yield f"{name:36}{one['n']:6}{_shown(one['median_recovered_s']):>27}{_shown(one['longest_recovered_s']):>11}"
    yield ""
    for name in ("trials", "attempts"):
        yield f"{name}: " + ", ".join(f"{n} {state}" for state, n in sorted(figures[name].items()))
    yield (
        f"{figures['n_faults']} faults ({figures['n_missed']} more found nobody to hit), {figures['studies']} studies, "
        f"{figures['n_points']} points, {figures['n_log_lines']} lines, {figures['n_artifacts']} artifacts; "
        f"settled after {figures['settled_s']} s"
    )
    yield f"full disks: {figures['disk']}"
    if not outcome.has_clocks:
        yield "no clock was set: that takes a C compiler (cc) and the headers of libc"
    if not outcome.broken:
        yield "every invariant holds"
        return
    order = outcome.order
    yield ""
    yield f"BROKEN, seed {order.seed}; the last fault was {_last(outcome)}; state and logs: {outcome.folder}"
    yield from (f"- {sentence}" for sentence in outcome.broken)
    minutes = f"{order.seconds / 60:g}"
    yield f"again: python -m benchmarks.chaos --minutes {minutes} --seed {order.seed} --database {order.database}"


def _by_fault(struck: Sequence[Struck]) -> dict[str, list[Struck]]:
    found = defaultdict(list)
    for one in struck:
        found[one.strike.fault].append(one)
    return found


def _figures(struck: Sequence[Struck]) -> dict[str, Any]:
    times = sorted(one.recovered_s for one in struck if one.recovered_s is not None)
    return {
        "n": len(struck),
        "median_recovered_s": round(times[len(times) // 2], 2) if times else None,
        "longest_recovered_s": round(times[-1], 2) if times else None,
    }


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


def _last(outcome: Outcome) -> str:
    return f"{outcome.struck[-1].strike.fault!r}" if outcome.struck else "none"
