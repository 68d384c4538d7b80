"""What the finished trials of a study say, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

ENDED_JOB = frozenset({"NONE", "TOO_FEW", "COMPLETE", "FAIL"})


@dataclass(frozen=True, slots=True)
class Share:
    """How much one parameter matters: `share` from 0 to 1, `spread` its standard deviation."""

    name: str
    share: float
    spread: float


@dataclass(frozen=True, slots=True)
class PairShare:
    """How much two parameters explain together, beyond what each explains alone."""

    first: str
    second: str
    share: float
    spread: float


@dataclass(frozen=True, slots=True)
class Importance:
    """How much each parameter matters for being among the best tenth of the trials.

    Attributes:
        state: COMPLETE, or TOO_FEW with its `reason`.
        shares: The most important first; they add up to 1.
        n_trials: Finished trials that this rests on, `n_pruned` of them pruned.
        n_needed: From how many on there is an answer.
    """

    state: str
    objective: str
    n_trials: int
    reason: str = ""
    n_needed: int = 0
    n_pruned: int = 0
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class Interactions:
    """Where the differences between complete trials come from.

    Attributes:
        state: Of the job that finds out: NONE, TOO_FEW, WAITING, RUNNING, COMPLETE or FAIL, with its `reason`.
        has_result: Whether there is one, of this job or an earlier one.
        is_current: Whether it rests on all trials there are.
        shares: What each parameter explains alone.
        pairs: What pairs explain beyond that.
        beyond: What takes three or more.
        fit: Share of the differences between unseen trials that is foretold; near 0, the rest means nothing.
    """

    state: str
    objective: str
    reason: str = ""
    n_done: int = 0
    n_total: int = 0
    has_result: bool = False
    is_current: bool = False
    n_trials: int = 0
    n_needed: int = 0
    n_pruned: int = 0
    shares: tuple[Share, ...] = ()
    pairs: tuple[PairShare, ...] = ()
    beyond: float = 0.0
    fit: float = 0.0

    @property
    def is_ended(self) -> bool:
        """Whether nothing is under way."""
        return self.state in ENDED_JOB


@dataclass(frozen=True, slots=True)
class Band:
    """Many searches after each number of trials: the mean, and where eight of ten lie."""

    mean: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Regret:
    """The best value so far beside random search.

    Attributes:
        measure: `best`, or `hypervolume` with several objectives.
        n_finished: After how many finished trials the others are told.
        random: Random search, replayed on the study's own trials.
        shuffled: The study's trials in random order.
        n_random: Random trials that reach the study's best half of the time; more than so many where `is_more`.
    """

    state: str
    objective: str
    n_trials: int
    reason: str = ""
    n_needed: int = 0
    n_pruned: int = 0
    measure: str = "best"
    n_finished: tuple[int, ...] = ()
    study: tuple[float, ...] = ()
    random: Band | None = None
    shuffled: Band | None = None
    n_random: int | None = None
    is_more: bool = False
