"""Parameters that do not matter: fixing them leaves the search more trials for those that do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from search.advice.positions import as_numeric, is_searched, positions
from search.advice.statistics import midranks, rank_test
from search.advice.trials import Outcome, Study
from search.advice.values import Advice, Change
from search.parameters import Parameter

MIN_TRIALS = 60
"""Completed trials before a parameter is called irrelevant. Of 1,000 made studies of so many random trials, 4-12 called
a parameter irrelevant that explains a quarter of the differences, 120-190 one that explains a tenth, 500 one that
explains nothing."""
N_GROUPS = 4
"""A number's range is cut into so many parts of equally many trials: enough to see a best middle."""
LEAST_GROUP = 5
"""Trials in a group that is compared; of every value of a categorical parameter so many must have been tried."""
COVERED = 0.5
"""Share of its range in which nine tenths of the trials must lie. A sampler that has settled on a parameter's good part
leaves no differences to see there, and the parameter may matter most of all."""
NO_EVIDENCE = 0.3
"""Chance of the differences seen, had the parameter no effect, from which on they are no evidence."""


def parameters_without_effect(study: Study) -> tuple[Advice, ...]:
    """Name the parameters of which there is no evidence that they matter, though enough trials have looked.

    A parameter's values are cut into groups, whose objectives are compared by rank: over all trials, and once more over
    the better half, where a parameter may matter that all else drowned before. What matters only together with
    another parameter may be missed: hence "no evidence".
    """
    space = study.request.space
    # What others hang on cannot be taken out of the space alone.
    named = {other for needed in space.conditions.values() for other in needed}
    named |= {name for constraint in space.constraints for name in constraint.names}
    found = (
        _without_effect(study.having(name), name, parameter)
        for name, parameter in study.declared()
        if is_searched(parameter) and name not in named
    )
    return tuple(advice for advice in found if advice is not None)


def effect(name: str, parameter: Parameter, trials: Sequence[Outcome]) -> tuple[float, float] | None:
    """Test whether a parameter's values go with differences in an objective.

    Args:
        name: The parameter's.
        parameter: With more than one value.
        trials: At least one.

    Returns:
        Of the test that speaks most for an effect, the chance of its differences if there were none, and the share of
        the differences that the parameter explains; None where its range has not been covered.
    """
    groups = _groups(name, parameter, trials)
    if groups is None:
        return None
    results = []
    for place in range(len(trials[0].losses)):
        # Value by value: of 50,000 pairs and triples the garbage collector makes more work than the test does.
        ranks = midranks([trial.losses[place] for trial in trials])
        better = ranks <= np.median(ranks)
        results += [rank_test(ranks, groups), rank_test(ranks[better], groups[better])]
    return min(results)


def _without_effect(study: Study, name: str, parameter: Parameter) -> Advice | None:
    tested = effect(name, parameter, study.trials) if len(study.trials) >= MIN_TRIALS else None
    if tested is None or tested[0] < NO_EVIDENCE or not study.best:
        return None
    chance, share = tested
    value, n_trials = study.best[0].params[name], len(study.trials)
    return Advice(
        "parameter_without_effect",
        f"{name}: no evidence that it matters",
        f"Over {n_trials} trials {name} explains {100 * share:.0f} % of the differences between them; by chance "
        f"alone it would explain as much in {100 * chance:.0f} of 100 studies.",
        {"n_trials": n_trials, "explained": share, "chance": chance},
        f"Fix {name} at {value!r}, its value in {study.best_words}, and leave the search to the others.",
        (Change(f"search_space.{name}", None), Change(f"fixed.{name}", value)),
    )


def _groups(name: str, parameter: Parameter, trials: Sequence[Outcome]) -> npt.NDArray[np.int64] | None:
    """Return each trial's group, or None where too little of the parameter has been tried."""
    numeric = as_numeric(parameter)
    if numeric is None:
        # Compared as the parameter does, for which True is not 1.
        places = [f"{type(trial.params[name]).__name__} {trial.params[name]}" for trial in trials]
        group_of = {place: group for group, place in enumerate(sorted(set(places)))}
        groups = np.array([group_of[place] for place in places], np.int64)  # (n,)
        is_covered = len(group_of) == parameter.n_values and np.bincount(groups).min() >= LEAST_GROUP
        return groups if is_covered else None
    values = [value for trial in trials if isinstance(value := trial.params[name], int | float)]
    at = positions(numeric, values)  # (n,); every value of a numeric parameter has passed its check
    if np.quantile(at, 0.95) - np.quantile(at, 0.05) < COVERED:
        return None
    return _cut(at)


def _cut(at: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    # Equal positions share a rank and so a group: a parameter of three values has at most three.
    shares = (midranks(at.tolist()) - 0.5) / len(at)  # (n,) within 0..1
    return (shares * N_GROUPS).astype(np.int64)
