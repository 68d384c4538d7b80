"""`python -m benchmarks.search`: compare samplers on real tasks and bbob; writes JSON, and pictures beside it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.report import describe_run
from benchmarks.search.peers import PEERS, list_installed
from benchmarks.search.picture import draw
from benchmarks.search.results import forget_runs, load_runs
from benchmarks.search.runner import Plan, run_missing
from benchmarks.search.summary import summarise_runs
from benchmarks.search.tasks import QUICK, group_of, list_tasks
from benchmarks.search.words import as_text

OUT = Path.home() / ".cache" / "tunewell" / "benchmarks" / "search.json"


def main(  # noqa: PLR0913, PLR0917 - an option each
    quick: Annotated[
        bool, typer.Option("--quick", help="5 tables, 5 seeds, 50 trials one at a time, random, optuna and bayesian.")
    ] = False,
    tasks: Annotated[str, typer.Option(help="Names, `tables`, `bbob` or `all`, comma-separated.")] = "all",
    samplers: Annotated[str, typer.Option(help=f"Of {', '.join(PEERS)}; all that are installed when empty.")] = "",
    seeds: Annotated[int, typer.Option(help="Searches of each kind, seeds from 0.", min=1)] = 20,
    budgets: Annotated[str, typer.Option(help="Numbers of trials, comma-separated.")] = "25,50,100",
    parallel: Annotated[str, typer.Option(help="Numbers of workers, comma-separated.")] = "1,8",
    out: Annotated[Path, typer.Option(help="The figures; runs go to the same name with .jsonl.")] = OUT,
    processes: Annotated[int, typer.Option(help="Searches at once, one thread each.", min=1, max=2)] = 1,
    run: Annotated[bool, typer.Option(help="Run what is missing; `--no-run` summarises what there is.")] = True,
    again: Annotated[str, typer.Option(help="Samplers whose stored runs are forgotten first: they changed.")] = "",
) -> None:
    """Run whatever searches are missing in the file of runs, and summarise all of the plan.

    A run is stored as soon as it ends, so a comparison may be stopped at any time and goes on where it was.
    """
    plan = _quick_plan(parallel) if quick else _plan(tasks, samplers, seeds, budgets, parallel)
    runs_path = out.with_suffix(".jsonl")
    out.parent.mkdir(parents=True, exist_ok=True)
    if again:
        forget_runs(runs_path, _known(again, list(PEERS), "sampler"))
    started_at = datetime.now(UTC)
    if run:
        run_missing(plan, runs_path, processes)
    document = describe_run(seed=0, is_quick=quick, started_at=started_at)
    document |= summarise_runs(plan, load_runs(runs_path))
    out.write_text(json.dumps(document, indent=2) + "\n")
    for group in document["groups"]:
        out.with_name(f"{out.stem}-{group}.svg").write_text(draw(document, group))
    print(as_text(document))
    # A run of other sources is still a run: whoever tunes a sampler decides what to run anew.
    for sampler, makers in document["made_by"].items():
        if len(makers) > 1:
            print(f"{sampler} changed between runs: `--again {sampler}` runs it anew", file=sys.stderr)
    print(f"figures in {out}, runs in {runs_path}", file=sys.stderr)


def _quick_plan(parallel: str) -> Plan:
    parallels = [1] if parallel == "1,8" else _numbers(parallel)
    return Plan(QUICK, ("random", "optuna", "bayesian"), 5, (50,), parallels)


def _plan(tasks: str, samplers: str, seeds: int, budgets: str, parallel: str) -> Plan:
    every, chosen = list_tasks(), []
    groups = group_of(every)
    for name in _known(tasks, [*every, "tables", "bbob", "all"], "task"):
        chosen += [task for task in every if name in (task, groups[task], "all")]
    named = _known(samplers, list(PEERS), "sampler") if samplers else list_installed()
    return Plan(list(dict.fromkeys(chosen)), named, seeds, sorted(_numbers(budgets)), sorted(_numbers(parallel)))


def _known(text: str, known: Sequence[str], kind: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise typer.BadParameter(f"there is no {kind} {unknown[0]!r}; known: {', '.join(known)}")
    return names


def _numbers(text: str) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no list of numbers such as 25,50,100") from None
    if min(numbers) < 1:
        raise typer.BadParameter(f"numbers of trials and workers start at 1, got {min(numbers)}")
    return numbers


command = typer.Typer(add_completion=False)
command.command()(main)

if __name__ == "__main__":
    command()
