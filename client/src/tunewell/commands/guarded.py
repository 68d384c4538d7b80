"""A command under the guard that ends it when this process ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_GUARD = Path(__file__).with_name("guard.py")
_END_WITHIN_S = 10.0


class GuardedProcess:
    """A command in a process group of its own.

    Args:
        words: The command.
        folder: Where it runs.
        environment: All its variables.

    Raises:
        OSError: Its guard cannot be started.
    """

    def __init__(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - running the study's command is what was opted in to
            [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *words],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The guard's process id; the command is its child."""
        return self._process.pid

    @property
    def outputs(self) -> tuple[IO[bytes], IO[bytes]]:
        """The command's standard output and standard error."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        return self._process.stdout, self._process.stderr

    def wait(self, timeout_s: float) -> int | None:
        """Return the command's exit code, negative for a signal; None if it still runs after the time."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self) -> None:
        """Send SIGTERM to the command's process group."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError, ValueError):  # it has ended
            self._process.stdin.write(b"t")
            self._process.stdin.flush()

    def end(self) -> int:
        """Kill the command and all it has started, where anything of it still runs. Returns the exit code."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        code = self.wait(_END_WITHIN_S)
        if code is None:  # a guard that somebody has stopped
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            code = self._process.wait()
        return code
