"""A claim's attempts while their process trains them: what it says goes to the attempts, what is decided to it."""

from __future__ import annotations

import logging
import selectors
import time
from collections.abc import Callable, Sequence

from tunewell.system.usage import Usage

from worker.attempt import RunningAttempt
from worker.launcher import Launcher, Stream, describe_exit
from worker.messages import (
    CheckpointSaved,
    Command,
    EpochDone,
    Exited,
    LaneEnded,
    LaneLog,
    MemoryUsed,
    Started,
    decode_from_child,
)

_TICK_S = 0.1
PREEMPT_WITHIN_S = 4.0
log = logging.getLogger(__name__)


class Batch:
    """One order under way: its process and the attempts it trains.

    Args:
        launcher: Has the order.
        attempts: A lane each.
        is_stopping: Tells whether the worker was told to end.
        usage: Reads what the training takes of the machine.
    """

    def __init__(
        self,
        launcher: Launcher,
        attempts: Sequence[RunningAttempt],
        is_stopping: Callable[[], bool],
        usage: Usage,
    ) -> None:
        self._launcher = launcher
        self._usage = usage
        self._attempts = {attempt.lane: attempt for attempt in attempts}
        self._is_stopping = is_stopping
        self._preempt_by: float | None = None
        self._exit_code: int | None = None
        self._selector = selectors.DefaultSelector()
        for descriptor, stream in launcher.descriptors.items():
            self._selector.register(descriptor, selectors.EVENT_READ, stream)

    def run(self) -> None:
        """Relay until the trial process is gone and all it said was read."""
        with self._selector:
            while self._exit_code is None:
                for key, _ in self._selector.select(timeout=_TICK_S):
                    self._read(key.data)
                now_s = time.monotonic()
                self._note_usage()
                for attempt in self._attempts.values():
                    attempt.tick(now_s)
                self._steer(now_s)
                if self._exit_code is None:
                    self._exit_code = self._launcher.poll()
        for stream in list(self._launcher.descriptors.values()):
            self._read(stream)
        self._read_rest()
        end_all(list(self._attempts.values()), "CRASHED", describe_exit(self._exit_code))

    def _note_usage(self) -> None:
        """Note what the process takes, for each trial that is in it: they share it, and nobody knows their parts."""
        values = self._usage.read_if_due(self._launcher.trial_pid)
        for attempt in self._attempts.values() if values else ():
            if not attempt.is_ended:
                attempt.on_usage(values)

    def _read(self, stream: Stream) -> None:
        descriptors = dict(self._launcher.descriptors)
        for line in self._launcher.read_lines(stream):
            if stream != "message":
                self._log(stream, line)
            elif line:
                self._handle(line)
        for descriptor in descriptors.keys() - self._launcher.descriptors.keys():
            if self._selector.get_map():
                self._selector.unregister(descriptor)

    def _log(self, stream: Stream, line: bytes) -> None:
        for attempt in self._attempts.values():
            attempt.on_log(stream, line)

    def _read_rest(self) -> None:
        """Take the last words of a process that printed and said its end through different pipes."""
        outputs: tuple[Stream, ...] = ("stdout", "stderr")
        for stream in outputs:
            if stream in self._launcher.descriptors.values():
                self._read(stream)
            rest = self._launcher.read_rest(stream)
            if rest:
                self._log(stream, rest)

    def _handle(self, line: bytes) -> None:
        try:
            message = decode_from_child(line)
        except ValueError:
            log.warning("a killed trial process left half a message: %r", line[:200])
            return
        now_s = time.monotonic()
        match message:
            case EpochDone():
                self._attempts[message.lane].on_epoch(message)
            case MemoryUsed():
                for attempt in self._attempts.values():
                    attempt.on_memory(message)
            case LaneLog():
                self._attempts[message.lane].on_log(message.stream, message.text.encode())
            case CheckpointSaved():
                self._attempts[message.lane].on_checkpoint(message, now_s)
            case LaneEnded():
                self._read_rest()
                self._attempts[message.lane].on_end(message, now_s)
            case Started():
                self._launcher.trial_pid = message.pid
            case Exited():
                self._launcher.trial_pid = None
                self._exit_code = message.code

    def _steer(self, now_s: float) -> None:
        running = [attempt for attempt in self._attempts.values() if not attempt.is_ended]
        for attempt in running:
            decision = attempt.new_decision()
            if decision is not None:
                self._launcher.tell(Command(attempt.lane, decision))
        if running and all(attempt.sender.is_lease_lost for attempt in running):
            log.warning("attempts %s are not ours any more: their process is ended", [a.lane for a in running])
            for attempt in running:
                attempt.is_ended = True
            self._launcher.kill_trial()
        if running and self._is_stopping():
            self._preempt(running, now_s)

    def _preempt(self, running: Sequence[RunningAttempt], now_s: float) -> None:
        if self._preempt_by is None:
            self._preempt_by = now_s + PREEMPT_WITHIN_S
            for attempt in running:
                self._launcher.tell(Command(attempt.lane, "preempt"))
        elif now_s > self._preempt_by:
            end_all(running, "PREEMPTED", "the worker was told to end; the epoch that ran is lost")
            self._launcher.kill_trial()


def end_all(attempts: Sequence[RunningAttempt], outcome: str, reason: str) -> None:
    """End those of the attempts that have not ended yet."""
    for attempt in attempts:
        attempt.on_end(LaneEnded(attempt.lane, outcome, reason), time.monotonic())
