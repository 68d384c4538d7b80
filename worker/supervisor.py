"""The pool child: claims work, runs each batch in a process of its own, never imports torch itself."""

from __future__ import annotations

import logging
import selectors
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, cast

from tunewell.errors import TunewellError
from tunewell.protocol import (
    Assignment,
    Claim,
    EvaluationFinish,
    EvaluationOrder,
    EvaluationPlan,
    Finish,
    Protocol,
    Repeats,
    Welcome,
)

from worker.attempt import RunningAttempt
from worker.evaluations import EvaluationRun
from worker.launcher import Launcher, Stream, describe_exit, trial_environment
from worker.messages import (
    BatchOrder,
    CheckpointSaved,
    Command,
    EpochDone,
    Exited,
    LaneEnded,
    LaneLog,
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
            if self._evaluate():  # short, and somebody waits for it
                n_batches += 1
                continue
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
            worker_id, queues = self._welcome.worker_id, self._settings.queues
            return self._protocol.claim(worker_id, queues, self._settings.n_lanes, slot=self._settings.slot)
        except TunewellError as error:
            log.warning("cannot claim work: %s", error)  # the API rings again once it can
            return None

    def _evaluate(self) -> bool:
        """Do an evaluation, if one is asked for."""
        try:
            order = self._protocol.claim_evaluation(self._welcome.worker_id, self._settings.queues).order
        except TunewellError as error:
            log.warning("cannot claim evaluations: %s", error)
            return False
        if order is None:
            return False
        folder = self._run_dir / "work" / f"evaluation-{order.evaluation_id}-{order.attempt_no}"
        run = EvaluationRun(order, self._protocol, folder, self._welcome.heartbeat_s, self._is_stopping)
        try:
            dataset_file = find_dataset(order.dataset, order.dataset_sha256, self._settings.dataset_dir)
        except (OSError, DatasetUnavailable) as error:
            finish = EvaluationFinish("CRASHED", clean(str(error), MAX_REASON_CHARS), is_retryable=True)
            self._tell_end(order, finish)
            return True
        run.run(dataset_file)
        return True

    def _tell_end(self, order: EvaluationOrder, finish: EvaluationFinish) -> None:
        try:
            self._protocol.finish_evaluation(order.evaluation_id, order.lease_token, finish)
        except TunewellError as error:
            log.warning("evaluation %s is left to its lease: %s", order.evaluation_id, error)

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
        except (TunewellError, OSError, DatasetUnavailable) as error:
            log.exception("attempts %s failed on this worker", [one.assignment.attempt_id for one in attempts])
            self.close()
            _end_all(attempts, "CRASHED", f"the worker failed: {error}")
        if self._launcher is not None and self._launcher.poll() is not None:
            self.close()  # at once: what the trial had started must not outlive it
        self._wait_delivered(attempts)

    def _prepare(self, claim: Claim, attempts: Sequence[RunningAttempt]) -> BatchOrder:
        assert claim.model is not None
        assert claim.dataset is not None
        assert claim.dataset_sha256 is not None
        dataset_file = find_dataset(claim.dataset, claim.dataset_sha256, self._settings.dataset_dir)
        repeats, evaluation = claim.repeats or Repeats(), claim.evaluation or EvaluationPlan()
        return BatchOrder(
            model=claim.model,
            dataset_file=str(dataset_file),
            objective=claim.objectives[0].metric,
            direction=claim.objectives[0].direction,
            n_repeats=repeats.n,
            choose=cast(Literal["mean", "best", "worst"], repeats.choose),
            is_racing=repeats.racing,
            n_folds=evaluation.folds or 0,
            incumbent=claim.incumbent,
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
            self._preempt_by = now_s + _PREEMPT_WITHIN_S
            for attempt in running:
                self._launcher.tell(Command(attempt.lane, "preempt"))
        elif now_s > self._preempt_by:
            _end_all(running, "PREEMPTED", "the worker was told to end; the epoch that ran is lost")
            self._launcher.kill_trial()


def _end_all(attempts: Sequence[RunningAttempt], outcome: str, reason: str) -> None:
    for attempt in attempts:
        attempt.on_end(LaneEnded(attempt.lane, outcome, reason), time.monotonic())


class DatasetUnavailable(RuntimeError):
    """The data a claim names cannot be had on this machine; the message says why."""


def find_dataset(name: str, sha256: str, folder: Path) -> Path:
    """Return a prepared data set, made first where it is missing: in a process of its own, with libraries of its own.

    Args:
        name: Its name in the catalogue.
        sha256: The digest of its content.
        folder: Where prepared data sets lie.

    Raises:
        DatasetUnavailable: It cannot be made.
    """
    for path in (folder / f"{sha256}.npz", folder / sha256):
        if path.exists():
            return path
    command = [sys.executable, "-m", "models", "prepare", name, "--cache-dir", str(folder)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False, env=trial_environment())  # noqa: S603
    if done.returncode != 0:
        raise DatasetUnavailable(f"the data set {name} cannot be prepared here: {done.stderr.strip()[-1500:]}")
    return folder / f"{sha256}.npz"
