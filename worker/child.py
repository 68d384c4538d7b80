"""The trial process: `python -m worker.child MESSAGE_FD PARENT_PID`.

Imports torch, says so, waits for one order on its standard input, trains, and exits. Messages go to a descriptor of
their own, so whatever the training prints is log text and can disturb nothing.
"""

from __future__ import annotations

import os
import sys
import threading
import traceback
from pathlib import Path

from worker.lifeline import die_with_parent
from worker.messages import (
    BatchOrder,
    CheckpointSaved,
    EpochDone,
    LaneEnded,
    LaneOrder,
    Ready,
    decode_command,
    decode_order,
    encode,
)


class Channel:
    """The way to the supervisor. Lines are written whole; the trainer's thread is the only writer."""

    def __init__(self, message_fd: int) -> None:
        self._out = os.fdopen(message_fd, "wb", buffering=0)

    def send(self, message: object) -> None:
        """Say something to the supervisor."""
        self._out.write(encode(message))


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
    """Serve one order."""
    message_fd, parent_pid = int(sys.argv[1]), int(sys.argv[2])
    die_with_parent(parent_pid)
    channel = Channel(message_fd)
    import torch

    import models.trainer  # noqa: F401 - imported while nobody waits

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    channel.send(Ready())
    line = sys.stdin.buffer.readline()
    if not line:
        return
    decisions = Decisions()
    threading.Thread(target=decisions.listen, name="commands", daemon=True).start()
    run(decode_order(line), channel, decisions)
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
    from models.checkpoint import CheckpointError, load_checkpoint
    from models.data import load_dataset
    from models.jobs import Decision, EpochReport, LaneResult, TrainJob
    from models.trainer import TrainSettings, train

    class Listener:
        def on_epoch(self, report: EpochReport) -> Decision:
            channel.send(EpochDone(report.lane_id, report.epoch, report.n_epochs, dict(report.metrics)))
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


def _failure(lane: LaneOrder, error: BaseException) -> LaneEnded:
    import torch

    is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    reason = f"{type(error).__name__}: {error}"[:2000]
    return LaneEnded(lane.lane, "OOM" if is_memory else "CRASHED", reason, is_retryable=False)


if __name__ == "__main__":
    main()
