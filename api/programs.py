"""Runs of `python -m models` by the control plane, which reads no data itself: confined, timed, bounded in output."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).parents[1]
_POLL_S = 0.1
_MAX_ANSWER_BYTES = 8 * 2**20
_MAX_REASON_CHARS = 1000
# Each thread of a numerical library would reserve memory of its own, and take a core from the trials that train here.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class ProgramFailed(RuntimeError):
    """There is no answer; the message says why.

    Attributes:
        code: What stopped it: `out_of_time`, `out_of_memory`, or what it said itself.
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may take.

    Attributes:
        memory_bytes: Of address space.
        file_bytes: Of any file that it writes.
        time_s: Seconds until it is killed.
    """

    memory_bytes: int
    file_bytes: int
    time_s: float


def run_models(arguments: Sequence[str], limits: Limits, tick: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Run `python -m models` to its end and return the object that it printed. Blocks; not for the event loop.

    Args:
        arguments: What follows.
        limits: What it may take.
        tick: Called a few times a second; what it raises ends the program.

    Raises:
        ProgramFailed: It said no, died, or took too much.
    """
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as errors:
        confined = [str(os.getpid()), str(limits.memory_bytes), str(limits.file_bytes)]
        process = subprocess.Popen(  # noqa: S603 - our own modules; what users say is data among the arguments
            [sys.executable, "-m", "api.confine", *confined, "models", *arguments],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=errors,
            env=_environment(),
            start_new_session=True,
        )
        try:
            _wait(process, limits.time_s, tick)
        finally:
            _kill_group(process)
        if process.returncode != 0:
            raise _failure(arguments[0], process.returncode, _read(errors))
        found: dict[str, Any] = json.loads(_read(answer))
        return found


def _environment() -> dict[str, str]:
    # No secret of the server's goes where foreign bytes are read.
    return {**{key: value for key, value in os.environ.items() if not key.startswith("TUNEWELL_")}, **_ONE_THREAD}


def _wait(process: subprocess.Popen[bytes], time_s: float, tick: Callable[[], None]) -> None:
    ends_at = time.monotonic() + time_s
    while True:
        try:
            process.wait(_POLL_S)
            return
        except subprocess.TimeoutExpired:
            tick()
            if time.monotonic() > ends_at:
                message = f"it took longer than {time_s:g} s, which is the limit here"
                raise ProgramFailed("out_of_time", message) from None


def _failure(command: str, returncode: int, said: str) -> ProgramFailed:
    if "MemoryError" in said or "Unable to allocate" in said or returncode == -signal.SIGKILL:
        return ProgramFailed("out_of_memory", "it needs more memory than is allowed here")
    last = said.strip().splitlines()[-1] if said.strip() else f"python -m models {command} ended with {returncode}"
    code, colon, message = last.partition(": ")
    is_refusal = bool(colon) and code.isidentifier() and code.islower()
    return ProgramFailed(
        code if is_refusal else "program_failed", (message if is_refusal else last)[:_MAX_REASON_CHARS]
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MAX_ANSWER_BYTES).decode("utf-8", "replace")
