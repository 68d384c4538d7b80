"""The tree of commands and the options that all of them share."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tunewell import __version__
from tunewell.cli import (
    agent,
    audit,
    catalogue,
    code,
    compare,
    datasets,
    doctor,
    insight,
    login,
    optuna,
    replay,
    results,
    study,
    study_changes,
    study_edits,
    sync,
    timeline,
    token,
    trial,
)
from tunewell.cli.session import session_of

HELP = """Search hyperparameters of neural networks with a Tunewell server.

\b
Examples:
  tunewell study submit digits.yaml --watch
  tunewell study best digits-mlp
  tunewell study trials digits-mlp --order-by value --limit 5
  tunewell evaluate digits-mlp --baselines
  tunewell predict digits-mlp new.csv
  tunewell sync
  tunewell login --server https://tune.example.org
  tunewell doctor
  tunewell --server https://tune.example.org study list

\b
Exit codes: 0 done; 1 the server refused, or failed; 2 wrong usage, or an
unreadable file; 3 no server answers; 4 the token is missing, unknown or not
allowed to do this; 5 the watched study failed; 130 interrupted by Ctrl-C.
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False
)


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"tunewell {__version__}\n")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    server: Annotated[
        str | None,
        typer.Option(
            envvar="TUNEWELL_SERVER",
            help="Address of the server [default: of `tunewell login`, else http://127.0.0.1:8000]",
        ),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="TUNEWELL_TOKEN",
            help="Access token; better from `tunewell login` or the environment: `ps` shows it",
        ),
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit")
    ] = False,
) -> None:
    """Take the options before the command."""
    session = session_of(ctx)
    session.server, session.token = server, token


study_app = typer.Typer(help="Submit, watch, read and change studies.", no_args_is_help=True, rich_markup_mode=None)
study.add_commands(study_app)
study_changes.add_commands(study_app)
study_edits.add_commands(study_app)
replay.add_commands(study_app)
timeline.add_commands(study_app)
results.add_commands(app)
insight.add_commands(app)
compare.add_commands(app)
audit.add_commands(app)
optuna.add_commands(app)
sync.add_commands(app)
agent.add_commands(app)
login.add_commands(app)
doctor.add_commands(app)
app.add_typer(study_app, name="study")
app.add_typer(trial.app, name="trial")
datasets.add_commands(catalogue.dataset_app)
app.add_typer(catalogue.dataset_app, name="dataset")
app.add_typer(catalogue.model_app, name="model")
app.add_typer(catalogue.worker_app, name="worker")
app.add_typer(code.app, name="code")
app.add_typer(token.app, name="token")
