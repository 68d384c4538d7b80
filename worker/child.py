"""The trial process: `python -m worker.child MESSAGE_FD PARENT_PID`, and the forks it makes of itself.

The program imports torch once, with one thread and without a single tensor operation, and then forks for each order:
the fork is the trial's process. It starts in milliseconds, has a session of its own, and whatever it does to itself
(crash, out-of-memory kill, leak) ends with it; the importer stays as clean as it was. Messages go to a descriptor of
their own, so whatever the training prints is log text and can disturb nothing.

Why not a new program for each trial: see docs/decisions/0005-fork-from-a-warm-importer.md.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

from worker.lifeline import die_with_parent
from worker.messages import BatchOrder, Exited, Ready, Started, decode_command, decode_order, encode


class Channel:
    """The way to the supervisor. One writer at a time: a fork while it trains, else the importer."""

    def __init__(self, message_fd: int) -> None:
        self._out = os.fdopen(message_fd, "wb", buffering=0)

    def send(self, message: object) -> None:
        """Say something to the supervisor."""
        self._out.write(encode(message))

    def end_line(self) -> None:
        """End a line that a killed process may have left half-written; empty lines mean nothing."""
        self._out.write(b"\n")


class Decisions:
    """What the supervisor decided for lanes, as it arrives on standard input."""

    def __init__(self) -> None:
        self._by_lane: dict[str, str] = {}

    def listen(self) -> None:
        """Read commands until the input ends; then nobody is left to train for."""
        for line in iter(sys.stdin.buffer.readline, b""):
            command = decode_command(line)
            self._by_lane[command.lane] = command.decision
        os._exit(3)

    def get(self, lane: str) -> str:
        """Return the decision on a lane."""
        return self._by_lane.get(lane, "continue")


def main() -> None:
    """Fork for each order until the supervisor closes the input."""
    message_fd, parent_pid = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent_pid)
    channel = Channel(message_fd)
    import torch

    from worker import training

    training.preload()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    channel.send(Ready())
    for line in iter(sys.stdin.buffer.readline, b""):
        order = decode_order(line)
        if order is not None:
            channel.send(Exited(_run_forked(order, channel)))


def _run_forked(order: BatchOrder, channel: Channel) -> int:
    importer_pid = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        die_with_parent(importer_pid)
        try:
            _serve(order, channel)
        finally:
            os._exit(1)  # never back into the loop above
    channel.send(Started(pid))
    _, status = os.waitpid(pid, 0)
    try:
        os.killpg(pid, signal.SIGKILL)  # what the trial had started
    except ProcessLookupError:
        pass
    channel.end_line()
    return os.waitstatus_to_exitcode(status)


def _serve(order: BatchOrder, channel: Channel) -> None:
    from worker import training

    decisions = Decisions()
    threading.Thread(target=decisions.listen, name="commands", daemon=True).start()
    training.run_order(order, channel, decisions.get)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of the libraries have nothing left to do, and some take long to say so


if __name__ == "__main__":
    main()
