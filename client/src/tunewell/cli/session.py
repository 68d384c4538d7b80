"""What one call of the command line works with: the server, the consoles, and how errors end it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TextIO

import httpx
import typer
from rich.console import Console

from tunewell.client import Client
from tunewell.errors import Forbidden, Invalid, ServerUnreachable, TunewellError, Unauthorized
from tunewell.login import choose
from tunewell.terminal import clean

PIPE_WIDTH = 1000  # a program that reads our tables wants whole cells
EXIT_REFUSED, EXIT_USAGE, EXIT_UNREACHABLE, EXIT_UNAUTHORIZED, EXIT_STUDY_FAILED = 1, 2, 3, 4, 5


@dataclass(slots=True)
class Session:
    """The global options."""

    server: str | None = None
    token: str | None = None
    transport: httpx.BaseTransport | None = None

    def target(self) -> tuple[str, str | None]:
        """Return address and token, as options, environment or login say."""
        return choose(self.server, self.token)

    def client(self) -> Client:
        """Return a client of the chosen server, to be used as a context.

        Raises:
            Invalid: The address or the token cannot be one.
        """
        return Client(self.server, self.token, transport=self.transport)


def session_of(ctx: typer.Context) -> Session:
    """Return the session of a command's context."""
    session = ctx.find_object(Session)
    return session if session is not None else Session()


def console(stream: TextIO | None = None) -> Console:
    """Return a console on which brackets and colons are only brackets and colons."""
    stream = stream or sys.stdout
    width = None if stream.isatty() else PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)


def show_error(error: TunewellError) -> None:
    """Print an error to stderr: one plain sentence, and what to do about it."""
    what = f"{error.field}: {error.message}" if error.field else error.message
    sys.stderr.write(f"Error: {clean(what)}\n")
    if error.hint:
        sys.stderr.write(f"Hint: {clean(error.hint)}\n")


def exit_code_of(error: TunewellError) -> int:
    """Return the exit code that tells an error's kind."""
    if isinstance(error, ServerUnreachable):
        return EXIT_UNREACHABLE
    if isinstance(error, (Unauthorized, Forbidden)):
        return EXIT_UNAUTHORIZED
    if isinstance(error, Invalid) and error.status is None:
        return EXIT_USAGE  # refused here, before anything was sent
    return EXIT_REFUSED
