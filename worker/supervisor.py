"""The pool child: claims work, runs each batch in a process of its own, never imports torch itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, cast

from tunewell.code.cache import CodeCache
from tunewell.delivery import MAX_REASON_CHARS, clean
from tunewell.errors import TunewellError
from tunewell.protocol import Assignment, Claim, EvaluationPlan, Finish, Protocol, Repeats, Welcome
from tunewell.system.nvml import open_gpus
from tunewell.system.usage import Usage

from worker.attempt import RunningAttempt
from worker.batch import Batch, end_all
from worker.commands import run_commands
from worker.datasets import DatasetCache, DatasetUnavailable
from worker.evaluations import EvaluationRun
from worker.launcher import Launcher
from worker.messages import BatchOrder
from worker.programs import Stopped
from worker.settings import WorkerSettings
from worker.slots import open_device

_TICK_S = 0.1
_GRACE_S = 3.0
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
        self._usage = Usage(open_gpus())
        self._read_device = open_device(settings.own_slot)
        self._datasets = DatasetCache(settings.dataset_dir, protocol, settings.dataset_cache_bytes, self._pause)

        allow_git = () if settings.place is None else settings.place.allow_git
        self._code = CodeCache(settings.home / "code", protocol.download_code, allow_git)

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
            worker_id, queues = self._welcome.worker_id, self._settings.own_queues
            slot, device = self._settings.slot, self._read_device()
            return self._protocol.claim(worker_id, queues, self._settings.n_lanes, slot=slot, device=device)
        except TunewellError as error:
            log.warning("cannot claim work: %s", error)  # the API rings again once it can
            return None

    def _evaluate(self) -> bool:
        """Do an evaluation, if one is asked for."""
        try:
            order = self._protocol.claim_evaluation(self._welcome.worker_id, self._settings.own_queues).order
        except TunewellError as error:
            log.warning("cannot claim evaluations: %s", error)
            return False
        if order is None:
            return False
        folder = self._run_dir / "work" / f"evaluation-{order.evaluation_id}-{order.attempt_no}"
        run = EvaluationRun(order, self._protocol, folder, self._welcome.heartbeat_s, self._is_stopping)
        run.run(self._datasets)
        return True

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
        if claim.command is None:
            self._train(claim, attempts)
        else:
            run_commands(claim, attempts, self._settings.place, self._code, self._is_stopping, self._usage)
        self._wait_delivered(attempts)

    def _train(self, claim: Claim, attempts: Sequence[RunningAttempt]) -> None:
        try:
            assert claim.dataset is not None
            assert claim.dataset_sha256 is not None
            with self._datasets.use(claim.dataset, claim.dataset_sha256, self._require_going_on) as dataset_file:
                order = self._prepare(claim, attempts, dataset_file)
                self._require_going_on()
                launcher = self.warm_up()
                launcher.order(order)
                Batch(launcher, attempts, self._is_stopping, self._usage).run()
        except Stopped:
            end_all(attempts, "PREEMPTED", "the worker was told to end before training began")
        except DatasetUnavailable as error:
            end_all(attempts, "CRASHED", str(error))
        except (TunewellError, OSError) as error:
            log.exception("attempts %s failed on this worker", [one.assignment.attempt_id for one in attempts])
            self.close()
            end_all(attempts, "CRASHED", f"the worker failed: {error}")
        if self._launcher is not None and self._launcher.poll() is not None:
            self.close()  # at once: what the trial had started must not outlive it

    def _prepare(self, claim: Claim, attempts: Sequence[RunningAttempt], dataset_file: Path) -> BatchOrder:
        assert claim.model is not None
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
            n_lanes=1 if self._settings.n_lanes == 1 else None,
            memory_bytes=claim.memory_bytes,
            checkpoint_every_s=self._welcome.checkpoint_every_s,
            lanes=tuple(attempt.order(self._protocol, self._pause) for attempt in attempts),
        )

    def _require_going_on(self) -> None:
        if self._is_stopping():
            raise Stopped

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
