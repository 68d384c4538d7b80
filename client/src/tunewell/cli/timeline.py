"""The command that lists the attempts at a study's trials."""

from __future__ import annotations

from typing import Annotated

import typer

from tunewell._display import duration_words, state_text
from tunewell.cli.output import JsonFlag, print_json, print_table, time_words
from tunewell.cli.session import session_of
from tunewell.cli.study import StudyArgument
from tunewell.timeline import TimedAttempt

ATTEMPTS_HELP = """List when each attempt at a study's trials ran, where, and how it ended.

\b
Example:
  tunewell study attempts digits-mlp --limit 20
"""


def add_commands(app: typer.Typer) -> None:
    """Add the command to `tunewell study`."""
    app.command("attempts", help=ATTEMPTS_HELP)(attempts)


def attempts(
    ctx: typer.Context,
    study: StudyArgument,
    limit: Annotated[int, typer.Option(min=1, max=20_000, help="Most attempts, the newest of those there are")] = 100,
    as_json: JsonFlag = False,
) -> None:
    """List attempts, the newest last."""
    with session_of(ctx).client() as client:
        found = client.list_attempts(study, limit=limit)
    if as_json:
        print_json(found)
        return
    columns = ("TRIAL", "ATTEMPT", "WORKER", "SLOT", "STARTED", "TOOK", "STATE", "REASON")
    print_table(columns, [_row(one) for one in found], "No trial of this study has run yet.")


def _row(one: TimedAttempt) -> tuple[object, ...]:
    took_s = None if one.ended_at is None else (one.ended_at - one.started_at).total_seconds()
    return (
        one.trial_number,
        one.attempt_no,
        one.worker_name or "-",
        "-" if one.slot is None else one.slot,
        time_words(one.started_at),
        "-" if took_s is None else duration_words(took_s),
        state_text(one.state),
        one.reason,
    )
