"""What the search was worth: its best value after each trial, beside random search on the same space.

Two comparisons, both worked out from the study's own trials, without running any:

- *random*: random search replayed. Points are drawn as random search would draw them, a surrogate of the finished
  trials says what each would have come to, and order statistics what the best of k of them is.
- *shuffled*: the same trials in a random order. A search that learns finds its best late, so this one looks better
  than random search is; what it shows is how much of the result the order was.

With several objectives the same is done for the dominated hypervolume, see `search.insight.fronts`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from search.insight import fronts
from search.insight.surrogate import predict
from search.insight.table import InsightRequest, Table, TooFew, tabulate, tame, too_few
from search.insight.units import Floats, units_of
from search.samplers.random import draw_params
from search.space import SearchSpace

Ticks: TypeAlias = npt.NDArray[np.int64]

MIN_TRIALS = 10
"""Finished trials before a surrogate is asked."""
N_DRAWS = 2_000
"""Points of the replayed random search. What fewer than one in so many of them reach is "more than so many trials"."""
REACH = 20.0
"""In interquartile ranges: a search that has settled has a narrow one, and its first trials are no outliers."""
MAX_POINTS = 200
"""The curves have at most so many points."""
BAND = (0.1, 0.9)
"""Eight of ten searches end inside the band."""
_LEAST_LOG = -746.0
"""Of what is smaller the exponential is 0."""
_OTHER_SEED = 0x5EED
"""So that replayed points are not the study's own random ones."""


@dataclass(frozen=True, slots=True)
class Band:
    """Best values of many searches after each of some numbers of trials, in the objective's own sign.

    Attributes:
        mean: Expected value.
        low: Tenth percentile, of searches from worst to best; None for hypervolumes.
        high: Ninetieth percentile.
    """

    mean: tuple[float, ...]
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Regret:
    """The study beside random search.

    Attributes:
        measure: `best` value so far, or with several objectives the dominated `hypervolume` as a share of its box.
        n_finished: (k,) after how many finished trials; FAIL trials don't count.
        study: (k,) the study itself, in the order of its trials' numbers.
        random: (k,) random search on the same space.
        shuffled: (k,) the study's trials in random order.
        n_random: How many random trials reach the study's best half of the time; None with several objectives.
        is_more: Whether it takes more than `n_random`, and how many cannot be said.
        n_pruned: PRUNED trials; they count as if they had come to the worst complete one, as do trials that break a
            constraint on outcomes.
    """

    measure: str
    n_finished: tuple[int, ...]
    study: tuple[float, ...]
    random: Band
    shuffled: Band
    n_random: int | None
    is_more: bool
    n_pruned: int


def regret(request: InsightRequest) -> Regret | TooFew:
    """Compare a study with random search; up to a second of CPU for many trials and parameters."""
    table = tabulate(request)
    n_complete = table.n_trials - table.n_pruned
    if n_complete < MIN_TRIALS:
        return too_few(n_complete, MIN_TRIALS, "The comparison with random search", "complete")
    losses = np.stack([_finite(table, column) for column in table.eligible().T], axis=1)  # (n, m)
    points = _random_points(request.space, request.seed)  # (N_DRAWS, d)
    expected = np.stack(
        [predict(table.units, table.is_choice, tame(column, REACH), points, request.seed) for column in losses.T],
        axis=1,
    )  # (N_DRAWS, m)
    after = _ticks(table.n_trials)
    if losses.shape[1] > 1:
        study, random, shuffled = fronts.progress(losses, expected, after, request.seed)
        bands = Band(_values(random)), Band(_values(shuffled))
        return Regret("hypervolume", _whole(after), _values(study), *bands, None, False, table.n_pruned)
    return _single(request, losses[:, 0], expected[:, 0], after, table.n_pruned)


