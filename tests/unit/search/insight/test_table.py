"""Many trials at once say what each says alone."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import numpy as np
import pytest

from search.insight.table import InsightRequest, tabulate
from search.insight.units import units_of, units_of_all
from search.samplers.random import draw_params
from search.space import SearchSpace, parse_space
from search.types import PastTrial
from tests.unit.search.insight.studies import CONDITIONAL

MIXED = {
    "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
    "share": {"type": "float", "low": -1, "high": 2},
    "stepped": {"type": "float", "low": 0.1, "high": 0.9, "step": 0.1},
    "width": {"type": "int", "low": 1, "high": 64, "log": True},
    "depth": {"type": "int", "low": 2, "high": 10, "step": 4},
    "kind": {"type": "categorical", "choices": ["x", None, True, 2, 0.5]},
    "held": {"type": "fixed", "value": 3},
}
ODD = [None, True, False, 1, 2, 2.0, 0.30000000001, 0.35, "x", "2", math.nan, math.inf, -5, 10**400, [1]]
SPACES = {
    "flat": parse_space(MIXED),
    "conditional": CONDITIONAL,
    "constrained": parse_space(MIXED, constraints=["width > depth"]),
    "empty": parse_space({}),
}


def rows_of(space: SearchSpace, n: int) -> list[Mapping[str, object]]:
    """Draw points, some of which lack a value, have one too many, or an odd one."""
    lot = random.Random(7)
    rows: list[Mapping[str, object]] = []
    for place in range(n):
        row: dict[str, object] = dict(draw_params(space, 1, place))
        if row and place % 3 == 0:
            row[lot.choice(list(row))] = lot.choice(ODD)
        if row and place % 7 == 0:
            del row[lot.choice(list(row))]
        rows.append({**row, "removed": 1} if place % 5 == 0 else row)
    return rows


@pytest.mark.parametrize("name", SPACES)
def test_many_points_lie_where_each_lies_alone(name: str) -> None:
    space = SPACES[name]
    rows = rows_of(space, 600)
    units, fits = units_of_all(space, rows)
    alone = [space.project(row) for row in rows]
    assert fits.tolist() == [params is not None for params in alone]
    assert name == "empty" or 0 < fits.sum() < len(rows)
    expected = [units_of(space, params) for params in alone if params is not None]
    np.testing.assert_array_equal(units[fits], np.array(expected).reshape(int(fits.sum()), len(space)))


def test_a_table_that_is_known_is_not_made_again() -> None:
    space = SPACES["flat"]
    trials = [PastTrial(place, "COMPLETE", draw_params(space, 1, place), (float(place),)) for place in range(5)]
    made = tabulate(InsightRequest(space, ("minimize",), trials))
    assert made.n_trials == 5
    assert tabulate(InsightRequest(space, ("minimize",), [], table=made)) is made
