"""When the attempts at a study's trials ran, and where, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class TimedAttempt:
    """One try at running a trial: where, from when to when, and how it ended.

    Attributes:
        trial_number: In its study, from 0.
        attempt_no: In its trial, from 1.
        worker_name: None where the worker was forgotten.
        slot: Of the worker; None where it did not say.
        ended_at: None while it runs.
    """

    attempt_id: int
    trial_number: int
    attempt_no: int
    state: str
    reason: str
    worker_id: int | None
    worker_name: str | None
    slot: int | None
    started_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class TimelineWorker:
    """A worker that an answer names."""

    worker_id: int
    name: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """An answer as it comes: entry i of each column is of the same attempt."""

    n_attempts: int
    earlier: int | None
    workers: tuple[TimelineWorker, ...]
    attempt_ids: tuple[int, ...]
    trial_numbers: tuple[int, ...]
    attempt_nos: tuple[int, ...]
    states: tuple[str, ...]
    reasons: tuple[str, ...]
    worker_ids: tuple[int | None, ...]
    slots: tuple[int | None, ...]
    started_s: tuple[float, ...]
    ended_s: tuple[float | None, ...]

    def rows(self) -> tuple[TimedAttempt, ...]:
        """Return the attempts, the one that began first coming first."""
        names: Mapping[int | None, str] = {one.worker_id: one.name for one in self.workers}
        columns: Sequence[Sequence[Any]] = (
            self.attempt_ids,
            self.trial_numbers,
            self.attempt_nos,
            self.states,
            self.reasons,
            self.worker_ids,
            [names.get(worker_id) for worker_id in self.worker_ids],
            self.slots,
            [_moment(at_s) for at_s in self.started_s],
            [None if at_s is None else _moment(at_s) for at_s in self.ended_s],
        )
        return tuple(TimedAttempt(*row) for row in zip(*columns, strict=True))


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
