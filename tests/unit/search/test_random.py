"""Random draws: functions of seed, number and name, and of nothing else."""

from __future__ import annotations

import math
from itertools import pairwise

from search.samplers.draws import derive_seed, draw_unit
from search.samplers.random import draw_params
from search.space import parse_space
from tests.unit.search.spaces import MIXED


def test_draws_never_change() -> None:
    # Studies stored by an older version must replay: these figures may change with no dependency and no rewrite.
    assert [draw_unit(7, 0, "x"), draw_unit(7, 1, "x"), draw_unit(8, 0, "x"), draw_unit(7, 0, "y")] == [
        0.6630167476161651,
        0.12712873628220744,
        0.3918581381635431,
        0.635813083847598,
    ]
    assert [derive_seed(7, 0), derive_seed(7, 1), derive_seed(8, 0)] == [2083679832, 369571992, 765685289]


def test_another_parameter_moves_no_other() -> None:
    fewer = parse_space({name: shape for name, shape in MIXED.to_json().items() if name != "dropout"})
    for number in range(5):
        drawn = draw_params(MIXED, 7, number)
        del drawn["dropout"]
        assert drawn == draw_params(fewer, 7, number)


def test_trials_and_seeds_differ() -> None:
    drawn = [tuple(draw_params(MIXED, seed, number).values()) for seed in (1, 2) for number in range(20)]
    assert len(set(drawn)) == 40


def test_draws_fill_the_interval_evenly() -> None:
    """Kolmogorov-Smirnov at a level of 1e-6, over numbers and over seeds."""
    for units in ([draw_unit(7, i, "x") for i in range(2000)], [draw_unit(i, 7, "x") for i in range(2000)]):
        gap = max(max(abs(u - i / 2000), abs(u - (i + 1) / 2000)) for i, u in enumerate(sorted(units)))
        assert gap < 2.7 / math.sqrt(2000)


def test_neighbouring_draws_are_unrelated() -> None:
    """Correlation of successive trials, successive seeds and two names lies within five standard errors."""
    streams = [
        list(pairwise(draw_unit(7, i, "x") for i in range(2001))),
        list(pairwise(draw_unit(i, 7, "x") for i in range(2001))),
        [(draw_unit(7, i, "x"), draw_unit(7, i, "y")) for i in range(2000)],
    ]
    for stream in streams:
        correlation = 12 * sum((a - 0.5) * (b - 0.5) for a, b in stream) / len(stream)
        assert abs(correlation) < 5 / math.sqrt(2000)
