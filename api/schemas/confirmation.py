"""How a study makes sure of its winner, as people ask for it and read it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, StrictInt

from api.schemas.base import Shape


class ConfirmSpec(Shape):
    """Before a study names its winner, its best trials are trained again from other seeds."""

    top: StrictInt = Field(ge=1, le=50, description="So many of the best trials, each with other parameters")
    repeats: StrictInt = Field(ge=1, le=50, description="Fresh runs of each, beyond the budget's number of trials")


class CandidateRead(Shape):
    """A trial that may be the winner, over its first run and those that confirm it."""

    trial_id: int
    number: int
    values: list[float] = Field(description="The objective of each run that completed, the first run's in front")
    n: int = Field(description="How many these are")
    mean: float
    standard_error: float | None = Field(description="Of the mean; null with a single run")
    fresh_mean: float | None = Field(
        description="Mean without the first run, which was chosen for being good: the nearest guess of what these "
        "parameters are worth, and null without a further run"
    )
    n_failed: int = Field(description="Further runs that failed; a candidate with one stands behind all without")
    n_open: int = Field(description="Further runs that wait or run")
    is_winner: bool


class Confirmation(Shape):
    """What came of training the best trials again."""

    state: Literal["running", "complete", "cut_short"] = Field(
        description="running: runs are open. cut_short: the study was stopped before all had ended"
    )
    n_done: int = Field(description="Further runs that ended, however they did")
    n_total: int
    winner: int = Field(description="Number of the trial that is best so far")
    reason: str = Field(description="Why, in words")
    candidates: list[CandidateRead] = Field(description="The best first")
