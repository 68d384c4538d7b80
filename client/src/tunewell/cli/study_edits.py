"""Commands that change what a study searches while it runs: edit, preview, undo, edits, enqueue."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer

from tunewell._display import params_words
from tunewell._study_calls import StudyChanges
from tunewell.cli.edit_preview import print_preview
from tunewell.cli.output import JsonFlag, print_json, print_table, time_words
from tunewell.cli.session import EXIT_REFUSED, session_of
from tunewell.cli.study import StudyArgument
from tunewell.edits import StudyEdit
from tunewell.errors import Invalid, Problem
from tunewell.studyfile import parse_value
from tunewell.terminal import clean

EDIT_HELP = """Change what a study searches, and how much, while it runs.

Trials that have run stay what they are, and the sampler goes on learning from
those that fit. A parameter that you add was, for them, what the study fixed it
to, or the model's default. Trials that wait and fit no longer get other values.

\b
Examples:
  tunewell study edit digits-mlp --limit n_trials=80
  tunewell study edit digits-mlp --set learning_rate.high=0.3
  tunewell study edit digits-mlp --set 'dropout={type: float, low: 0, high: 0.5}'
  tunewell study edit digits-mlp --set activation=null
  tunewell study edit digits-mlp --constraint 'batch_size <= 4 * hidden_units'
  tunewell study edit digits-mlp --limit timeout_s=7200 --limit target=null
"""
PREVIEW_HELP = """Say what an edit would come to, without making it.

It takes what `tunewell study edit` takes, and shows what each setting is and
would be, how many finished trials still fit, and everything that is wrong. The
exit code is 1 where something is wrong.

\b
Example:
  tunewell study preview digits-mlp --set learning_rate.high=0.3
"""
ENQUEUE_HELP = """Add trials to run; what you leave out the study's sampler chooses.

A point is written as NAME=VALUE, several with commas between them. All points
are added, or none.

\b
Examples:
  tunewell study enqueue digits-mlp learning_rate=0.01,activation=relu
  tunewell study enqueue digits-mlp hidden_units=64 hidden_units=128
  tunewell study enqueue digits-mlp learning_rate=0.01 --note "as in the paper"
"""


FORK_HELP = """Make a study of another one, with changes.

It has the old one's settings but for what you change, a seed of its own, and
learns from the old one's finished trials that fit it: those whose values a trial
of the new study would have had. They count in no budget. The old study goes on.

\b
Examples:
  tunewell study fork digits-mlp digits-wide --change search_space.hidden_units.high=256
  tunewell study fork digits-mlp digits-more --change budget.n_trials=80
  tunewell study fork digits-mlp digits-tpe --change 'sampler={name: tpe}'
  tunewell study fork digits-mlp wine-mlp --change dataset=wine --without-history
"""


def add_commands(app: typer.Typer) -> None:
    """Add the commands to `tunewell study`."""
    app.command("edit", help=EDIT_HELP)(edit)
    app.command("preview", help=PREVIEW_HELP)(preview)
    app.command("undo", help="Undo the latest edit of a study, by an edit that reverses it.")(undo)
    app.command("edits", help="List how a study's space and budget were changed, oldest first.")(list_edits)
    app.command("enqueue", help=ENQUEUE_HELP)(enqueue)
    app.command("fork", help=FORK_HELP)(fork)


Values = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="NAME[.FIELD]=VALUE", help="Add or replace a parameter or a field of it; null removes it"
    ),
]
Constraints = Annotated[
    list[str] | None, typer.Option(metavar="TEXT", help="Replaces all constraints; '' alone removes them")
]
Limits = Annotated[
    list[str] | None, typer.Option(metavar="NAME=VALUE", help="Change a limit of the budget; null: none")
]


def edit(
    ctx: typer.Context,
    study: StudyArgument,
    values: Values = None,
    constraint: Constraints = None,
    limit: Limits = None,
    as_json: JsonFlag = False,
) -> None:
    """Change a study's space and budget."""
    _change(ctx, study, _changes(values, constraint, limit), as_json=as_json)


def preview(
    ctx: typer.Context,
    study: StudyArgument,
    values: Values = None,
    constraint: Constraints = None,
    limit: Limits = None,
    as_json: JsonFlag = False,
) -> None:
    """Look a change over."""
    with session_of(ctx).client() as client:
        found = client.check_edit(study, **_changes(values, constraint, limit))
    if as_json:
        print_json(found)
    else:
        print_preview(found)
    if found.problems:
        raise typer.Exit(EXIT_REFUSED)


