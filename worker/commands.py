"""Commands of studies, run in a slot: the code is the agent's, what it says goes to an attempt's spool."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tunewell.code.cache import CodeCache
from tunewell.commands.execution import Stream, run_command
from tunewell.commands.place import Place, Program
from tunewell.errors import Invalid, NotFound, TunewellError
from tunewell.protocol import Claim, Outcome
from tunewell.records import ParamValue
from tunewell.system.usage import Usage

from worker.attempt import RunningAttempt
from worker.batch import end_all
from worker.messages import LaneEnded

log = logging.getLogger(__name__)


def run_commands(
    claim: Claim,
    attempts: Sequence[RunningAttempt],
    place: Place | None,
    cache: CodeCache,
    is_stopping: Callable[[], bool],
    usage: Usage,
) -> None:
    """Run the command of a claim for each of its attempts, one after the other, to their ends.

    Args:
        claim: Has a command.
        attempts: Of the claim.
        place: Where this machine runs commands; None: nowhere, and the attempts are refused.
        cache: Where code comes from that does not lie here.
        is_stopping: Tells whether the worker was told to end.
        usage: Reads what a command takes of the machine.
    """
    if place is None:
        refusal = "this worker runs no commands: it was not started with --allow-commands"
        _end_for_good(attempts, refusal)
        return
    program = Program(claim.command or (), claim.venv, claim.source)
    for attempt in attempts:
        if is_stopping():
            end_all([attempt], "PREEMPTED", "the worker was told to end before the command began")
            continue
        trial = AttemptTrial(attempt, is_stopping, usage)
        try:
            folder = attempt.folder / "command"
            folder.mkdir()
            run_command(trial, place, program, folder, cache, trial.tick)
        except (Invalid, NotFound) as error:  # of the study: it would fail everywhere
            _end_for_good([attempt], str(error))
        except InterruptedError:
            end_all([attempt], "PREEMPTED" if is_stopping() else "STOPPED", "told to end before its code was here")
        except TunewellError as error:
            end_all([attempt], "CRASHED", f"the code cannot be fetched: {error}")
        except OSError as error:
            log.exception("attempt %s failed on this worker", attempt.lane)
            end_all([attempt], "CRASHED", f"the worker failed: {error}")


def _end_for_good(attempts: Sequence[RunningAttempt], reason: str) -> None:
    for attempt in attempts:
        attempt.on_end(LaneEnded(attempt.lane, "CRASHED", reason, is_retryable=False), time.monotonic())


class AttemptTrial:
    """An attempt, as who runs its command sees it. Lines come from threads, so that what is pending has a lock."""

    def __init__(self, attempt: RunningAttempt, is_stopping: Callable[[], bool], usage: Usage) -> None:
        self._attempt = attempt
        self._is_stopping = is_stopping
        self._usage = usage
        self._lock = threading.Lock()

    @property
    def params(self) -> Mapping[str, ParamValue]:
        """The trial's parameters."""
        return self._attempt.assignment.params

    @property
    def decision(self) -> str:
        """What the server said last; `preempt` where the worker was told to end, `lost` without the lease."""
        sender = self._attempt.sender
        if sender.is_lease_lost:
            return "lost"
        if self._is_stopping():
            return "preempt"
        return "continue" if sender.decision is None else sender.decision.decision

    def log_line(self, text: str, stream: Stream) -> None:
        """Keep a line of output."""
        with self._lock:
            self._attempt.on_log(stream, text.encode())

    def relay_report(self, body: Mapping[str, Any]) -> None:
        """Spool what the script reported, behind what was said before."""
        with self._lock:
            self._attempt.flush(time.monotonic())
            self._attempt.outbox.report({name: value for name, value in body.items() if name != "seq"})
        self._attempt.sender.wake()

    def relay_file(self, body: Mapping[str, Any]) -> None:
        """Spool a file of the script's; it lies in the attempt's folder until it was sent."""
        with self._lock:
            self._attempt.flush(time.monotonic())
            path = Path(body["path"])
            self._attempt.outbox.upload(name=body["name"], kind=body["artifact_kind"], path=path, step=body["step"])
        self._attempt.sender.wake()

    def end(self, outcome: Outcome, reason: str, values: Mapping[str, float]) -> None:
        """Spool the end, unless the attempt is somebody else's by now."""
        with self._lock:
            if self._attempt.sender.is_lease_lost:
                self._attempt.is_ended = True
                return
            ended = LaneEnded(self._attempt.lane, outcome, reason, is_retryable=False, metrics=values)
            self._attempt.on_end(ended, time.monotonic())

    def tick(self, pid: int) -> None:
        """Spool what is pending, soon, and what the command takes of the machine."""
        values = self._usage.read_if_due(pid)
        with self._lock:
            if values:
                self._attempt.on_usage(values)
            self._attempt.tick(time.monotonic())
