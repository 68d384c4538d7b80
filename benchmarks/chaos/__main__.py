"""`python -m benchmarks.chaos`: hurt a whole service for minutes, and prove that nothing is lost."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, cast

import typer

from benchmarks.chaos.disks import leave_mounts_behind
from benchmarks.chaos.faults import kinds_for
from benchmarks.chaos.fight import Order, fight
from benchmarks.chaos.house import DatabaseKind
from benchmarks.chaos.report import as_json, as_text
from benchmarks.report import describe_run

_DATABASES = ("sqlite", "postgresql")


def main(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long faults strike.")] = 5.0,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same schedule of faults.")] = 1,
    database: Annotated[str, typer.Option(help="sqlite, postgresql, or both, one after the other.")] = "both",
    only: Annotated[str, typer.Option(help="Names of faults, comma-separated; empty: all.")] = "",
    out: Annotated[Path | None, typer.Option(help="Where the figures go as JSON.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep state and logs.")] = False,
) -> None:
    """Run API, broker, database, workers, scripts and a live reader; kill, freeze, cut, fill and confuse them; look.

    Ends with 1 where an invariant is broken.
    """
    leave_mounts_behind()
    started_at = datetime.now(UTC)
    outcomes = []
    for kind in _read_databases(database):
        print(f"{kind}, seed {seed}, {minutes:g} minutes", file=sys.stderr)
        order = Order(seed, minutes * 60, kind, _read_faults(only, kind), keep=keep)
        outcomes.append(fight(order, lambda line: print(line, file=sys.stderr, flush=True)))
        print(as_text(outcomes[-1]), flush=True)
    if out is not None:
        document = describe_run(seed=seed, is_quick=minutes < 1, started_at=started_at)
        document["runs"] = [as_json(outcome) for outcome in outcomes]
        out.write_text(json.dumps(document, indent=2) + "\n")
    raise typer.Exit(1 if any(outcome.broken for outcome in outcomes) else 0)


def _read_databases(text: str) -> tuple[DatabaseKind, ...]:
    found = _DATABASES if text == "both" else (text,)
    if not set(found) <= set(_DATABASES):
        raise typer.BadParameter(f"{text!r}; accepted: {', '.join(_DATABASES)}, both", param_hint="--database")
    return cast(tuple[DatabaseKind, ...], found)


def _read_faults(text: str, database: DatabaseKind) -> frozenset[str]:
    named = frozenset(part.strip() for part in text.split(",") if part.strip())
    known = {kind.name for kind in kinds_for(database)}
    if not named <= known:
        raise typer.BadParameter(f"{min(named - known)!r}; accepted: {', '.join(sorted(known))}", param_hint="--only")
    return named


if __name__ == "__main__":
    typer.run(main)
