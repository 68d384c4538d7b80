"""Commands that read studies: list, show, watch, best, trials, export."""

from __future__ import annotations

import itertools
import shutil
import sys
import tempfile
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from tunewell._display import best_words, count_words, duration_words, number_words, params_words, state_text
from tunewell._spaces import space_words
from tunewell._study_calls import ExportFormat, StudyChoice
from tunewell._trial_calls import TrialOrder
from tunewell.cli.confirmation import confirmation_words, print_candidates
from tunewell.cli.output import JsonFlag, print_facts, print_json, print_table, time_words
from tunewell.cli.session import EXIT_STUDY_FAILED, console, session_of
from tunewell.client import Client
from tunewell.progress import watch_study
from tunewell.records import OutcomeConstraint, Study, StudySpec, Trial
from tunewell.terminal import clean

StudyArgument = Annotated[str, typer.Argument(metavar="STUDY", help="Name or id of the study")]


class OrderBy(StrEnum):
    """Orders of trials; a minus turns one round."""

    NUMBER = "number"
    VALUE = "value"
    STARTED_AT = "started_at"
    DURATION = "duration"
    NUMBER_DOWN = "-number"
    VALUE_DOWN = "-value"
    STARTED_AT_DOWN = "-started_at"
    DURATION_DOWN = "-duration"


ORDERS: dict[str, TrialOrder] = {
    "number": "number",
    "value": "value",
    "started_at": "started_at",
    "duration": "duration",
}


class FileFormat(StrEnum):
    """Formats of exported trials."""

    CSV = "csv"
    JSON = "json"


FORMATS: dict[str, ExportFormat] = {"csv": "csv", "json": "json"}


def add_commands(app: typer.Typer) -> None:
    """Add the reading commands to `tunewell study`."""
    app.command("list", help=LIST_HELP)(list_studies)
    app.command("show", help="Show a study: its settings, its progress, its best trial.")(show)
    app.command("watch", help=WATCH_HELP)(watch)
    app.command("best", help="Show the best trial so far, with its parameters.")(best)
    app.command("trials", help=TRIALS_HELP)(trials)
    app.command("export", help=EXPORT_HELP)(export)


LIST_HELP = """List studies, newest first.

\b
Examples:
  tunewell study list
  tunewell study list digits --state RUNNING
  tunewell study list "tag:cnn best>0.97 owner:ann" --archived
  tunewell study list --json | jq '.[].name'
"""


