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
import traceback
from pathlib import Path

from worker.lifeline import die_with_parent
from worker.messages import (
    BatchOrder,
    CheckpointSaved,
    EpochDone,
    Exited,
    LaneEnded,
    LaneOrder,
    Ready,
    Started,
    decode_command,
    decode_order,
    encode,
)


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

    import models.engine.trainer  # noqa: F401 - imported while nobody waits

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
    decisions = Decisions()
    threading.Thread(target=decisions.listen, name="commands", daemon=True).start()
    run(order, channel, decisions)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of the libraries have nothing left to do, and some take long to say so


def run(order: BatchOrder, channel: Channel, decisions: Decisions) -> None:
    """Train the lanes of an order and tell how each ended."""
    ended: set[str] = set()
    try:
        _train(order, channel, decisions, ended)
    except BaseException as error:
        traceback.print_exc()
        for lane in order.lanes:
            if lane.lane not in ended:
                channel.send(_failure(lane, error))


def _train(order: BatchOrder, channel: Channel, decisions: Decisions, ended: set[str]) -> None:
    from models.data.dataset import load_dataset
    from models.engine.checkpoint import CheckpointError, load_checkpoint
    from models.engine.jobs import Decision, EpochReport, LaneResult, TrainJob
    from models.engine.trainer import TrainSettings, train

    class Listener:
        def on_epoch(self, report: EpochReport) -> Decision:
            channel.send(EpochDone(report.lane_id, report.epoch, report.n_epochs, dict(report.metrics)))
            if is_worth_a_line(report.epoch, report.n_epochs):
                shown = "  ".join(f"{name} {value:.4g}" for name, value in report.metrics.items())
                sys.stdout.write(f"epoch {report.epoch}/{report.n_epochs}  {shown}\n")
            return Decision(decisions.get(report.lane_id))

        def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
            channel.send(CheckpointSaved(lane_id, epoch, str(path)))

        def on_end(self, result: LaneResult) -> None:
            ended.add(result.lane_id)
            files = tuple(str(path) for path in result.network_files)
            channel.send(LaneEnded(result.lane_id, result.outcome, result.reason, False, dict(result.metrics), files))

    def resumable(lane: LaneOrder) -> Path | None:
        if lane.resume_from is None:
            return None
        try:
            load_checkpoint(Path(lane.resume_from))
        except CheckpointError as error:
            print(f"starting anew, the checkpoint cannot be used: {error}", file=sys.stderr)  # noqa: T201 - goes to the trial's log
            return None
        return Path(lane.resume_from)

    dataset = load_dataset(Path(order.dataset_file))
    jobs = [
        TrainJob(
            lane_id=lane.lane,
            model=order.model,
            params={name: value for name, value in lane.params.items() if value is not None},
            dataset=dataset,
            seed=lane.seed,
            output_dir=Path(lane.folder),
            resume_from=resumable(lane),
            objective=order.objective,
        )
        for lane in order.lanes
    ]
    train(jobs, Listener(), TrainSettings(checkpoint_every_s=order.checkpoint_every_s))


def is_worth_a_line(epoch: int, n_epochs: int) -> bool:
    """Choose about twenty epochs for the log, the first and the last among them; the curves have them all."""
    return epoch in (1, n_epochs) or epoch % max(1, n_epochs // 20) == 0


def _failure(lane: LaneOrder, error: BaseException) -> LaneEnded:
    import torch

    is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    reason = f"{type(error).__name__}: {error}"[:2000]
    # A full or broken disk is this machine's trouble; everything else would happen again elsewhere.
    is_retryable = isinstance(error, OSError)
    return LaneEnded(lane.lane, "OOM" if is_memory else "CRASHED", reason, is_retryable)


if __name__ == "__main__":
    main()
