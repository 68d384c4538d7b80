"""The command `tunewell`.

Exit codes: 0 done; 1 the server refused, or failed; 2 wrong usage, or a file that cannot be read; 3 no server answers;
4 the token is missing, unknown or not allowed to do this; 5 the watched study failed; 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import httpx
from typer.main import get_command

from tunewell.cli.app import app
from tunewell.cli.session import Session, exit_code_of, show_error
from tunewell.errors import Invalid, Problem, TunewellError


def main(argv: Sequence[str] | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
    """Run the command line and exit.

    Args:
        argv: Arguments; those of the process where None.
        transport: Replaces the network, for tests.

    Raises:
        SystemExit: Always, with the exit code.
    """
    # Not `app()`: that would install a hook which prints tracebacks of its own.
    command = get_command(app)
    try:
        command.main(None if argv is None else list(argv), prog_name="tunewell", obj=Session(transport=transport))
    except TunewellError as error:
        show_error(error)
        sys.exit(exit_code_of(error))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        show_error(Invalid(Problem("file", f"{where}{error.strerror or error}")))
        sys.exit(2)


__all__ = ["main"]
