"""Functional ANOVA: how much of the differences each parameter explains alone, and each pair beyond that.

Fits trees to the complete trials and decomposes their variance over the whole space. Unlike PED-ANOVA it speaks of the
differences everywhere, among good trials and bad, and it sees interactions. It needs scikit-learn and seconds of CPU:
callers name it by its path to a process of its own (`api.jobs`), and nothing that must stay light imports this module.

Source: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from search.insight.boxes import Boxes, Variances, boxes_of, variances_of
from search.insight.importance import ranked
from search.insight.sample import Decomposition, PairShare, Sample
from search.insight.units import Floats

N_TREES = 64
MIN_LEAF = 3
"""Trials in a leaf, at least: of fewer a tree learns the noise by heart, and calls it interaction."""
MIN_TOTAL = 1e-12
"""Variance, of standardised losses, below which a tree says that nothing differs."""


def decompose(sample: Sample, report: Callable[[int, int], None]) -> Decomposition:
    """Fit trees to a sample and decompose their variance over the whole space, constraints left aside.

    A parameter that was inactive in a trial gets a value by lot, another one for each tree: the objective did not
    depend on it there, and so the trees learn that it doesn't.

    Args:
        sample: The trials.
        report: Called after each tree with how many are done, and how many there are.
    """
    losses = _standardised(sample.losses)  # (n,)
    units = _ordered(sample, losses)  # (n, d)
    rng = np.random.default_rng(sample.seed)
    said, n_said = np.zeros(len(losses)), np.zeros(len(losses))
    found: list[Variances] = []
    for done in range(1, N_TREES + 1):
        filled, rows = _filled(units, sample, rng), rng.integers(0, len(losses), len(losses))
        tree = DecisionTreeRegressor(min_samples_leaf=MIN_LEAF, random_state=int(rng.integers(2**31)))
        tree.fit(filled[rows], losses[rows])
        is_unseen = np.ones(len(losses), np.bool_)
        is_unseen[rows] = False
        if is_unseen.any():
            said[is_unseen] += tree.predict(filled[is_unseen])
            n_said[is_unseen] += 1
        found.append(variances_of(_boxes(tree, units.shape[1])))
        report(done, N_TREES)
    return _decomposition(sample, found, _fit(losses, said, n_said))


def _standardised(losses: Floats) -> Floats:
    largest = np.abs(losses).max()
    scaled: Floats = losses / largest if largest else losses  # numbers of 1e300 have no variance that a double can hold
    deviation = scaled.std()
    return (scaled - scaled.mean()) / deviation if deviation > 0 else np.zeros_like(scaled)


def _ordered(sample: Sample, losses: Floats) -> Floats:
    """Return the units with choices ordered by their mean loss, where one split can part the good from the bad.

    Source: Fisher, On Grouping for Maximum Homogeneity, JASA 53, 1958.
    """
    units = sample.units.copy()
    for column in np.flatnonzero(sample.is_choice):
        n_values = int(sample.n_values[column])
        is_active = ~np.isnan(units[:, column])
        cells = (units[is_active, column] * n_values).astype(np.int64)
        sums = np.bincount(cells, losses[is_active], n_values)
        means = sums / np.maximum(np.bincount(cells, minlength=n_values), 1)
        place = np.argsort(np.argsort(means, kind="stable"), kind="stable")
        units[is_active, column] = (place[cells] + 0.5) / n_values
    return units


def _filled(units: Floats, sample: Sample, rng: np.random.Generator) -> Floats:
    drawn = rng.random(units.shape)  # (n, d)
    n_values = np.maximum(sample.n_values, 1)
    drawn = np.where(sample.n_values > 0, (np.floor(drawn * n_values) + 0.5) / n_values, drawn)
    return np.where(np.isnan(units), drawn, units)


def _boxes(tree: DecisionTreeRegressor, d: int) -> Boxes:
    inner = tree.tree_
    children = np.stack([inner.children_left, inner.children_right], axis=1)
    return boxes_of(children, inner.feature, inner.threshold, inner.value[:, 0, 0], d)


def _fit(losses: Floats, said: Floats, n_said: Floats) -> float:
    is_said = n_said > 0
    actual, foretold = losses[is_said], said[is_said] / n_said[is_said]
    spread = float(((actual - actual.mean()) ** 2).sum()) if len(actual) else 0.0
    return 1 - float(((actual - foretold) ** 2).sum()) / spread if spread else 0.0


def _decomposition(sample: Sample, found: list[Variances], fit: float) -> Decomposition:
    d = len(sample.names)
    # Without differences there is one tree, so to speak, and it has nothing to explain.
    trees = [one for one in found if one.total > MIN_TOTAL] or [Variances(1.0, np.zeros(d), np.zeros((d, d)))]
    is_flat = not any(one.total > MIN_TOTAL for one in found)
    singles = np.stack([one.single / one.total for one in trees])  # (n_trees, d)
    pairs = np.stack([one.pair / one.total for one in trees])  # (n_trees, d, d)
    single, pair = singles.mean(axis=0), pairs.mean(axis=0)
    single_spread, pair_spread = singles.std(axis=0), pairs.std(axis=0)
    named = [
        PairShare(*_in_order(sample.names[i], sample.names[j]), float(pair[i, j]), float(pair_spread[i, j]))
        for i, j in combinations(range(d), 2)
    ]
    return Decomposition(
        shares=ranked(sample.names, single, single_spread),
        pairs=tuple(sorted(named, key=lambda one: (-one.share, one.first, one.second))),
        beyond=0.0 if is_flat else max(0.0, float(1 - single.sum() - pair.sum())),
        fit=fit,
        n_trials=len(sample.losses),
        n_pruned=sample.n_pruned,
    )


def _in_order(one: str, other: str) -> tuple[str, str]:
    return (one, other) if one < other else (other, one)
