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
from tunewell.protocol import Claim, Protocol, Welcome

from worker.attempt import RunningAttempt
from worker.messages import BatchOrder, CheckpointSaved, Command, EpochDone, FromChild, LaneEnded, decode_from_child
from worker.process import Stream, TrialProcess, describe_exit
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
    """

    def __init__(
        self,
        settings: WorkerSettings,
        welcome: Welcome,
        run_dir: Path,
        is_stopping: Callable[[], bool],
        protocol: Protocol,
    ) -> None:
        self._settings = settings
        self._welcome = welcome
        self._run_dir = run_dir
        self._is_stopping = is_stopping
        self._protocol = protocol
        self._spare: TrialProcess | None = None

    def warm_up(self) -> None:
        """Let a process import torch while it is not needed yet."""
        if self._settings.keep_warm and self._spare is None and not self._is_stopping():
            self._spare = TrialProcess()

    def serve(self) -> int:
        """Work until there is nothing more to do. Returns the number of batches run."""
        n_batches = 0
        while not self._is_stopping():
            claim = self._claim()
            if claim is None or not claim.attempts:
                break
            self._run(claim)
            n_batches += 1
        return n_batches

    def close(self) -> None:
        """End the spare."""
        if self._spare is not None:
            self._spare.end(grace_s=0)
            self._spare = None

    def _claim(self) -> Claim | None:
        try:
            return self._protocol.claim(self._welcome.worker_id, self._settings.queues)
        except TunewellError as error:
            log.warning("cannot claim work: %s", error)  # the API rings again once it can
            return None

    def _run(self, claim: Claim) -> None:
        attempts = [
            RunningAttempt(one, self._protocol, self._run_dir, self._welcome.heartbeat_s) for one in claim.attempts
        ]
        process = self._take_process()
        try:
            self._order(process, claim, attempts)
            Batch(process, attempts, self._is_stopping).run()
            self.warm_up()
            self._wait_delivered(attempts)
        except (TunewellError, OSError, subprocess.CalledProcessError) as error:
            log.exception("attempts %s failed on this worker", [one.assignment.attempt_id for one in attempts])
            process.end(grace_s=0)
            for attempt in attempts:
                attempt.on_end(LaneEnded(attempt.lane, "CRASHED", f"the worker failed: {error}"), time.monotonic())
            self._wait_delivered(attempts)

    def _take_process(self) -> TrialProcess:
        spare, self._spare = self._spare, None
        if spare is not None and spare.poll() is None:
            return spare
        if spare is not None:
            spare.end(grace_s=0)
        return TrialProcess()

    def _order(self, process: TrialProcess, claim: Claim, attempts: Sequence[RunningAttempt]) -> None:
        assert claim.model is not None
        assert claim.dataset is not None
        dataset_file = self._settings.dataset_dir / f"{claim.dataset_sha256}.npz"
        if not dataset_file.is_file():
            prepare_dataset(claim.dataset, self._settings.dataset_dir)
        process.order(
            BatchOrder(
                model=claim.model,
                dataset_file=str(dataset_file),
                objective=claim.objectives[0].metric,
                checkpoint_every_s=self._welcome.checkpoint_every_s,
                lanes=tuple(attempt.order(self._protocol) for attempt in attempts),
            )
        )

    def _wait_delivered(self, attempts: Sequence[RunningAttempt]) -> None:
        for attempt in attempts:
            while not attempt.sender.ended.wait(timeout=0.5):
                if self._is_stopping() and not attempt.sender.ended.wait(timeout=_GRACE_S):
                    log.warning("attempt %s: its end is kept in %s", attempt.assignment.attempt_id, attempt.outbox.path)
                    return
            attempt.discard()


class Batch:
    """One process and the attempts it trains.

    Args:
        process: Has its order.
        attempts: A lane each.
        is_stopping: Tells whether the worker was told to end.
    """

    def __init__(
        self, process: TrialProcess, attempts: Sequence[RunningAttempt], is_stopping: Callable[[], bool]
    ) -> None:
        self._process = process
        self._attempts = {attempt.lane: attempt for attempt in attempts}
        self._is_stopping = is_stopping
        self._preempt_by: float | None = None
        self._selector = selectors.DefaultSelector()
        for descriptor, stream in process.descriptors.items():
            self._selector.register(descriptor, selectors.EVENT_READ, stream)

    def run(self) -> None:
        """Relay until the process has ended and all it said was read."""
        while self._selector.get_map():
            for key, _ in self._selector.select(timeout=_TICK_S):
                self._read(key.data, key.fd)
            now_s = time.monotonic()
            for attempt in self._attempts.values():
                attempt.tick(now_s)
            self._steer(now_s)
            if self._process.poll() is not None:
                self._drain()
        self._selector.close()
        code = self._process.end(_GRACE_S)
        self._conclude(code)

    def _read(self, stream: Stream, descriptor: int) -> None:
        for line in self._process.read_lines(stream):
            if stream == "message":
                self._handle(decode_from_child(line))
            else:
                for attempt in self._attempts.values():
                    attempt.on_log(stream, line)
        if descriptor not in self._process.descriptors:
            self._selector.unregister(descriptor)

    def _handle(self, message: FromChild) -> None:
        now_s = time.monotonic()
        if isinstance(message, EpochDone):
            self._attempts[message.lane].on_epoch(message)
        elif isinstance(message, CheckpointSaved):
            self._attempts[message.lane].on_checkpoint(message, now_s)
        elif isinstance(message, LaneEnded):
            self._attempts[message.lane].on_end(message, now_s)

    def _steer(self, now_s: float) -> None:
        running = [attempt for attempt in self._attempts.values() if not attempt.is_ended]
        for attempt in running:
            decision = attempt.new_decision()
            if decision is not None:
                self._process.tell(Command(attempt.lane, decision))
        if running and all(attempt.sender.is_lease_lost for attempt in running):
            log.warning("attempts %s are not ours any more: their process is ended", [a.lane for a in running])
            for attempt in running:
                attempt.is_ended = True
            self._process.end(grace_s=0)
        if self._is_stopping():
            self._preempt(running, now_s)

    def _preempt(self, running: Sequence[RunningAttempt], now_s: float) -> None:
        if self._preempt_by is None:
            self._preempt_by = now_s + _PREEMPT_WITHIN_S
            for attempt in running:
                self._process.tell(Command(attempt.lane, "preempt"))
        elif now_s > self._preempt_by and self._process.poll() is None:
            for attempt in running:
                reason = "the worker was told to end; the epoch that ran is lost"
                attempt.on_end(LaneEnded(attempt.lane, "PREEMPTED", reason), now_s)
            self._process.end(grace_s=0)

    def _drain(self) -> None:
        """Read what is left; a grandchild may hold the pipes open, so their end is not waited for."""
        for descriptor, stream in list(self._process.descriptors.items()):
            self._read(stream, descriptor)
        for key in list(self._selector.get_map().values()):
            self._selector.unregister(key.fd)

    def _conclude(self, code: int) -> None:
        for attempt in self._attempts.values():
            if not attempt.is_ended:
                attempt.on_end(LaneEnded(attempt.lane, "CRASHED", describe_exit(code)), time.monotonic())


def prepare_dataset(name: str, folder: Path) -> None:
    """Make a built-in data set in a process of its own: it needs libraries that training does not.

    Raises:
        CalledProcessError: It failed; its message is in the worker's log.
    """
    command = [sys.executable, "-m", "models", "prepare", name, "--cache-dir", str(folder)]
    subprocess.run(command, check=True, cwd=Path(__file__).resolve().parent.parent, stdout=subprocess.DEVNULL)  # noqa: S603
