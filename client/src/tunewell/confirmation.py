"""How a study made sure of its winner, as the server tells it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConfirmPlan:
    """Before the study names its winner, its `top` best trials are trained again `repeats` times each."""

    top: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trial that may be the winner, over all its runs; `values` has the first run's in front.

    `fresh_mean` leaves the first run out, which was chosen for being good: the nearest guess of what these parameters
    are worth. A candidate of which a further run failed (`n_failed`) stands behind all others.
    """

    trial_id: int
    number: int
    values: tuple[float, ...]
    n: int
    mean: float
    standard_error: float | None = None
    fresh_mean: float | None = None
    n_failed: int = 0
    n_open: int = 0
    is_winner: bool = False


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What came of training the best trials again: `state` is `running`, `complete` or `cut_short`."""

    state: str
    n_done: int
    n_total: int
    winner: int
    reason: str
    candidates: tuple[Candidate, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialSpread:
    """How far the networks of one trial, its repeats and folds, are apart in the first objective."""

    n: int
    mean: float
    standard_error: float | None
    least: float
    most: float
