"""Commands about single trials: show, logs, tag, stop, retry, repeat."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.text import Text

from tunewell._display import duration_words, mean_words, number_words, state_text
from tunewell.cli.output import JsonFlag, print_facts, print_json, print_table, time_words
from tunewell.cli.session import console, session_of
from tunewell.client import Client
from tunewell.diagnosis import Finding
from tunewell.errors import Invalid, Problem
from tunewell.records import LogLine, Trial
from tunewell.terminal import clean, safe

app = typer.Typer(help="Read and stop single trials.", no_args_is_help=True, rich_markup_mode=None)
TrialArgument = Annotated[str, typer.Argument(metavar="TRIAL", help="STUDY/NUMBER, such as digits-mlp/4, or an id")]
SEVERITY_STYLES = {"problem": "bold red", "hint": "bold yellow", "good": "bold green"}
STREAM_STYLES = {"stderr": "yellow", "system": "dim"}

SHOW_HELP = """Show a trial: its parameters, its values, its attempts, its diagnosis.

\b
Examples:
  tunewell trial show digits-mlp/4
  tunewell trial show 117 --json
"""


@app.command("show", help=SHOW_HELP)
def show(ctx: typer.Context, trial: TrialArgument, as_json: JsonFlag = False) -> None:
    """Show a trial."""
    with session_of(ctx).client() as client:
        found = find_trial(client, trial)
    if as_json:
        print_json(found)
        return
    print_facts(_facts(found))
    rows = [
        (a.attempt_no, state_text(a.state), a.worker_name or "-", time_words(a.created_at), a.reason)
        for a in found.attempts
    ]
    if rows:
        sys.stdout.write("\n")
        print_table(("ATTEMPT", "STATE", "WORKER", "STARTED", "REASON"), rows, "")
    for finding in found.diagnosis or ():
        console().print(_finding(finding))


@app.command("logs", help="Print what a trial wrote.")
def logs(
    ctx: typer.Context,
    trial: TrialArgument,
    grep: Annotated[str, typer.Option(help="Only lines with this text, whatever the case of its letters")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Print log lines."""
    with session_of(ctx).client() as client:
        lines = client.list_logs(find_trial(client, trial).trial_id, containing=grep)
        if as_json:
            print_json(list(lines))
            return
        out = console()
        for line in lines:
            out.print(_log(line), soft_wrap=True)


TAG_HELP = """Add tags to a trial, and take some away.

\b
Examples:
  tunewell trial tag digits-mlp/4 paper baseline
  tunewell trial tag digits-mlp/4 --remove draft
"""


@app.command("tag", help=TAG_HELP)
def tag(
    ctx: typer.Context,
    trial: TrialArgument,
    add: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Tags to add")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", "-r", metavar="TAG", help="Take it away")] = None,
) -> None:
    """Change a trial's tags, and say which it has."""
    with session_of(ctx).client() as client:
        found = find_trial(client, trial)
        tags = [one for one in dict.fromkeys((*found.tags, *(add or ()))) if one not in (remove or ())]
        if tags != list(found.tags):
            found = client.update_trial(found.trial_id, tags=tags)
    words = ", ".join(map(clean, found.tags)) or "none"
    sys.stdout.write(f"Tags of trial {found.number}: {words}\n")


@app.command("stop", help="Ask a trial to end.")
def stop(ctx: typer.Context, trial: TrialArgument) -> None:
    """Ask a trial to end."""
    with session_of(ctx).client() as client:
        stopped = client.stop_trial(find_trial(client, trial).trial_id)
    words = stopped.state if stopped.is_ended else f"{stopped.state}, and asked to stop"
    console().print(safe(f"Trial {stopped.number} is {words}"))


RETRY_HELP = """Run a trial that failed, was pruned or stopped once more.

It becomes a new trial with the same parameters and the same seed.
"""

