"""The program between a command and the worker or agent that runs it: no command outlives who started it.

    python -I -S guard.py PARENT_PID WORD...

Standard input is the line of life. A byte of it is the order to end the command (SIGTERM to its process group); its
end, or that of the parent, however it came about, ends everything the command has started, also what left the group
(Linux: such processes become children of this one). Its own exit is the command's: the same code, or the same signal.

It imports little and nothing of ours, because each command waits for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

CANNOT_START = 127
_LOOK_EVERY_S = 0.5
_SWEEP_WITHIN_S = 5.0
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def main(parent_pid: int, words: Sequence[str]) -> int:
    """Run a command to its end, or to that of the parent. Returns its exit code, negative for a signal."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wake = _wake_on_ended_children()
    try:
        command = subprocess.Popen(  # noqa: S603 - whoever starts this program was asked to run it
            list(words), stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_die_with_parent
        )
    except OSError as error:
        os.write(2, f"{words[0]} cannot be started: {error.strerror}\n".encode())
        return CANNOT_START
    _let_go_of_outputs()
    signal.signal(signal.SIGTERM, lambda *_: _signal_group(command.pid, signal.SIGTERM))
    _watch(command, parent_pid, wake)
    _signal_group(command.pid, signal.SIGKILL)
    command.wait()
    _sweep()
    return command.returncode


def _watch(command: subprocess.Popen[bytes], parent_pid: int, wake: int) -> None:
    while command.poll() is None and os.getppid() == parent_pid:
        ready, _, _ = select.select([0, wake], [], [], _LOOK_EVERY_S)
        if wake in ready:
            os.read(wake, 1024)
        if 0 in ready:
            if not os.read(0, 1024):
                return
            _signal_group(command.pid, signal.SIGTERM)


def _wake_on_ended_children() -> int:
    """Return a descriptor that can be read as soon as a child has ended."""
    readable, writable = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return readable


def _die_with_parent() -> None:
    """End the command should this program be killed; called between fork and exec."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _let_go_of_outputs() -> None:
    """Leave the outputs to the command, so that they end with it."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (1, 2):
        os.dup2(nowhere, descriptor)


def _signal_group(pid: int, signum: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signum)


def _sweep() -> None:
    """Kill what the command has started in sessions of their own; their children become ours as they end."""
    until_s = time.monotonic() + _SWEEP_WITHIN_S
    while time.monotonic() < until_s:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.01)
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def _exit_as(code: int) -> None:
    """End as the command has ended."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with contextlib.suppress(OSError):  # SIGKILL has no handler to be taken away
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    _exit_as(main(int(sys.argv[1]), sys.argv[2:]))