def _single(request: InsightRequest, losses: Floats, expected: Floats, after: Ticks, n_pruned: int) -> Regret:
    sign = 1.0 if request.directions[0] == "minimize" else -1.0
    best = float(losses.min())
    share = float((expected <= best).mean())
    n_random = math.ceil(math.log(0.5) / math.log1p(-min(max(share, 1 / len(expected)), 0.5)))
    return Regret(
        measure="best",
        n_finished=_whole(after),
        study=_values(sign * np.minimum.accumulate(losses)[after - 1]),
        random=_band(np.sort(expected), _chances_drawn(len(expected), after), sign),
        shuffled=_band(np.sort(losses), chances_shuffled(len(losses), after), sign),
        n_random=n_random,
        is_more=share < 1 / len(expected),
        n_pruned=n_pruned,
    )


def chances_shuffled(n: int, after: Ticks) -> Iterator[Floats]:
    """Yield for each `after` of n trials the chance that the best of so many ranks behind rank 1, 2, and so on.

    In a random order the first k trials are a random subset, and all of them rank behind j if they come from the n - j
    last: C(n - j, k) of C(n, k) subsets. Ranks whose chance is below the least double are left out, most of them where
    there are many trials.
    Source: the distribution of a minimum without replacement (David and Nagaraja, Order Statistics, 2003, section 2.1).
    """
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])  # (n + 1,)
    for k in after.tolist():
        # A subset misses one more trial with a chance of at most 1 - k / n.
        n_possible = n - k if k == n else min(n - k, math.ceil(_LEAST_LOG / math.log1p(-k / n)))
        left = n - np.arange(1, n_possible + 1)  # (n_possible,) trials that rank behind
        yield np.exp(log_factorial[left] - log_factorial[left - k] - log_factorial[n] + log_factorial[n - k])


def _chances_drawn(n: int, after: Ticks) -> Iterator[Floats]:
    """Yield (n,) the same for draws with replacement."""
    behind = 1 - np.arange(1, n + 1) / n  # (n,)
    for k in after.tolist():
        yield behind ** float(k)


def _band(ordered: Floats, chances: Iterable[Floats], sign: float) -> Band:
    """Return mean and quantiles of the best, from (n,) sorted losses and the chances to rank behind the first ones."""
    found = np.array([_best_of(ordered, chance) for chance in chances]).reshape(-1, 3)  # (k, 3)
    mean, low, high = (sign * found).T
    return Band(_values(mean), _values(low), _values(high))


def _best_of(ordered: Floats, chance_worse: Floats) -> tuple[float, float, float]:
    """Return mean and both ends of the band; beyond `chance_worse` no rank is ever the best."""
    behind = np.concatenate([[1.0], chance_worse, [0.0]])[: len(ordered) + 1]
    mean = float(-np.diff(behind) @ ordered[: len(behind) - 1])
    reached = 1 - behind[1:]  # ascending
    low, high = (int(np.searchsorted(reached, share - 1e-12)) for share in (BAND[1], BAND[0]))
    last = len(ordered) - 1
    return mean, float(ordered[min(low, last)]), float(ordered[min(high, last)])


def _finite(table: Table, losses: Floats) -> Floats:
    """Return (n,) losses in which what has no number counts as the worst that has one."""
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return np.zeros_like(losses)
    return np.clip(losses, finite.min(), finite.max())


@lru_cache(maxsize=8)
def _random_points(space: SearchSpace, seed: int) -> Floats:
    """Return (N_DRAWS, d) points, not to be written to: a study that goes on asks for the same ones again."""
    drawn = (draw_params(space, seed ^ _OTHER_SEED, number) for number in range(N_DRAWS))
    points = np.array([units_of(space, params) for params in drawn], np.float64).reshape(N_DRAWS, len(space))
    points.flags.writeable = False
    return points


def _ticks(n: int) -> Ticks:
    return np.unique(np.linspace(1, n, min(n, MAX_POINTS)).round().astype(np.int64))


def _values(numbers: Floats) -> tuple[float, ...]:
    return tuple(numbers.tolist())


def _whole(numbers: Ticks) -> tuple[int, ...]:
    return tuple(numbers.tolist())
