"""Commands about what a study came to: evaluate, predict, advice."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tunewell._display import number_words
from tunewell._evaluation_calls import EvaluationKind
from tunewell.cli.output import JsonFlag, print_json, print_table
from tunewell.cli.session import EXIT_REFUSED, console, session_of
from tunewell.cli.study import StudyArgument
from tunewell.evaluations import Advice, Evaluation
from tunewell.records import Objective
from tunewell.tables import read_numbers
from tunewell.terminal import clean, safe

Request = tuple[EvaluationKind, int | None]
Row = tuple[str, Mapping[str, Any]]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to `tunewell`."""
    app.command("evaluate", help=EVALUATE_HELP)(evaluate)
    app.command("predict", help=PREDICT_HELP)(predict)
    app.command("advice", help="Say what a study's finished trials suggest to change.")(advice)


EVALUATE_HELP = """Test a study's best network on data that no trial has seen.

The study must have ended. The test part is used once: asking again prints the
same figures. Ctrl-C only ends the waiting.

\b
Examples:
  tunewell evaluate digits-mlp
  tunewell evaluate digits-mlp --baselines --ensemble 5
"""


def evaluate(
    ctx: typer.Context,
    study: StudyArgument,
    baselines: Annotated[bool, typer.Option("--baselines", help="Also simple models on the same data")] = False,
    ensemble: Annotated[
        int | None, typer.Option(min=2, max=50, help="Also so many of the best networks together")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask for evaluations, wait for them, and print network and baselines beside each other."""
    wanted: list[Request] = [("test", None)]
    wanted += [("ensemble", ensemble)] if ensemble is not None else []
    wanted += [("baselines", None)] if baselines else []
    with session_of(ctx).client() as client:
        found = client.get_study(study)
        asked = [client.request_evaluation(found.study_id, kind, n_members=n) for kind, n in wanted]
        try:
            ended = [client.wait_evaluation(one.evaluation_id, on_change=_say) for one in asked]
        except KeyboardInterrupt:
            sys.stderr.write("\nIt goes on. The same command prints the result.\n")
            raise typer.Exit(130) from None
    if as_json:
        print_json(ended)
    else:
        _print_results(ended, found.spec.objectives)
    failed = [one for one in ended if one.state == "FAIL"]
    for one in failed:
        sys.stderr.write(f"Error: the {clean(one.kind)} failed: {clean(one.reason)}\n")
    if failed:
        raise typer.Exit(EXIT_REFUSED)


PREDICT_HELP = """Let a study's best network answer the lines of a CSV file.

Each line has the numbers that the network was trained on, raw, as the data
set's source gives them; a header line is allowed. Needs: pip install
'tunewell[predict]'

\b
Examples:
  tunewell predict digits-mlp new.csv -o answers.csv
  cut -d, -f2- all.csv | tunewell predict digits-mlp -
"""


def predict(
    ctx: typer.Context,
    study: StudyArgument,
    file: Annotated[str, typer.Argument(metavar="FILE", help="CSV; - reads standard input")],
    output: Annotated[Path, typer.Option("-o", "--output", help="CSV to write; - is stdout")] = Path("-"),
    trial: Annotated[int | None, typer.Option(min=0, help="Number of the trial, where not the best")] = None,
) -> None:
    """Answer the lines of a CSV file."""
    with session_of(ctx).client() as client:
        predictor = client.load_predictor(study, number=trial)
    if file == "-":
        rows = read_numbers(sys.stdin, predictor.n_features, "standard input")
    else:
        with open(file, encoding="utf-8-sig", newline="") as opened:
            rows = read_numbers(opened, predictor.n_features, file)
    answers = predictor.predict(rows)
    if str(output) == "-":
        answers.write_csv(sys.stdout)
        return
    with output.open("w", encoding="utf-8", newline="") as opened:
        answers.write_csv(opened)
    sys.stderr.write(f"Wrote {len(rows)} answers to {output}\n")


def advice(ctx: typer.Context, study: StudyArgument, as_json: JsonFlag = False) -> None:
    """Print advice."""
    with session_of(ctx).client() as client:
        found = client.get_advice(study)
    if as_json:
        print_json(found)
    elif not found:
        sys.stdout.write("Nothing in this study's trials asks for a change.\n")
    for one in () if as_json else found:
        _print_advice(one)


def _print_advice(one: Advice) -> None:
    out = console()
    out.print(safe(one.title, "bold"))
    out.print(safe(f"  {one.evidence.sentence}"))
    out.print(safe(f"  {one.action.sentence}"))
    for change in one.action.changes:
        out.print(safe(f"  {change.field}: {change.value}", "dim"))


def _say(evaluation: Evaluation) -> None:
    """Write how far an evaluation is, a line a change, where JSON and tables are not."""
    if evaluation.is_ended:
        return
    words = "waits for a worker" if evaluation.state == "WAITING" else "is being measured"
    if evaluation.n_done is not None and evaluation.n_total:
        words += f": {evaluation.n_done} of {evaluation.n_total}"
    note = f" ({evaluation.note})" if evaluation.note else ""
    sys.stderr.write(clean(f"{evaluation.kind} {words}{note}") + "\n")


def _print_results(ended: Sequence[Evaluation], objectives: Sequence[Objective]) -> None:
    rows = list(itertools.chain.from_iterable(_rows(one) for one in ended if one.result is not None))
    columns = _columns(rows, objectives)
    shown = [(name, *(number_words(metrics.get(column)) for column in columns)) for name, metrics in rows]
    headings = [column.removeprefix("test_").replace("_", " ").upper() for column in columns]
    print_table(("ON THE TEST PART", *headings), shown, "There is no result.")


def _rows(evaluation: Evaluation) -> Iterable[Row]:
    result = evaluation.result or {}
    if isinstance(joint := result.get("ensemble"), Mapping):
        yield f"ensemble of {evaluation.n_members}", joint
    for network in _mappings(result.get("networks")):
        name = "best network" if evaluation.kind == "test" else "  member"
        yield f"{name} (trial {network.get('number', '?')})", network
    for baseline in _mappings(result.get("baselines")):
        yield str(baseline.get("name", "?")).replace("_", " "), baseline


def _mappings(found: Any) -> list[Mapping[str, Any]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _columns(rows: Sequence[Row], objectives: Sequence[Objective]) -> list[str]:
    """Return the test metrics of the rows, the study's objective in front."""
    names = dict.fromkeys(name for _, metrics in rows for name in metrics if name.startswith("test_"))
    first = [f"test_{objective.metric.removeprefix('val_')}" for objective in objectives]
    return sorted(names, key=lambda name: name not in first)
