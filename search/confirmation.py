"""Which of a study's best trials is named the winner, once each was trained again from other seeds.

The best of many noisy results is to some part the luckiest one. So the few best are trained again, and compared by
their means. A mean over all runs, the first one among them, is what best tells candidates apart that have equally many
runs; as an estimate of what the winner is worth it is still a little too good, for the first run was chosen because it
was good. The mean of the fresh runs alone is nearer to it, and too good by no more than choosing among few adds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from search.types import Direction


@dataclass(frozen=True, slots=True)
class Candidate:
    """A trial that may be the winner.

    Attributes:
        number: Of the trial.
        value: Its objective.
        fresh: The objective of each further run that completed, in the order of their numbers.
        n_failed: Further runs that failed, such as one that diverged.
        n_open: Further runs that wait or run.
    """

    number: int
    value: float
    fresh: tuple[float, ...] = ()
    n_failed: int = 0
    n_open: int = 0

    @property
    def runs(self) -> tuple[float, ...]:
        """The objective of every run, the first one in front."""
        return (self.value, *self.fresh)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Candidates in their order, and why the first one is there.

    Attributes:
        candidates: The best first.
        n_compared: How many runs of each were compared.
        reason: Why the first is the winner, in words.
    """

    candidates: tuple[Candidate, ...]
    n_compared: int
    reason: str


def standard_error(values: Sequence[float]) -> float | None:
    """Return the standard error of the mean of at least two values; None of fewer."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None


def rank(candidates: Sequence[Candidate], direction: Direction) -> Ranked:
    """Order candidates by the mean of their runs.

    Each is compared by as many runs as every one of them has, so that one whose first run was lucky gains nothing by
    having no further ones yet. One with a failed run stands behind all that never failed: what cannot be trained again
    is no winner while there is another.

    Args:
        candidates: At least one, the best by the first run in front; of equals the earlier one stays in front.
        direction: Of the objective.
    """
    sound = [one for one in candidates if not one.n_failed] or list(candidates)
    n = min(len(one.runs) for one in sound)
    sign = -1.0 if direction == "maximize" else 1.0

    def key(one: Candidate) -> tuple[bool, float]:
        return one not in sound, sign * fmean(one.runs[:n])

    ordered = tuple(sorted(candidates, key=key))
    return Ranked(ordered, n, _reason(ordered, n, n_behind=len(candidates) - len(sound)))


def _reason(ordered: Sequence[Candidate], n: int, *, n_behind: int) -> str:
    winner = ordered[0]
    is_only = len(ordered) == 1
    if n == 1:
        words = f"its first run, {winner.value:.6g}, is the best: not every candidate was trained again yet"
        words = f"no further run of it completed; its first gave {winner.value:.6g}" if is_only else words
    else:
        mean = fmean(winner.runs[:n])
        words = f"the mean of its {n} runs is {mean:.6g}" + ("" if is_only else f", the best of {len(ordered)}")
    failed = f"; {n_behind} of them failed in a further run and stand behind" if n_behind else ""
    return words + failed
