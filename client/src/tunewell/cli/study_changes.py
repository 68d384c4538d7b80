"""Commands that change studies: submit (and check before), stop, pause, resume, tag, archive, delete, restore."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tunewell._display import duration_words
from tunewell.checks import StudyCheck
from tunewell.cli.output import JsonFlag, print_facts, print_json, print_table
from tunewell.cli.session import EXIT_REFUSED, console, session_of
from tunewell.cli.study import StudyArgument, watch_to_end
from tunewell.errors import Invalid, Problem
from tunewell.records import Study
from tunewell.studyfile import MAX_FILE_BYTES, parse_study, with_overrides
from tunewell.terminal import clean


def add_commands(app: typer.Typer) -> None:
    """Add the changing commands to `tunewell study`."""
    app.command("submit", help=SUBMIT_HELP)(submit)
    app.command("check", help=CHECK_HELP)(check)
    app.command("stop", help="Stop a study: no new trials, and running ones are asked to end.")(stop)
    app.command("pause", help="Pause a study: no new trials; running ones go on.")(pause)
    app.command("resume", help="Resume a paused study.")(resume)
    app.command("turn", help=TURN_HELP)(turn)
    app.command("tag", help=TAG_HELP)(tag)
    app.command("archive", help="Put a study out of the way of lists; nothing else changes.")(archive)
    app.command("unarchive", help="Bring an archived study back into lists.")(unarchive)
    app.command("delete", help=DELETE_HELP)(delete)
    app.command("restore", help="Bring back a deleted study, by its id.")(restore)


SUBMIT_HELP = """Submit a study from a YAML or JSON file.

\b
Examples:
  tunewell study submit digits.yaml --watch
  tunewell study submit digits.yaml --name second-try --n-trials 50
  generate-study | tunewell study submit - --json

\b
A study:
  name: digits-mlp
  dataset: digits
  model: mlp
  fixed: {epochs: 20, batch_size: 64}
  search_space:
    learning_rate: {type: float, low: 1e-4, high: 0.1, log: true}
    hidden_units: {type: int, low: 16, high: 128, step: 16}
    activation: {type: categorical, choices: [relu, tanh, swish]}
  sampler: {name: bayesian, seed: 7}
  objectives: [{metric: val_accuracy, direction: maximize}]
  budget: {n_trials: 20, max_parallel: 2}
"""


def submit(  # noqa: PLR0913, PLR0917 - an option each
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - reads standard input")],
    name: Annotated[str | None, typer.Option(help="Use this name, not the file's")] = None,
    n_trials: Annotated[int | None, typer.Option(min=1, help="Run so many trials, not the file's number")] = None,
    code: Annotated[
        Path | None, typer.Option(help="Bring this folder, and run the study's command with it", exists=True)
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Watch it until it ends")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Submit a study."""
    study = with_overrides(parse_study(_read(file), file), name=name, n_trials=n_trials)
    with session_of(ctx).client() as client:
        if code is not None:
            study = {**study, "code": {"archive": client.add_code(code).sha256}}
        created = client.create_study(study)
        if not as_json:
            sys.stdout.write(f"Submitted {clean(created.name)} (id {created.study_id}) to {client.server}\n")
        if watch:
            # JSON on stdout stays alone there.
            created = watch_to_end(client, created.study_id, console(sys.stderr) if as_json else None)
        elif not as_json:
            sys.stdout.write(f"Watch it: tunewell study watch {clean(created.name)}\n")
    if as_json:
        print_json(created)


CHECK_HELP = """Look a study over without submitting it: all that is wrong, how many trials, how long.

The exit code is 1 where something is wrong.

\b
Examples:
  tunewell study check digits.yaml
  generate-study | tunewell study check - --json
"""


def check(
    ctx: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="YAML or JSON; - reads standard input")],
    as_json: JsonFlag = False,
) -> None:
    """Check a study."""
    with session_of(ctx).client() as client:
        found = client.check_study(parse_study(_read(file), file))
    if as_json:
        print_json(found)
    elif found.problems:
        rows = [(one.field or "-", one.message, one.hint or "") for one in found.problems]
        print_table(("FIELD", "PROBLEM", "HINT"), rows, "")
    else:
        print_facts(_prospects(found))
    if found.problems:
        raise typer.Exit(EXIT_REFUSED)


def _prospects(found: StudyCheck) -> list[tuple[str, object]]:
    """Say what a study that would be accepted comes to."""
    estimate = found.estimate
    return [
        ("study", "would be accepted"),
        ("grid", "" if found.n_grid_cells is None else f"{found.n_grid_cells} points"),
        ("trials", "without an end" if found.n_trials is None else str(found.n_trials)),
        ("networks", f"{found.n_networks} a trial" if found.n_networks != 1 else ""),
        ("time", "not known yet" if estimate is None else f"about {duration_words(estimate.duration_s)}"),
        ("", "" if estimate is None else estimate.basis),
    ]


