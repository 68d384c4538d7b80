"""`python -m benchmarks`: measure, and print one JSON document. What happens meanwhile goes to standard error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from benchmarks import footprint, ingest, latency, throughput
from benchmarks.report import describe_run
from benchmarks.scale import FULL, QUICK, Scale
from benchmarks.servers import Bench, running_servers

PARTS: Mapping[str, Callable[[Bench, Scale, int], dict[str, Any]]] = {
    "throughput": throughput.measure,
    "ingest": ingest.measure,
    "latency": latency.measure,
    "footprint": footprint.measure,
}


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small and short: shows that it works, proves nothing.")
    ] = False,
    only: Annotated[str, typer.Option(help=f"Parts to run, comma-separated: {', '.join(PARTS)}.")] = ",".join(PARTS),
    seed: Annotated[int, typer.Option(help="Seeds the searches and the pauses between probes.", min=0)] = 1,
) -> None:
    """Measure Tunewell with real servers on this machine and print one JSON document.

    throughput: no-op trials a second, next to Optuna's RDBStorage. ingest: metric points a second. latency: report to
    live event. footprint: start-up time and idle memory.
    """
    scale = QUICK if quick else FULL
    document = describe_run(seed=seed, is_quick=quick, started_at=datetime.now(UTC))
    with running_servers() as bench:
        for name in _names(only):
            started_at = time.perf_counter()
            document[name] = PARTS[name](bench, scale, seed)
            print(f"{name}: {time.perf_counter() - started_at:.0f} s", file=sys.stderr)
    print(json.dumps(document, indent=2))


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise typer.BadParameter(f"there is no part {unknown[0]!r}; parts are {', '.join(PARTS)}", param_hint="--only")
    return names


if __name__ == "__main__":
    typer.run(main)