def list_studies(
    ctx: typer.Context,
    query: Annotated[str, typer.Argument(metavar="[QUERY]", help="Such as: state:running tag:cnn best>0.97")] = "",
    state: Annotated[str | None, typer.Option(help="RUNNING, PAUSED, STOPPING, COMPLETE or FAILED")] = None,
    archived: Annotated[bool, typer.Option("--archived", help="Show archived studies too")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List studies."""
    choice: StudyChoice = {"state": state, "archived": "all" if archived else "no"}
    with session_of(ctx).client() as client:
        listed = client.list_studies(query, page_size=min(limit, 100), **choice)
        found = list(itertools.islice(listed, limit))
    if as_json:
        print_json(found)
        return
    rows = [
        (s.study_id, s.name, state_text(s.state), count_words(s), best_words(s), time_words(s.created_at))
        for s in found
    ]
    empty = "No studies. Submit one with `tunewell study submit FILE`."
    print_table(("ID", "NAME", "STATE", "PROGRESS", "BEST", "CREATED"), rows, empty)


def show(ctx: typer.Context, study: StudyArgument, as_json: JsonFlag = False) -> None:
    """Show a study."""
    with session_of(ctx).client() as client:
        found = client.get_study(study)
    if as_json:
        print_json(found)
    else:
        print_facts(_facts(found))


WATCH_HELP = """Watch a study until it ends.

On a terminal the display renews itself; elsewhere each change is a line. Ctrl-C
only ends the watching. The exit code is 5 where the study failed.

\b
Example:
  tunewell study watch digits-mlp
"""


def watch(ctx: typer.Context, study: StudyArgument) -> None:
    """Watch a study until it ends."""
    with session_of(ctx).client() as client:
        watch_to_end(client, study)


def watch_to_end(client: Client, study: str | int, out: Console | None = None) -> Study:
    """Watch on `out` (stdout where None); say what Ctrl-C leaves behind.

    Returns:
        The study as it ended.

    Raises:
        Exit: 130 after Ctrl-C, 5 where the study failed.
    """
    try:
        ended = watch_study(client, study, out or console())
    except KeyboardInterrupt:
        name = clean(str(study))
        sys.stderr.write(f"\nThe study goes on. Watch it again: tunewell study watch {name}\n")
        sys.stderr.write(f"Stop it: tunewell study stop {name}\n")
        raise typer.Exit(130) from None
    if ended.state == "FAILED":
        sys.stderr.write(f"Error: the study failed: {clean(ended.state_reason)}\n")
        raise typer.Exit(EXIT_STUDY_FAILED)
    return ended


def best(ctx: typer.Context, study: StudyArgument, as_json: JsonFlag = False) -> None:
    """Show the best trial; with several objectives, the trials that no other one beats in all of them."""
    with session_of(ctx).client() as client:
        found = client.get_study(study)
    if len(found.spec.objectives) > 1:
        _print_front(found, as_json)
    elif as_json:
        print_json(found.best_trial)
    elif found.best_trial is None:
        sys.stdout.write("No trial of this study has a result yet.\n")
    else:
        values = [(name, number_words(value)) for name, value in found.best_trial.values.items()]
        params = [(name, number_words(value)) for name, value in found.best_trial.params.items()]
        print_facts([("trial", found.best_trial.number), *values, *params])
        if found.confirmation is not None:
            print_candidates(found.confirmation)


def _print_front(study: Study, as_json: bool) -> None:
    if as_json:
        print_json(study.best_trials)
        return
    metrics = [objective.metric for objective in study.spec.objectives]
    rows = [
        (one.number, *(number_words(one.values.get(name)) for name in metrics), params_words(one.params))
        for one in study.best_trials
    ]
    columns = ("TRIAL", *(name.upper() for name in metrics), "PARAMETERS")
    print_table(columns, rows, "No trial of this study has a result yet.")


TRIALS_HELP = """List trials of a study.

\b
Examples:
  tunewell study trials digits-mlp --order-by value --limit 5
  tunewell study trials digits-mlp --state FAIL
  tunewell study trials digits-mlp --where "val_accuracy>0.97 activation=relu"
  tunewell study trials digits-mlp --order-by=-duration
"""


def trials(  # noqa: PLR0913, PLR0917 - an option each
    ctx: typer.Context,
    study: StudyArgument,
    state: Annotated[
        list[str] | None, typer.Option(help="WAITING, RUNNING, COMPLETE, PRUNED or FAIL; may be given several times")
    ] = None,
    where: Annotated[str, typer.Option(help="Conditions that must all hold; docs/filters.md has the language")] = "",
    order_by: Annotated[
        OrderBy, typer.Option(help="value: best first. A minus (--order-by=-value) turns the order round")
    ] = OrderBy.NUMBER,
    limit: Annotated[int, typer.Option(min=1, help="At most so many")] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List trials of a study."""
    with session_of(ctx).client() as client:
        listed = client.list_trials(
            study,
            state=state or (),
            where=where,
            order_by=ORDERS[order_by.lstrip("-")],
            descending=order_by.startswith("-"),
            page_size=min(limit, 100),
        )
        found = list(itertools.islice(listed, limit))
    if as_json:
        print_json(found)
        return
    columns = ("TRIAL", "STATE", "VALUE", "STEP", "TIME", "FINDINGS", "PARAMETERS")
    print_table(columns, map(_row, found), "No such trials.")


EXPORT_HELP = """Write all trials of a study as CSV or JSON.

\b
Examples:
  tunewell study export digits-mlp -o trials.csv
  tunewell study export digits-mlp --format json | jq length
"""


def export(
    ctx: typer.Context,
    study: StudyArgument,
    file_format: Annotated[FileFormat, typer.Option("--format", help="Of the file")] = FileFormat.CSV,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write; - is stdout")] = Path("-"),
) -> None:
    """Write all trials of a study to a file or to stdout."""
    with session_of(ctx).client() as client:
        if str(output) != "-":
            client.export_study(study, output, file_format=FORMATS[file_format])
            sys.stderr.write(f"Wrote {output}\n")
            return
        with tempfile.TemporaryDirectory() as folder:
            _to_stdout(client.export_study(study, Path(folder) / "trials", file_format=FORMATS[file_format]))


def _to_stdout(path: Path) -> None:
    if sys.stdout.isatty():
        sys.stdout.write(clean(path.read_text(encoding="utf-8"), keep_newlines=True))
        return
    with path.open(encoding="utf-8", newline="") as file:
        shutil.copyfileobj(file, sys.stdout)


def _row(trial: Trial) -> tuple[object, ...]:
    step = "-" if trial.step is None else f"{trial.step}/{trial.n_steps}" if trial.n_steps else str(trial.step)
    value = number_words(trial.value) + (" (breaks a constraint)" if trial.is_feasible is False else "")
    return (
        trial.number,
        state_text(trial.phase or trial.state),
        value,
        step,
        duration_words(trial.duration_s),
        ", ".join(kind.replace("_", " ") for kind in trial.findings) or "-",
        params_words(trial.params),
    )


def _facts(study: Study) -> list[tuple[str, object]]:
    spec, best_trial = study.spec, study.best_trial
    objectives = ", ".join(f"{o.direction} {o.metric}" for o in spec.objectives)
    state = f"{study.state}: {study.state_reason}" if study.state_reason else study.state
    return [
        ("study", f"{study.name} (id {study.study_id})"),
        ("state", state),
        ("search", f"{objectives} of {spec.model} on {spec.dataset}"),
        ("sampler", _component(spec.sampler)),
        ("pruner", _component(spec.pruner)),
        ("training", _training(spec)),
        ("outcome", "; ".join(map(_limit, spec.outcome_constraints))),
        ("progress", count_words(study)),
        ("best", best_words(study)),
        ("", params_words(best_trial.params) if best_trial else ""),
        ("confirmed", confirmation_words(study.confirmation)),
        ("space", space_words(spec.search_space, spec.constraints)),
        ("fixed", params_words(spec.fixed)),
        ("tags", ", ".join(study.tags)),
        ("owner", study.owner),
        ("notes", study.notes),
        ("created", time_words(study.created_at)),
        ("finished", time_words(study.finished_at) if study.finished_at else ""),
    ]


def _limit(constraint: OutcomeConstraint) -> str:
    if constraint.at_most is not None:
        return f"{constraint.metric} at most {number_words(constraint.at_most)}"
    return f"{constraint.metric} at least {number_words(constraint.at_least)}"


def _training(spec: StudySpec) -> str:
    """Say how a trial trains, where that is not once on the holdout."""
    words = []
    if spec.repeats.n > 1:
        racing = ", racing" if spec.repeats.racing else ""
        words.append(f"{spec.repeats.n} repeats, the {spec.repeats.choose} counts{racing}")
    if spec.evaluation.method == "k_fold":
        words.append(f"{spec.evaluation.folds} folds")
    return "; ".join(words)


def _component(spec: Mapping[str, Any]) -> str:
    options = {name: value for name, value in spec.items() if name != "name"}
    return f"{spec.get('name', '')} {params_words(options)}".strip()
