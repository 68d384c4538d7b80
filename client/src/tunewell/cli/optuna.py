"""Commands for people who come from Optuna: a local endpoint for scripts, and copies of studies there and back."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tunewell.cli.session import console, session_of
from tunewell.login import token_for_host
from tunewell.optuna_forward import DEFAULT_PORT, forwarding, import_extra
from tunewell.optuna_transfer import copy_study, find_study, open_server, open_storage
from tunewell.terminal import clean

_WARNING = 30
HERE = f"127.0.0.1:{DEFAULT_PORT}"
Tls = Annotated[bool, typer.Option("--tls", help="The endpoint, or a proxy in front of it, speaks TLS")]
Endpoint = Annotated[str, typer.Option(help="HOST:PORT of the server's gRPC endpoint (its TUNEWELL_GRPC_PORT)")]

PROXY_HELP = """Let an unmodified script of Optuna's use a server that wants a token.

\b
Listens on this machine only, adds the token (--token, TUNEWELL_TOKEN, or that of
`tunewell login` for this host) to each call and hands it on. In the script:
  storage = optuna.storages.GrpcStorageProxy(host="localhost", port=13000)

\b
Examples:
  tunewell optuna-proxy tune.example.org:13000 --tls
  tunewell optuna-proxy 127.0.0.1:13001 --port 13000
"""

IMPORT_HELP = """Copy a study of Optuna's to the server, with all it holds.

\b
Examples:
  tunewell optuna import study.db
  tunewell optuna import journal.log --study mnist --name mnist-2025
  tunewell optuna import postgresql://user@host/optuna --study mnist
"""

EXPORT_HELP = """Copy a study from the server into a storage of Optuna's.

\b
TARGET is a URL or the path of a file, which is made where there is none:
a journal where it ends in .log, .journal or .jsonl, else SQLite.

\b
Examples:
  tunewell optuna export mnist study.db
  tunewell optuna export mnist journal.log --name mnist-copy
"""

app = typer.Typer(help="Copy studies from Optuna and back.", no_args_is_help=True, rich_markup_mode=None)


def add_commands(top: typer.Typer) -> None:
    """Add `tunewell optuna-proxy` and `tunewell optuna`."""
    top.command("optuna-proxy", help=PROXY_HELP)(proxy)
    app.command("import", help=IMPORT_HELP)(import_study)
    app.command("export", help=EXPORT_HELP)(export_study)
    top.add_typer(app, name="optuna")


def proxy(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The server's gRPC endpoint")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0: a free port")] = DEFAULT_PORT,
    tls: Tls = False,
) -> None:
    """Forward calls until a signal comes."""
    over = threading.Event()
    with forwarding(address, _token(ctx, address), port=port, has_tls=tls) as bound:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
        sys.stdout.write(f"Forwarding 127.0.0.1:{bound} to {clean(address)}; Ctrl-C ends it\n")
        sys.stdout.flush()
        over.wait()


def import_study(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="URL of a storage of Optuna's, or path of a SQLite or journal file")],
    study: Annotated[str | None, typer.Option(help="Which study, where there are several")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the copy [default: the same]")] = None,
    to: Endpoint = HERE,
    tls: Tls = False,
) -> None:
    """Copy a study to the server."""
    storage = open_storage(source)
    chosen = find_study(storage, study)
    with open_server(to, _token(ctx, to), has_tls=tls) as server, _bar() as show:
        n_trials = copy_study(storage, server, chosen, name or chosen, show)
    sys.stdout.write(f"Imported {clean(name or chosen)} with {n_trials} trials\n")


def export_study(
    ctx: typer.Context,
    study: Annotated[str, typer.Argument(help="Name of the study")],
    target: Annotated[str, typer.Argument(help="URL of a storage of Optuna's, or path of a file")],
    name: Annotated[str | None, typer.Option(help="Name of the copy [default: the same]")] = None,
    source: Annotated[str, typer.Option("--from", help="HOST:PORT of the server's gRPC endpoint")] = HERE,
    tls: Tls = False,
) -> None:
    """Copy a study from the server."""
    with open_server(source, _token(ctx, source), has_tls=tls) as server, _bar() as show:
        chosen = find_study(server, study)
        n_trials = copy_study(server, open_storage(target, is_new=True), chosen, name or chosen, show)
    sys.stdout.write(f"Exported {clean(name or chosen)} with {n_trials} trials to {clean(target)}\n")


def _token(ctx: typer.Context, address: str) -> str | None:
    """Return the token for a gRPC endpoint; the login's only on the host of its server."""
    return session_of(ctx).token or token_for_host(address.rpartition(":")[0])


class _Bar:
    """A progress bar on stderr, where it does not mix with what a program reads."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("trials", total=None)

    def __call__(self, n_done: int, n_all: int) -> None:
        self._progress.update(self._task, completed=n_done, total=n_all)


@contextmanager
def _bar() -> Iterator[_Bar]:
    import_extra("optuna.logging").set_verbosity(_WARNING)  # its notices would tear the bar apart
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(sys.stderr)) as progress:
        yield _Bar(progress)
