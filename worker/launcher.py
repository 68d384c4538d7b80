"""The supervisor's handle on the program that forks trial processes (`worker.child`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, TypeAlias

from tunewell.commands.place import without_secrets

from worker.messages import BatchOrder, Command, encode

Stream: TypeAlias = Literal["message", "stdout", "stderr"]
_ROOT = Path(__file__).resolve().parent.parent
_MAX_LINE_BYTES = 1 << 20
# One thread a slot: two on small networks gain nothing and collapse on a busy machine. The allocator keeps what it
# has: returning memory to the system after each batch costs 11 to 28 % of a small network's time.
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
}


class Launcher:
    """Runs one order at a time, each in a process of its own.

    Made in the supervisor's main thread, whose end would end the program.

    Args:
        module: The program; tests have one that misbehaves.
    """

    def __init__(self, module: str = "worker.child") -> None:
        message_read, message_write = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-m", module, str(message_write), str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(message_write,),
                start_new_session=True,
                cwd=_ROOT,
                env=trial_environment(),
            )
        except BaseException:
            os.close(message_read)
            raise
        finally:
            os.close(message_write)
        self.pid = self._process.pid
        self.trial_pid: int | None = None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._files: dict[Stream, IO[bytes]] = {
            "message": os.fdopen(message_read, "rb", buffering=0),
            "stdout": self._process.stdout,
            "stderr": self._process.stderr,
        }
        self._partial: dict[Stream, bytes] = dict.fromkeys(self._files, b"")
        for file in self._files.values():
            os.set_blocking(file.fileno(), False)

    @property
    def descriptors(self) -> dict[int, Stream]:
        """What to wait on, and what each carries; streams that ended are left out."""
        return {file.fileno(): stream for stream, file in self._files.items() if not file.closed}

    def order(self, batch: BatchOrder) -> None:
        """Hand over an order; the one before has `Exited`."""
        self.trial_pid = None
        self._send(encode(batch))

    def tell(self, command: Command) -> None:
        """Tell the running trial process how a lane goes on."""
        self._send(encode(command))

    def read_lines(self, stream: Stream) -> Iterator[bytes]:
        """Yield the complete lines that have arrived; closes the stream at its end. Never blocks."""
        file = self._files[stream]
        try:
            data = os.read(file.fileno(), 1 << 16)
        except BlockingIOError:
            return
        buffer = self._partial[stream] + data
        if not data:
            file.close()
            if buffer:
                yield buffer
            self._partial[stream] = b""
            return
        *lines, rest = buffer.split(b"\n")
        if len(rest) > _MAX_LINE_BYTES:  # a progress bar without line ends must not fill the memory
            lines.append(rest)
            rest = b""
        self._partial[stream] = rest
        yield from lines

    def read_rest(self, stream: Stream) -> bytes:
        """Return a last line that has no end, empty for none: the next order's output begins a line of its own."""
        rest = self._partial[stream]
        self._partial[stream] = b""
        return rest

    def poll(self) -> int | None:
        """Return the program's exit code, negative for a signal; None while it runs."""
        return self._process.poll()

    def kill_trial(self) -> None:
        """Kill the trial process and all it started; `Exited` follows. Without one, end the program."""
        if self.trial_pid is None:
            self.end()
            return
        _kill_group(self.trial_pid)

    def end(self) -> int:
        """End the program and with it the trial. Returns the exit code."""
        if self.trial_pid is not None:
            _kill_group(self.trial_pid)
        if self.poll() is None:
            _kill_group(self.pid)
        code = self._process.wait()
        self.close()
        return code

    def close(self) -> None:
        """Give the descriptors back."""
        for file in (*self._files.values(), self._process.stdin):
            if file is not None and not file.closed:
                try:
                    file.close()
                except BrokenPipeError:
                    continue

    def _send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            return  # it has ended; its exit code will tell


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def describe_exit(code: int) -> str:
    """Say in words how a process ended."""
    if code >= 0:
        return f"the trial process exited with code {code} before it had finished"
    known = {number.value: number.name for number in signal.Signals}
    name = known.get(-code, f"signal {-code}")
    hint = " (out of memory?)" if -code == signal.SIGKILL else ""
    return f"the trial process was killed by {name}{hint}"


def trial_environment() -> dict[str, str]:
    """Return the environment of processes that train: without this service's secrets, with one thread each."""
    return {**without_secrets(os.environ), **_ENVIRONMENT}
