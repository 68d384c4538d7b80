"""Runs of `python -m models` by the supervisor, in whose own process torch and scikit-learn have no place."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from worker.launcher import trial_environment
from worker.lifeline import die_with_parent

_POLL_S = 0.1
_ROOT = Path(__file__).resolve().parent.parent
_MAX_REASON_CHARS = 1500


class Stopped(Exception):
    """The worker was told to end, or nobody waits for the result any more."""


class ProgramFailed(RuntimeError):
    """The program said no, or died; the message is the end of what it said.

    Attributes:
        is_killed: Whether a signal ended it: that may not happen again.
    """

    def __init__(self, message: str, *, is_killed: bool) -> None:
        """Keep both."""
        super().__init__(message)
        self.is_killed = is_killed


def run_models(arguments: Sequence[str], tick: Callable[[], None]) -> str:
    """Run `python -m models` to its end, in a session of its own.

    Args:
        arguments: What follows.
        tick: Called a few times a second; what it raises ends the program and all that it has started.

    Returns:
        What it printed.

    Raises:
        ProgramFailed: Its exit code is not 0.
        OSError: It cannot be started, or its output not be kept.
    """
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as errors:
        parent_pid = os.getpid()
        process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "models", *arguments],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=errors,
            env=trial_environment(),
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent_pid),
        )
        try:
            _wait(process, tick)
        finally:
            _kill_group(process)
        if process.returncode == 0:
            return _read(answer)
        said = _read(errors).strip()[-_MAX_REASON_CHARS:]
        how = f"python -m models {arguments[0]} ended with code {process.returncode}"
        raise ProgramFailed(said or how, is_killed=process.returncode < 0)


def _wait(process: subprocess.Popen[bytes], tick: Callable[[], None]) -> None:
    while True:
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            tick()
        else:
            return


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what the program has started, and itself where it still runs."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
