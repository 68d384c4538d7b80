"""Lanes of one structure: some train as one program, the others wait for a place in it."""

import logging
from collections import deque
from collections.abc import Hashable, Sequence

import torch

from models.catalogue import structure_key
from models.engine.devices import Precision
from models.engine.jobs import TrainJob
from models.engine.lane import Lane
from models.engine.measuring import Measured
from models.engine.memory import give_back, is_out_of_memory, note_peak, watch_peak
from models.engine.probe import choose_lanes, choose_precision, find_obstacle
from models.engine.program import Program

log = logging.getLogger(__name__)


def group_key(job: TrainJob) -> Hashable:
    """Return what jobs must share to train as one program."""
    structure = structure_key(job.info, job.params)
    return (structure, job.build, job.dataset.sha256, job.n_folds, job.objective)


class OutOfMemoryError(MemoryError):
    """A single lane does not fit; the message says what was needed."""


class Group:
    """Lanes of one structure under way.

    Attributes:
        active: lanes in the program.
        waiting: lanes that have not begun.
        n_max: most lanes at once; halved when memory runs out.
    """

    def __init__(
        self, jobs: Sequence[TrainJob], device: torch.device, n_lanes: int | None, precision: str = "float32"
    ) -> None:
        """Build the lanes and choose how many train at once.

        Args:
            jobs: of one `group_key`.
            device: where to train.
            n_lanes: most lanes at once; None to find out by a probe.
            precision: `float32`, `bf16` or `auto`; see `TrainSettings`.
        """
        self.device = device
        self.precision: Precision = "bf16" if precision == "bf16" else "float32"
        self.waiting = deque(Lane(job) for job in jobs)
        self.active: list[Lane] = []
        self.program: Program | None = None
        self.n_max = self._choose(group_key(jobs[0]), n_lanes)
        if precision == "auto":
            self.precision = choose_precision(list(self.waiting)[: self.n_max], group_key(jobs[0]), device)
        log.info("%d trials of one structure train %d at a time in %s", len(jobs), self.n_max, self.precision)

    def _choose(self, key: Hashable, n_lanes: int | None) -> int:
        lanes = list(self.waiting)
        if lanes[0].job.build is not None and len(lanes) > 1 and n_lanes != 1:
            reason = find_obstacle(lanes[:2], self.device)
            if reason is not None:
                log.warning("%s trials train one by one: %s", len(lanes), reason)
                return 1
        return n_lanes or choose_lanes(lanes, key, self.device, precision=self.precision)

    @property
    def is_done(self) -> bool:
        """Whether no lane is left."""
        return not self.active and not self.waiting

    def refill(self) -> list[Lane]:
        """Let waiting lanes take the free places.

        Returns:
            Those that need no training: resumed after their last epoch.
        """
        finished = [lane for lane in self.waiting if lane.is_finished]
        self.waiting = deque(lane for lane in self.waiting if not lane.is_finished)
        while self.waiting and len(self.active) < self.n_max:
            self.active.append(self.waiting.popleft())
            self.close()
        return finished

    def drop(self, lanes: Sequence[Lane]) -> None:
        """Take lanes out, their state captured."""
        gone = {id(lane) for lane in lanes}
        if gone:
            self.close()
        self.active = [lane for lane in self.active if id(lane) not in gone]
        self.waiting = deque(lane for lane in self.waiting if id(lane) not in gone)

    def close(self) -> None:
        """Write the lanes' states back and give the program's memory free."""
        if self.program is not None:
            self.program.capture()
            self.program = None

    def train_epoch(self) -> list[tuple[Lane, Measured]]:
        """Train the active lanes for one epoch; with half as many at a time where memory runs out.

        Returns:
            What each did.

        Raises:
            OutOfMemoryError: one lane alone does not fit.
        """
        while True:
            try:
                if self.program is None:
                    watch_peak(self.device)
                    self.program = Program(self.active, self.device, self.precision)
                measured = self.program.train_epoch()
                note_peak(self.device, len(self.active))
                return list(zip(self.active, measured, strict=True))
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                self._halve(error)

    def _halve(self, error: BaseException) -> None:
        # The program stopped in the middle of a step, so its lanes go back to where they were last captured.
        self.program = None
        for lane in self.active:
            lane.rewind()
        give_back(self.device)
        if len(self.active) == 1:
            raise OutOfMemoryError(f"One trial alone does not fit into memory: {error}") from error
        self.n_max = len(self.active) // 2
        log.warning("memory ran out with %d trials at a time; going on with %d", len(self.active), self.n_max)
        self.waiting.extendleft(reversed(self.active[self.n_max :]))
        self.active = self.active[: self.n_max]
