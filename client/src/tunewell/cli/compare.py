"""The command that compares trials of any studies."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from tunewell._compare_calls import MAX_COMPARED
from tunewell._csv import csv_cell
from tunewell._display import duration_words, number_words, state_text
from tunewell.cli.output import JsonFlag, print_json, print_table
from tunewell.cli.session import EXIT_REFUSED, session_of
from tunewell.comparison import Compared, Comparison
from tunewell.errors import Invalid, Problem
from tunewell.terminal import clean, safe

MAX_SIDE_BY_SIDE = 5
"""More trials than these stand below each other: a column each would be wider than a terminal."""
HELP = f"""Compare trials of any studies: in which parameters they differ, what they
reached, and in what their machines and code differ.

Names 2 to {MAX_COMPARED} trials. The best value of each objective is marked with a star.
The exit code is 1 where one of them is not there.

\b
Examples:
  tunewell compare digits-mlp/4 digits-mlp/7
  tunewell compare digits-mlp/4 digits-cnn/0 117 --csv > compared.csv
  tunewell compare digits-mlp/4 digits-mlp/7 --json | jq .parameters
"""


def add_commands(app: typer.Typer) -> None:
    """Add `compare` to `tunewell`."""
    app.command("compare", help=HELP)(compare)


def compare(
    ctx: typer.Context,
    trials: Annotated[
        list[str], typer.Argument(metavar="TRIAL TRIAL...", help="STUDY/NUMBER, such as digits-mlp/4, or an id")
    ],
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, a line a trial")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Compare trials."""
    if as_csv and as_json:
        raise Invalid(Problem("two_formats", "--csv and --json exclude each other", hint="give one of them"))
    with session_of(ctx).client() as client:
        # Curves are not shown here: as few points as the server takes.
        found = client.compare_trials(trials, max_points=4)
    if as_json:
        _print_json(found)
    elif as_csv:
        _print_csv(found)
    else:
        _print_tables(found)
    if found.missing:
        sys.stderr.write(f"Error: there is no trial {clean(', '.join(found.missing))}\n")
        raise typer.Exit(EXIT_REFUSED)


def _print_json(found: Comparison) -> None:
    named = [
        {
            "trial_id": one.trial.trial_id,
            "study_id": one.trial.study_id,
            "study_name": one.trial.study_name,
            "number": one.trial.number,
            "state": one.trial.state,
            "duration_s": one.trial.duration_s,
        }
        for one in found.trials
    ]
    parts = {"parameters": found.parameters(), "values": found.values(), "environments": found.environments()}
    rows = {part: {row.name: row.values for row in of_part} for part, of_part in parts.items()}
    print_json({"trials": named, **rows, "missing": found.missing})


def _print_csv(found: Comparison) -> None:
    parts = {"param": found.parameters(), "metric": found.values(), "environment": found.environments()}
    rows = [(f"{part}.{row.name}", row.values) for part, of_part in parts.items() for row in of_part]
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["study", "number", "trial_id", "state", "duration_s", *(csv_cell(name) for name, _ in rows)])
    for place, one in enumerate(found.trials):
        trial = one.trial
        known = [trial.study_name or trial.study_id, trial.number, trial.trial_id, trial.state, trial.duration_s]
        writer.writerow([csv_cell(value) for value in [*known, *(values[place] for _, values in rows)]])


def _print_tables(found: Comparison) -> None:
    states = [(one.name, state_text(one.trial.state), duration_words(one.trial.duration_s)) for one in found.trials]
    print_table(("TRIAL", "STATE", "TOOK"), states, "None of these trials is there.")
    if not found.trials:
        return
    parts = (
        ("PARAMETER", found.parameters(), "The parameters are the same."),
        ("VALUE", found.values(), "None of them has reached a value yet."),
        ("ENVIRONMENT", found.environments(), "They ran in the same environment, as far as is known."),
    )
    for heading, rows, empty in parts:
        sys.stdout.write("\n")
        _print_part(heading, [one.name for one in found.trials], rows, empty)


def _print_part(heading: str, names: Sequence[str], rows: Sequence[Compared], empty: str) -> None:
    lines: list[list[object]] = [[row.name, *(_shown(row, place) for place in range(len(names)))] for row in rows]
    columns = [heading, *names]
    if lines and len(names) > MAX_SIDE_BY_SIDE:
        columns = ["TRIAL", *(row.name for row in rows)]
        lines = [[name, *(line[place] for line in lines)] for place, name in enumerate(names, start=1)]
    print_table(columns, lines, empty)


def _shown(row: Compared, place: int) -> Text:
    words = number_words(row.values[place])
    return safe(f"{words} *", "bold") if place in row.best else safe(words, keep_newlines=True)
