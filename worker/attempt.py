"""One attempt under way: what its process says becomes reports, uploads and a finish."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tunewell.delivery import MAX_REASON_CHARS, Line, Point, clean, persist, split_reports
from tunewell.errors import TunewellError
from tunewell.protocol import MAX_LOG_CHARS, Assignment, CheckpointRef, Protocol

from worker.messages import CheckpointSaved, EpochDone, LaneEnded, LaneOrder, MemoryUsed
from worker.outbox import Outbox
from worker.sender import Sender

_FLUSH_EVERY_S = 0.25
_SLOWEST_FLUSH_S = 5.0
_MAX_PEAKS = 64  # in a report; more lanes than that differ little
_MAX_PENDING_CHARS = 8 << 20
log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Pending:
    """What the next report will carry."""

    step: int | None = None
    n_steps: int | None = None
    metrics: list[Point] = field(default_factory=list)
    logs: list[Line] = field(default_factory=list)
    memory: dict[int, int] = field(default_factory=dict)
    n_chars: int = 0
    n_dropped: int = 0


class RunningAttempt:
    """An attempt between its process and the server.

    Args:
        assignment: As claimed.
        protocol: The way to the server.
        run_dir: The worker's folder.
        heartbeat_s: Longest silence.

    Raises:
        OSError: The folder cannot be written.
    """

    def __init__(self, assignment: Assignment, protocol: Protocol, run_dir: Path, heartbeat_s: float) -> None:
        self.assignment = assignment
        self.folder = run_dir / "work" / str(assignment.attempt_id)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.outbox = Outbox(run_dir / "spool", assignment.attempt_id, assignment.lease_token)
        self.sender = Sender(protocol, self.outbox.path, heartbeat_s, self.outbox.take_refused)
        self.sender.start()
        self.is_ended = False
        self._pending = _Pending()
        self._flushed_at = 0.0
        self._told: str | None = None
        self._saved_to: int | None = None

    @property
    def lane(self) -> str:
        """The lane's name in the process's messages."""
        return str(self.assignment.attempt_id)

    def order(self, protocol: Protocol, pause: Callable[[float], bool]) -> LaneOrder:
        """Return what the process is to train, its checkpoint fetched; without one that can be had, it begins anew.

        Args:
            protocol: The way to the server.
            pause: Waits between two tries; answers whether to give up, and then the order is not to be used.
        """
        checkpoint = self.assignment.checkpoint
        return LaneOrder(
            lane=self.lane,
            params=dict(self.assignment.params),
            seed=self.assignment.seed,
            folder=str(self.folder / "output"),
            resume_from=None if checkpoint is None else self._fetch(checkpoint, protocol, pause),
        )

    def _fetch(self, checkpoint: CheckpointRef, protocol: Protocol, pause: Callable[[float], bool]) -> str | None:
        path = self.folder / "resume.safetensors"
        try:
            fetched = persist(
                lambda: protocol.download_artifact(checkpoint.artifact_id, path, sha256=checkpoint.sha256), pause
            )
        except TunewellError as error:
            self.on_log("system", f"starting anew, the checkpoint cannot be fetched: {error}".encode())
            return None
        return None if fetched is None else str(path)

    def on_epoch(self, message: EpochDone) -> None:
        """Take note of an epoch."""
        at = _now()
        self._pending.step, self._pending.n_steps = message.epoch, message.n_epochs
        self._pending.metrics += [(name, message.epoch, value, at) for name, value in message.metrics.items()]

    def on_usage(self, values: Mapping[str, float]) -> None:
        """Take note of what the training takes of its machine: curves over time, in whole seconds since 1970."""
        now = datetime.now(UTC)
        self._pending.metrics += [
            (name, int(now.timestamp()), value, now.isoformat()) for name, value in values.items()
        ]

    def on_memory(self, message: MemoryUsed) -> None:
        """Take note of what its process takes of the GPU, with all that it trains."""
        self._pending.memory |= dict(message.peaks)

    def on_log(self, stream: str, line: bytes) -> None:
        """Take note of a line of output; of a flood, only that it was one."""
        pending = self._pending
        if pending.n_chars > _MAX_PENDING_CHARS:
            pending.n_dropped += 1
            return
        text = line.decode("utf-8", "replace").rstrip("\r")[:MAX_LOG_CHARS]
        pending.logs.append((stream, _now(), text))
        pending.n_chars += len(text) + 1

    def on_checkpoint(self, message: CheckpointSaved, now_s: float) -> None:
        """Send a checkpoint, with what was reported before it; one that still waits for the server is outdated."""
        kept = self.folder / f"checkpoint-{message.epoch}.safetensors"
        outdated = [path for path in self.folder.glob("checkpoint-*.safetensors") if path != kept]
        try:
            kept.unlink(missing_ok=True)
            os.link(message.path, kept)  # the next checkpoint replaces the file, not this second name of it
        except OSError as error:
            log.warning("attempt %s: goes on without its checkpoint: %s", self.lane, error)
            return
        self.flush(now_s)
        self.outbox.upload(name="checkpoint.safetensors", kind="checkpoint", path=kept, step=message.epoch)
        self._saved_to = message.epoch
        for path in outdated:
            path.unlink(missing_ok=True)
        self.sender.wake()

    def on_end(self, message: LaneEnded, now_s: float) -> None:
        """Send the network and the end."""
        if self.is_ended:
            return
        self.is_ended = True
        self.flush(now_s)
        for name in message.files:
            path = Path(name)
            self.outbox.upload(name=path.name, kind="network" if path.stem == "model" else "file", path=path)
        outcome, reason = message.outcome, message.reason
        if outcome == "PAUSED" and self._saved_to is None:
            outcome, reason = "PRUNED", f"{reason} Its checkpoint cannot be kept, so it cannot go on later."
        self.outbox.finish(
            {
                "outcome": outcome,
                "reason": clean(reason, MAX_REASON_CHARS),
                "values": dict(message.metrics),
                "is_retryable": message.is_retryable,
                "diagnosis": list(message.diagnosis) or None,
            }
        )
        self.outbox.close()
        self.sender.wake()

    def tick(self, now_s: float) -> None:
        """Put new points and lines into the spool, soon; less often while the server is behind."""
        n_behind = self.outbox.n_appended - self.sender.n_sent
        due_s = min(_SLOWEST_FLUSH_S, _FLUSH_EVERY_S * (1 + n_behind))
        if not self.is_ended and now_s - self._flushed_at >= due_s:
            self.flush(now_s)

    def flush(self, now_s: float) -> None:
        """Put what is pending into the spool, in reports that the server takes."""
        pending, self._pending = self._pending, _Pending()
        self._flushed_at = now_s
        if pending.n_dropped:
            text = f"{pending.n_dropped} lines are left out: they came faster than they can be kept"
            pending.logs.append(("system", _now(), text))
        if pending.memory:
            peaks = sorted(pending.memory.items())[:_MAX_PEAKS]
            self.outbox.report({"metrics": [], "logs": [], "memory": peaks, "can_pause": True})
        elif not (pending.metrics or pending.logs):
            return
        for body in split_reports(pending.metrics, pending.logs, step=pending.step, n_steps=pending.n_steps):
            self.outbox.report({**body, "can_pause": True})
        self.sender.wake()

    def new_decision(self) -> str | None:
        """Return a decision that the process was not told yet; somebody else's attempt stops, its neighbours go on."""
        decision = self.sender.decision
        word = "stop" if self.sender.is_lease_lost else "continue" if decision is None else decision.decision
        if word in ("continue", self._told):
            return None
        self._told = word
        return word

    def discard(self) -> None:
        """Forget the attempt: its end was heard, or it is somebody else's."""
        self.sender.stop()
        self.outbox.close()
        self.outbox.path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def _now() -> str:
    return datetime.now(UTC).isoformat()
