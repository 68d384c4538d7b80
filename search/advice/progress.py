"""Whether the search still gets anywhere: a larger budget where it does, an end where it no longer does.

Both compare with what the search has gained so far: how far the best trial lies above the middle of the first ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from search.advice.trials import MIN_TRIALS, Study
from search.advice.values import Advice, Change

MIN_CONVERGED = 40
"""Completed trials before a search is said to have converged."""
WORTH = 0.01
"""Share of the gain that an improvement must bring to count as one."""
NEAR = 0.1
"""Share of the gain by which the last trials may lie behind the best and still be "as good"."""
N_LATE = 2
"""Improvements in the last quarter from which on more are to be expected. Of 8,000 random searches of 20 to 200 trials
two in 100 had so many, by luck; of searches that learn in six dimensions three of ten after 20 trials, none after
40. None in 100 of the random ones were said to have converged; of those that learn, all ten after 80 trials."""
SPENT = 0.9
"""Share of the budget that must be used up before a larger one is advised."""


@dataclass(frozen=True, slots=True)
class _Progress:
    """How a study of one objective got on.

    Attributes:
        gain: From the median of the first quarter to the best; above 0.
        late: Places of the improvements in the last quarter.
        last: Place of the last improvement.
        behind: By how much the median of the last quarter is worse than the best.
    """

    gain: float
    late: tuple[int, ...]
    last: int
    behind: float


def larger_budget(study: Study) -> tuple[Advice, ...]:
    """Advise more trials where the best value was still being improved when the budget was used up."""
    progress, n_trials = _progress(study), study.request.n_trials
    n_ended = sum(trial.state in ("COMPLETE", "PRUNED", "FAIL") for trial in study.request.history)
    is_spent = n_trials is None or n_ended >= SPENT * n_trials
    if progress is None or len(progress.late) < N_LATE or not is_spent:
        return ()
    n, n_late = len(study.trials), len(progress.late)
    return (
        Advice(
            "larger_budget",
            "A larger budget",
            f"The best value was improved {n_late} times in the last quarter of {n} trials, the last time by trial "
            f"{study.trials[progress.last].number}.",
            {"n_trials": n, "n_improvements": n_late, "last_improvement": study.trials[progress.last].number},
            "Let about twice as many trials run: the search has not settled yet.",
            () if n_trials is None else (Change("budget.n_trials", 2 * n_trials),),
        ),
    )


def converged(study: Study) -> tuple[Advice, ...]:
    """Say that more trials will gain little: the last ones are about as good as the best, and none has beaten it."""
    progress, n = _progress(study), len(study.trials)
    if progress is None or n < MIN_CONVERGED:
        return ()
    if progress.last >= n / 2 or progress.behind > NEAR * progress.gain:
        return ()
    best, n_since = study.trials[progress.last].number, n - 1 - progress.last
    return (
        Advice(
            "converged",
            "The search has converged",
            f"None of {n_since} trials since trial {best} has improved the best value by more than "
            f"{100 * WORTH:.0f} % of what the search has gained, and the last quarter of them lies only "
            f"{100 * progress.behind / progress.gain:.0f} % of that behind.",
            {"n_trials": n, "n_since": n_since, "best_number": best, "behind": progress.behind / progress.gain},
            "More trials of this space will gain little. Stop here, or change what is searched: wider ranges, another "
            "network, more data.",
        ),
    )


def _progress(study: Study) -> _Progress | None:
    """Look at how the study got on; None where it has several objectives, too few trials, or nothing was gained."""
    if len(study.request.directions) != 1 or len(study.trials) < MIN_TRIALS:
        return None
    losses = np.array([trial.losses[0] for trial in study.trials])  # (n,)
    n, quarter = len(losses), math.ceil(len(losses) / 4)
    best = float(losses.min())
    gain = _middle(losses[:quarter]) - best
    if not 0 < gain < math.inf:
        return None
    improvements, record = [0], float(losses[0])
    for place, loss in enumerate(losses):
        if loss < record - WORTH * gain:
            improvements.append(place)
            record = float(loss)
    late = tuple(place for place in improvements if place >= n - quarter)
    return _Progress(gain, late, improvements[-1], _middle(losses[-quarter:]) - best)


def _middle(losses: np.ndarray) -> float:
    """Return the median; halved first, for the two in the middle may add up to more than a double holds."""
    return 2.0 * float(np.median(losses / 2.0))