def undo(ctx: typer.Context, study: StudyArgument, as_json: JsonFlag = False) -> None:
    """Reverse the latest edit."""
    with session_of(ctx).client() as client:
        made = client.list_edits(study)
    if not made or not made[-1].undo:
        why = "its latest edit only raised the number of trials" if made else "nothing was changed"
        raise Invalid(Problem("nothing_to_undo", f"study {study} has nothing to undo: {why}", field="study"))
    _change(ctx, study, cast("StudyChanges", dict(made[-1].undo)), as_json=as_json)


def _change(ctx: typer.Context, study: str, changes: StudyChanges, *, as_json: bool) -> None:
    with session_of(ctx).client() as client:
        n_before = len(client.list_edits(study))
        changed = client.update_study(study, **changes)
        made = client.list_edits(changed.study_id)[n_before:]
    if as_json:
        print_json(changed)
        return
    n_replaced = sum(len(one.replaced) for one in made)
    waiting = f"; {n_replaced} waiting trials got other parameters" if n_replaced else ""
    sys.stdout.write(
        f"Changed {clean(changed.name)}{waiting}\n" if made else f"{clean(changed.name)} is that already\n"
    )


def fork(
    ctx: typer.Context,
    study: StudyArgument,
    name: Annotated[str, typer.Argument(help="Of the new study.")],
    change: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD[.PART]=VALUE", help="A field of the study, or of its space or budget a part alone"),
    ] = None,
    without_history: Annotated[
        bool, typer.Option("--without-history", help="Do not learn from the old study's trials")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Make a study of another one."""
    changes: dict[str, Any] = {}
    for path, value in (_pair(text, "--change") for text in change or ()):
        _put(changes, path.split("."), value)
    with session_of(ctx).client() as client:
        made = client.fork_study(study, name, history="none" if without_history else "finished", changes=changes)
        n_lent = sum(one.n_trials for one in client.list_lenders(made.study_id))
    if as_json:
        print_json(made)
        return
    sys.stdout.write(
        f"Submitted {clean(made.name)} as study {made.study_id}; it learns from {n_lent} finished trials\n"
    )


def list_edits(ctx: typer.Context, study: StudyArgument, as_json: JsonFlag = False) -> None:
    """List changes."""
    with session_of(ctx).client() as client:
        found = client.list_edits(study)
    if as_json:
        print_json(list(found))
        return
    rows = [(one.edit_no, time_words(one.created_at), one.author, one.next_number, _words(one)) for one in found]
    print_table(("EDIT", "AT", "BY", "FROM TRIAL", "CHANGED"), rows, "Nothing was changed since it was submitted.")


def enqueue(
    ctx: typer.Context,
    study: StudyArgument,
    points: Annotated[list[str], typer.Argument(metavar="NAME=VALUE,...", help="A point, in whole or in part")],
    note: Annotated[str, typer.Option(help="Why, for people")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Add points."""
    given: list[dict[str, Any]] = [dict(_pair(text, "a point") for text in point.split(",")) for point in points]
    with session_of(ctx).client() as client:
        added = client.enqueue_trials(study, given, note=note)
    if as_json:
        print_json(list(added))
        return
    print_table(("TRIAL", "PARAMETERS"), [(one.number, params_words(one.params)) for one in added], "")


def _put(changes: dict[str, Any], path: list[str], value: object) -> None:
    """Set a field, or a part of one such as `search_space.units.high`."""
    name, *rest = path
    if not rest:
        changes[name] = value
        return
    if not isinstance(changes.get(name), dict):
        changes[name] = {}
    _put(changes[name], rest, value)


def _changes(values: list[str] | None, constraint: list[str] | None, limit: list[str] | None) -> StudyChanges:
    changes: StudyChanges = {}
    space = _space(values or ())
    limits: dict[str, Any] = dict(_pair(text, "--limit") for text in limit or ())
    if space:
        changes["search_space"] = space
    if constraint is not None:
        changes["constraints"] = [text for text in constraint if text]
    if limits:
        changes["budget"] = limits
    if not changes:
        raise Invalid(Problem("nothing_to_change", "no change was given", hint="see `tunewell study edit --help`"))
    return changes


def _space(values: Sequence[str]) -> dict[str, Any]:
    space: dict[str, Any] = {}
    for text in values:
        place, value = _pair(text, "--set")
        name, dot, part = place.partition(".")
        if dot:
            space[name] = {**(space.get(name) or {}), part: value}
        else:
            space[name] = value
    return space


def _pair(text: str, source: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not name.strip() or not equals:
        problem = Problem("not_a_pair", f"{source}: {text!r:.60} is no NAME=VALUE", hint="such as learning_rate=0.01")
        raise Invalid(problem)
    return name.strip(), parse_value(value, source)


def _words(edit: StudyEdit) -> str:
    words = []
    for part, after in edit.after.items():
        before = edit.before.get(part)
        if isinstance(after, dict) and isinstance(before, dict):
            words += [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
        else:
            words.append(part)
    return clean(", ".join(dict.fromkeys(words)))
