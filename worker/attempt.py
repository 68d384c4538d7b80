"""One attempt under way: what its process says becomes reports, uploads and a finish."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunewell.protocol import MAX_LOG_CHARS, MAX_LOGS_PER_REPORT, Assignment, Protocol

from worker.messages import CheckpointSaved, EpochDone, LaneEnded, LaneOrder
from worker.outbox import Outbox
from worker.sender import Sender

_FLUSH_EVERY_S = 0.25
_SLOWEST_FLUSH_S = 5.0


@dataclass(slots=True)
class _Pending:
    """What the next report will carry."""

    step: int | None = None
    n_steps: int | None = None
    metrics: list[tuple[str, int, float, str]] = field(default_factory=list)
    logs: list[tuple[str, str, str]] = field(default_factory=list)


class RunningAttempt:
    """An attempt between its process and the server.

    Args:
        assignment: As claimed.
        protocol: The way to the server.
        run_dir: The worker's folder.
        heartbeat_s: Longest silence.
    """

    def __init__(self, assignment: Assignment, protocol: Protocol, run_dir: Path, heartbeat_s: float) -> None:
        self.assignment = assignment
        self.folder = run_dir / "work" / str(assignment.attempt_id)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.outbox = Outbox(run_dir / "spool", assignment.attempt_id, assignment.lease_token)
        self.sender = Sender(protocol, self.outbox.path, heartbeat_s)
        self.sender.start()
        self.is_ended = False
        self._pending = _Pending()
        self._flushed_at = 0.0
        self._told: str | None = None

    @property
    def lane(self) -> str:
        """The lane's name in the process's messages."""
        return str(self.assignment.attempt_id)

    def order(self, protocol: Protocol) -> LaneOrder:
        """Return what the process is to train, its checkpoint fetched.

        Raises:
            TunewellError: The checkpoint cannot be fetched.
        """
        resume_from = None
        checkpoint = self.assignment.checkpoint
        if checkpoint is not None:
            path = self.folder / "resume.safetensors"
            protocol.download_artifact(checkpoint.artifact_id, path, sha256=checkpoint.sha256)
            resume_from = str(path)
        return LaneOrder(
            lane=self.lane,
            params=dict(self.assignment.params),
            seed=self.assignment.seed,
            folder=str(self.folder / "output"),
            resume_from=resume_from,
        )

    def on_epoch(self, message: EpochDone) -> None:
        """Take note of an epoch."""
        at = _now()
        self._pending.step, self._pending.n_steps = message.epoch, message.n_epochs
        self._pending.metrics += [(name, message.epoch, value, at) for name, value in message.metrics.items()]

    def on_log(self, stream: str, line: bytes) -> None:
        """Take note of a line of output."""
        text = line.decode("utf-8", "replace").rstrip("\r")
        self._pending.logs.append((stream, _now(), text[:MAX_LOG_CHARS]))

    def on_checkpoint(self, message: CheckpointSaved, now_s: float) -> None:
        """Send a checkpoint, with what was reported before it."""
        kept = self.folder / f"checkpoint-{message.epoch}.safetensors"
        kept.unlink(missing_ok=True)
        os.link(message.path, kept)  # the next checkpoint replaces the file, not this second name of it
        self.flush(now_s)
        self.outbox.upload(name="checkpoint.safetensors", kind="checkpoint", path=kept, step=message.epoch)
        self.sender.wake()

    def on_end(self, message: LaneEnded, now_s: float) -> None:
        """Send the network and the end."""
        if self.is_ended:
            return
        self.is_ended = True
        self.flush(now_s)
        for path in message.files:
            self.outbox.upload(name=Path(path).name, kind="network", path=Path(path))
        self.outbox.finish(
            {
                "outcome": message.outcome,
                "reason": message.reason,
                "values": dict(message.metrics),
                "is_retryable": message.is_retryable,
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
        """Put what is pending into the spool."""
        pending, self._pending = self._pending, _Pending()
        self._flushed_at = now_s
        if not (pending.metrics or pending.logs):
            return
        logs, rest = pending.logs[:MAX_LOGS_PER_REPORT], pending.logs[MAX_LOGS_PER_REPORT:]
        self.outbox.report({"step": pending.step, "n_steps": pending.n_steps, "metrics": pending.metrics, "logs": logs})
        self._pending.logs = rest
        self.sender.wake()

    def new_decision(self) -> str | None:
        """Return a decision that the process was not told yet."""
        decision = self.sender.decision
        if decision is None or decision.decision in ("continue", self._told):
            return None
        self._told = decision.decision
        return decision.decision

    def discard(self) -> None:
        """Forget the attempt: its end was heard, or it is somebody else's."""
        self.sender.stop()
        self.outbox.close()
        self.outbox.path.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def read_header(path: Path) -> Mapping[str, Any]:
    """Return a spool's first line."""
    with path.open("rb") as file:
        header: Mapping[str, Any] = json.loads(file.readline())
    return header


def _now() -> str:
    return datetime.now(UTC).isoformat()
