"""The pool child: claims work, runs each batch in a process of its own, never imports torch itself."""

from __future__ import annotations

import logging
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tunewell.errors import TunewellError
from tunewell.protocol import Assignment, Claim, Finish, Protocol, Welcome

from worker.attempt import RunningAttempt
from worker.launcher import Launcher, Stream, describe_exit, trial_environment
from worker.messages import (
    BatchOrder,
    CheckpointSaved,
    Command,
    EpochDone,
    Exited,
    LaneEnded,
    Started,
    decode_from_child,
)
from worker.sender import MAX_REASON_CHARS, clean
from worker.settings import WorkerSettings

_TICK_S = 0.1
_GRACE_S = 3.0
_PREEMPT_WITHIN_S = 4.0
log = logging.getLogger(__name__)


class Supervisor:
    """Serves one slot.

    Args:
        settings: As the worker was started.
        welcome: What the API told when the worker registered.
        run_dir: The worker's folder.
        is_stopping: Tells whether the worker was told to end.
        protocol: The way to the server.
        start_launcher: Starts the program that trains.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        welcome: Welcome,
        run_dir: Path,
        is_stopping: Callable[[], bool],
        protocol: Protocol,
        start_launcher: Callable[[], Launcher] = Launcher,
    ) -> None:
        self._start_launcher = start_launcher
        self._settings = settings
        self._welcome = welcome
        self._run_dir = run_dir
        self._is_stopping = is_stopping
        self._protocol = protocol
        self._launcher: Launcher | None = None

    def warm_up(self) -> Launcher:
        """Return a program that has imported torch or is about to; start one where there is none."""
        if self._launcher is not None and self._launcher.poll() is not None:
            self.close()
        if self._launcher is None:
            self._launcher = self._start_launcher()
        return self._launcher

    def serve(self) -> int:
        """Work until there is nothing more to do. Returns the number of batches run."""
        n_batches = 0
        while not self._is_stopping():
            claim = self._claim()
            if claim is None or not claim.attempts:
                break
            attempts = self._begin(claim)
            if not attempts:
                break
            self._run(claim, attempts)
            n_batches += 1
        return n_batches

    def close(self) -> None:
        """End the program that imported torch, and a trial that may still run."""
        if self._launcher is not None:
            self._launcher.end()
            self._launcher = None

    def _claim(self) -> Claim | None:
        try:
            return self._protocol.claim(self._welcome.worker_id, self._settings.queues)
        except TunewellError as error:
            log.warning("cannot claim work: %s", error)  # the API rings again once it can
            return None

    def _begin(self, claim: Claim) -> list[RunningAttempt]:
        """Make the attempts' folders and spools; what this machine cannot write is handed back."""
        begun = []
        for one in claim.attempts:
            try:
                begun.append(RunningAttempt(one, self._protocol, self._run_dir, self._welcome.heartbeat_s))
            except OSError as error:
                log.error("attempt %s cannot begin here: %s", one.attempt_id, error)
                self._hand_back(one, f"the worker cannot write its folder: {error}")
        return begun

    def _hand_back(self, assignment: Assignment, reason: str) -> None:
        finish = Finish("CRASHED", clean(reason, MAX_REASON_CHARS), {}, is_retryable=True)
        try:
            self._protocol.finish(assignment.attempt_id, assignment.lease_token, finish)
        except TunewellError as error:
            log.warning("attempt %s is left to its lease: %s", assignment.attempt_id, error)

    def _run(self, claim: Claim, attempts: Sequence[RunningAttempt]) -> None:
        try:
            order = self._prepare(claim, attempts)
            if self._is_stopping():
                _end_all(attempts, "PREEMPTED", "the worker was told to end before training began")
            else:
                launcher = self.warm_up()
                launcher.order(order)
                Batch(launcher, attempts, self._is_stopping).run()
        except (TunewellError, OSError, subprocess.CalledProcessError) as error:
            log.exception("attempts %s failed on this worker", [one.assignment.attempt_id for one in attempts])
            self.close()
            _end_all(attempts, "CRASHED", f"the worker failed: {error}")
        if self._launcher is not None and self._launcher.poll() is not None:
            self.close()  # at once: what the trial had started must not outlive it
        self._wait_delivered(attempts)

    def _prepare(self, claim: Claim, attempts: Sequence[RunningAttempt]) -> BatchOrder:
        assert claim.model is not None
        assert claim.dataset is not None
        dataset_file = self._settings.dataset_dir / f"{claim.dataset_sha256}.npz"
        if not dataset_file.is_file():
            prepare_dataset(claim.dataset, self._settings.dataset_dir)
        return BatchOrder(
            model=claim.model,
            dataset_file=str(dataset_file),
            objective=claim.objectives[0].metric,
            checkpoint_every_s=self._welcome.checkpoint_every_s,
            lanes=tuple(attempt.order(self._protocol, self._pause) for attempt in attempts),
        )

    def _pause(self, delay_s: float) -> bool:
        """Wait; answer whether the worker was told to end."""
        end_s = time.monotonic() + delay_s
        while time.monotonic() < end_s and not self._is_stopping():
            time.sleep(_TICK_S)
        return self._is_stopping()

    def _wait_delivered(self, attempts: Sequence[RunningAttempt]) -> None:
        for attempt in attempts:
            while not attempt.sender.ended.wait(timeout=0.5):
                if self._is_stopping() and not attempt.sender.ended.wait(timeout=_GRACE_S):
                    log.warning("attempt %s: its end is kept in %s", attempt.assignment.attempt_id, attempt.outbox.path)
                    return
            attempt.discard()


class Batch:
    """One order under way: its process and the attempts it trains.

    Args:
        launcher: Has the order.
        attempts: A lane each.
        is_stopping: Tells whether the worker was told to end.
    """

    def __init__(self, launcher: Launcher, attempts: Sequence[RunningAttempt], is_stopping: Callable[[], bool]) -> None:
        self._launcher = launcher
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
                for attempt in self._attempts.values():
                    attempt.tick(now_s)
                self._steer(now_s)
                if self._exit_code is None:
                    self._exit_code = self._launcher.poll()
        for stream in list(self._launcher.descriptors.values()):
            self._read(stream)
        self._read_rest()
        _end_all(list(self._attempts.values()), "CRASHED", describe_exit(self._exit_code))

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
            self._preempt_by = now_s + _PREEMPT_WITHIN_S
            for attempt in running:
                self._launcher.tell(Command(attempt.lane, "preempt"))
        elif now_s > self._preempt_by:
            _end_all(running, "PREEMPTED", "the worker was told to end; the epoch that ran is lost")
            self._launcher.kill_trial()


def _end_all(attempts: Sequence[RunningAttempt], outcome: str, reason: str) -> None:
    for attempt in attempts:
        attempt.on_end(LaneEnded(attempt.lane, outcome, reason), time.monotonic())


def prepare_dataset(name: str, folder: Path) -> None:
    """Make a built-in data set in a process of its own: it needs libraries that training does not.

    Raises:
        CalledProcessError: It failed; its message is in the worker's log.
    """
    command = [sys.executable, "-m", "models", "prepare", name, "--cache-dir", str(folder)]
    root = Path(__file__).resolve().parent.parent
    subprocess.run(command, check=True, cwd=root, stdout=subprocess.DEVNULL, env=trial_environment())  # noqa: S603
