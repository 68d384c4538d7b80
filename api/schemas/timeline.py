"""Attempts of a study over its workers, as columns."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Shape
from db.lifecycle import AttemptState


class TimelineWorker(Shape):
    """A worker that took part."""

    worker_id: int
    name: str


class AttemptsQuery(Shape):
    """Which attempts a timeline shows."""

    before: int | None = Field(default=None, ge=0, le=2**62, description="`earlier` of the answer before: go back")
    limit: int = Field(default=2000, ge=1, le=20_000, description="Most attempts, the newest of those there are")


class AttemptsRead(Shape):
    """Attempts in the order in which they began. Entry i of each column is of the same attempt; times are UTC."""

    now_s: float = Field(description="The clock by which attempts begin and end, in seconds since 1970")
    n_attempts: int = Field(description="Of the whole study")
    earlier: int | None = Field(description="`before` of a request for those that came before; null: there are none")
    workers: list[TimelineWorker] = Field(description="Those that attempts name, by id")
    attempt_ids: list[int]
    trial_numbers: list[int]
    attempt_nos: list[int] = Field(description="From 1 in each trial")
    states: list[AttemptState]
    reasons: list[str]
    worker_ids: list[int | None] = Field(description="Null: the worker was forgotten")
    slots: list[int | None] = Field(description="Of the worker; null where it did not say")
    started_s: list[float] = Field(description="Seconds since 1970, to the millisecond")
    ended_s: list[float | None] = Field(description="Seconds since 1970, to the millisecond; null: it runs")
