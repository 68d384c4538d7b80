"""Ensembles of trees: one fit of the largest serves every smaller one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, TypeAlias

from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from benchmarks.search.recipes.base import Numbers, Part, Result, log_loss, rmse, timed
from benchmarks.search.spaces import Params

SEED = 1
Measure: TypeAlias = Callable[[Numbers, Numbers], float]


def grow_classes(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Grow a random forest tree by tree."""
    options = _without(cells[0], "n_estimators")
    forest = RandomForestClassifier(**options, warm_start=True, random_state=SEED)
    return _grow(forest, part, cells, lambda x, y: log_loss(forest.predict_proba(x), y))


def grow_numbers(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Grow a random forest or extremely randomised trees, tree by tree."""
    kind = RandomForestRegressor if cells[0]["kind"] == "forest" else ExtraTreesRegressor
    forest = kind(**_without(cells[0], "n_estimators", "kind"), warm_start=True, random_state=SEED)
    return _grow(forest, part, cells, lambda x, y: rmse(forest.predict(x), y))


def boost_classes(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Boost trees; the losses of each stage come from one fit."""
    n_most = max(int(cell["n_estimators"]) for cell in cells)
    model = GradientBoostingClassifier(**{**cells[0], "n_estimators": n_most}, random_state=SEED)
    _, seconds = timed(lambda: model.fit(part.x, part.y))
    stages = _stages(model.staged_predict_proba, log_loss, part, n_most)
    return [_at(stages, int(cell["n_estimators"]), seconds) for cell in cells]


def boost_numbers(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Boost regression trees with one of three losses."""
    n_most = max(int(cell["n_estimators"]) for cell in cells)
    model = GradientBoostingRegressor(**{**cells[0], "n_estimators": n_most}, random_state=SEED)
    _, seconds = timed(lambda: model.fit(part.x, part.y))
    stages = _stages(model.staged_predict, rmse, part, n_most)
    return [_at(stages, int(cell["n_estimators"]), seconds) for cell in cells]


def boost_counts(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Boost histogram trees; targets of the Poisson loss are shifted so that they are counts again."""
    n_most = max(int(cell["max_iter"]) for cell in cells)
    model = HistGradientBoostingRegressor(**{**cells[0], "max_iter": n_most}, random_state=SEED, early_stopping=False)
    least = float(part.y.min())
    _, seconds = timed(lambda: model.fit(part.x, part.y - least))
    shifted = Part(part.x, part.y, part.x_val, part.y_val - least, part.x_test, part.y_test - least, part.constant_loss)
    stages = _stages(model.staged_predict, rmse, shifted, n_most)
    return [_at(stages, int(cell["max_iter"]), seconds) for cell in cells]


def _without(cell: Params, *names: str) -> dict[str, Any]:
    return {name: value for name, value in cell.items() if name not in names}


def _grow(forest: Any, part: Part, cells: Sequence[Params], measure: Measure) -> list[Result]:
    total_s = 0.0
    found: dict[int, Result] = {}
    for n_trees in sorted({int(cell["n_estimators"]) for cell in cells}):
        forest.set_params(n_estimators=n_trees)
        _, seconds = timed(lambda: forest.fit(part.x, part.y))
        total_s += seconds
        found[n_trees] = Result(measure(part.x_val, part.y_val), measure(part.x_test, part.y_test), total_s)
    return [found[int(cell["n_estimators"])] for cell in cells]


def _stages(
    staged: Callable[[Numbers], Any], measure: Callable[[Numbers, Numbers], float], part: Part, n_most: int
) -> list[Result]:
    """Return the losses of the first 1..n_most trees; `seconds` is the share of the fit."""
    pairs = zip(islice(staged(part.x_val), n_most), islice(staged(part.x_test), n_most), strict=True)
    return [
        Result(measure(val, part.y_val), measure(test, part.y_test), place / n_most)
        for place, (val, test) in enumerate(pairs, start=1)
    ]


def _at(stages: Sequence[Result], n_trees: int, seconds: float) -> Result:
    stage = stages[n_trees - 1]
    return stage._replace(seconds=stage.seconds * seconds)