REPEAT_HELP = """Run a trial's parameters again from other seeds: is it good, or was it lucky?

\b
Examples:
  tunewell trial repeat digits-mlp/4
  tunewell trial repeat digits-mlp/4 --n 10
"""


@app.command("retry", help=RETRY_HELP)
def retry(ctx: typer.Context, trial: TrialArgument) -> None:
    """Run a trial once more."""
    with session_of(ctx).client() as client:
        found = find_trial(client, trial)
        added = client.retry_trial(found.trial_id)
    console().print(safe(f"Trial {found.number} runs again as trial {added.number}"))


@app.command("repeat", help=REPEAT_HELP)
def repeat(
    ctx: typer.Context,
    trial: TrialArgument,
    n: Annotated[int, typer.Option("--n", min=1, max=50, help="How many new trials")] = 3,
    note: Annotated[str, typer.Option(help="For people")] = "",
) -> None:
    """Run a trial's parameters from other seeds."""
    with session_of(ctx).client() as client:
        found = find_trial(client, trial)
        added = client.repeat_trial(found.trial_id, n, note=note)
    numbers = ", ".join(str(one.number) for one in added)
    console().print(safe(f"Trial {found.number} is repeated from other seeds as trial {numbers}"))


def find_trial(client: Client, ref: str) -> Trial:
    """Read a trial named by `STUDY/NUMBER` or by its id.

    Raises:
        Invalid: `trial_ref` where it is neither.
        NotFound: There is no such trial.
    """
    study, slash, number = ref.rpartition("/")
    if not (number.isascii() and number.isdigit()) or (slash and not study):
        raise Invalid(Problem("trial_ref", f"{ref!r} names no trial", hint="give STUDY/NUMBER, or the id of a trial"))
    return client.get_trial_by_number(study, int(number)) if slash else client.get_trial(int(number))


def _facts(trial: Trial) -> list[tuple[str, object]]:
    step = "" if trial.step is None else f"{trial.step} of {trial.n_steps}" if trial.n_steps else str(trial.step)
    facts: list[tuple[str, object]] = [
        ("trial", f"{trial.number} of {trial.study_name or trial.study_id} (id {trial.trial_id})"),
        ("state", ": ".join(one for one in (trial.phase or trial.state, trial.reason) if one)),
        ("source", _source(trial)),
        ("seed", "" if trial.seed is None else trial.seed),
        ("run again as", ", ".join(f"trial {number}" for number in trial.run_again_as)),
        ("result taken from", "" if trial.reused_from is None else f"trial {trial.reused_from}"),
        ("note", trial.note),
        ("tags", ", ".join(trial.tags)),
        ("spread", _spread(trial)),
        ("step", step),
        ("started", time_words(trial.started_at) if trial.started_at else ""),
        ("took", duration_words(trial.duration_s) if trial.duration_s is not None else ""),
    ]
    facts.extend((f"parameter {name}", number_words(value)) for name, value in trial.params.items())
    facts.extend((f"value {name}", number_words(value)) for name, value in trial.values.items())
    return facts


def _source(trial: Trial) -> str:
    if trial.confirms is not None:
        return f"confirms trial {trial.confirms}"
    return trial.source if trial.origin is None else f"{trial.source} of trial {trial.origin}"


def _spread(trial: Trial) -> str:
    one = trial.spread
    if one is None:
        return ""
    ends = f"{number_words(one.least)} to {number_words(one.most)}"
    return f"{mean_words(one.mean, one.standard_error)} over {one.n} networks, {ends}"


def _finding(finding: Finding) -> Text:
    style = SEVERITY_STYLES.get(finding.severity, "")
    heading = safe(f"\n{finding.title}\n", style, keep_newlines=True)
    seen = safe(f"  {finding.evidence.sentence}\n", keep_newlines=True)
    return Text.assemble(heading, seen, safe(f"  Try: {finding.remedy.sentence}"))


def _log(line: LogLine) -> object:
    return safe(line.text, STREAM_STYLES.get(line.stream, ""))