TURN_HELP = """Change whose turn it is when a slot becomes free.

Studies of a higher priority come first. Among equals each owner gets equally
many slots, and an owner's studies share them: one of share 2 gets twice as
many as one of share 1.

\b
Examples:
  tunewell study turn digits-mlp --priority 10
  tunewell study turn digits-mlp --share 2
"""


def turn(
    ctx: typer.Context,
    study: StudyArgument,
    priority: Annotated[
        int | None, typer.Option(min=-100, max=100, help="Higher ones are served first; 0 is usual")
    ] = None,
    share: Annotated[float | None, typer.Option(min=0.01, max=100, help="Its part beside the owner's others")] = None,
) -> None:
    """Change whose turn it is."""
    given = {"priority": priority, "share": share}
    resources = {name: value for name, value in given.items() if value is not None}
    if not resources:
        raise Invalid(Problem("nothing_to_change", "no change was given", hint="give --priority, --share or both"))
    with session_of(ctx).client() as client:
        changed = client.update_study(study, resources=resources)
    sys.stdout.write(
        f"{clean(changed.name)} has {', '.join(f'{name} {value:g}' for name, value in resources.items())}\n"
    )


def stop(ctx: typer.Context, study: StudyArgument) -> None:
    """Stop a study."""
    with session_of(ctx).client() as client:
        _say(client.stop_study(study))


def pause(ctx: typer.Context, study: StudyArgument) -> None:
    """Pause a study."""
    with session_of(ctx).client() as client:
        _say(client.pause_study(study))


def resume(ctx: typer.Context, study: StudyArgument) -> None:
    """Resume a study."""
    with session_of(ctx).client() as client:
        _say(client.resume_study(study))


TAG_HELP = """Add tags to a study, and take some away.

\b
Examples:
  tunewell study tag digits-mlp paper baseline
  tunewell study tag digits-mlp --remove draft
"""


def tag(
    ctx: typer.Context,
    study: StudyArgument,
    add: Annotated[list[str] | None, typer.Argument(metavar="[TAG]...", help="Tags to add")] = None,
    remove: Annotated[list[str] | None, typer.Option("--remove", "-r", metavar="TAG", help="Take it away")] = None,
) -> None:
    """Change a study's tags, and say which it has."""
    with session_of(ctx).client() as client:
        found = client.get_study(study)
        tags = [one for one in dict.fromkeys((*found.tags, *(add or ()))) if one not in (remove or ())]
        if tags != list(found.tags):
            found = client.update_study(found.study_id, tags=tags)
    words = ", ".join(map(clean, found.tags)) or "none"
    sys.stdout.write(f"Tags of {clean(found.name)}: {words}\n")


def archive(ctx: typer.Context, study: StudyArgument) -> None:
    """Archive a study."""
    with session_of(ctx).client() as client:
        found = client.archive_study(study)
    name = clean(found.name)
    sys.stdout.write(f"Archived {name}. Bring it back: tunewell study unarchive {name}\n")


def unarchive(ctx: typer.Context, study: StudyArgument) -> None:
    """Undo archiving a study."""
    with session_of(ctx).client() as client:
        found = client.unarchive_study(study)
    sys.stdout.write(f"{clean(found.name)} is in lists again\n")


DELETE_HELP = """Delete a study: its running trials are stopped, and it is hidden.

`tunewell study restore ID` brings it back.
"""


def delete(
    ctx: typer.Context,
    study: StudyArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask")] = False,
) -> None:
    """Delete a study, after asking."""
    with session_of(ctx).client() as client:
        found = client.get_study(study)
        if not yes:
            typer.confirm(f"Delete {clean(found.name)} with {sum(found.trial_counts.values())} trials?", abort=True)
        client.delete_study(found.study_id)
    sys.stdout.write(f"Deleted {clean(found.name)}. Bring it back: tunewell study restore {found.study_id}\n")


def restore(
    ctx: typer.Context, study_id: Annotated[int, typer.Argument(metavar="ID", help="Id of the deleted study")]
) -> None:
    """Bring back a deleted study."""
    with session_of(ctx).client() as client:
        _say(client.restore_study(study_id))


def _say(study: Study) -> None:
    sys.stdout.write(f"{clean(study.name)} is {clean(study.state)}\n")


def _read(file: str) -> str:
    if file == "-":
        content = sys.stdin.buffer.read(MAX_FILE_BYTES + 1)
    else:
        with open(file, "rb") as opened:
            content = opened.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise Invalid(Problem("study_file", f"{file} is larger than {MAX_FILE_BYTES} bytes, which no study is"))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(Problem("study_file", f"{file} is not UTF-8 text", hint="save it as UTF-8")) from error
