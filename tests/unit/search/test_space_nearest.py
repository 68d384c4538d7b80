"""The point of a space nearest to what another space proposed."""

from __future__ import annotations

import pytest

from search.parameters import ParamValue
from search.space import parse_space

SPACE = parse_space(
    {
        "rate": {"type": "float", "low": 0.01, "high": 0.1, "log": True},
        "units": {"type": "int", "low": 16, "high": 60, "step": 16},
        "kind": {"type": "categorical", "choices": ["a", "b"]},
        "depth": {"type": "int", "low": 1, "high": 3, "when": {"kind": ["b"]}},
        "batch": {"type": "fixed", "value": 32},
    },
    constraints=["rate * units <= 3"],
)
INSIDE: dict[str, ParamValue] = {"rate": 0.02, "units": 32, "kind": "b", "depth": 2, "batch": 32}


@pytest.mark.parametrize(
    ("change", "becomes"),
    [
        ({}, {}),
        ({"rate": 0.001}, {"rate": 0.01}),
        ({"rate": 1}, {"rate": 0.1, "units": 16}),
        ({"units": 1000}, {"units": 48}),
        ({"units": 39.9}, {"units": 32}),
        ({"batch": 64}, {"batch": 32}),
        ({"depth": 9, "other": "x"}, {"depth": 3}),
    ],
)
def test_numbers_move_to_the_nearest_value(change: dict[str, ParamValue], becomes: dict[str, ParamValue]) -> None:
    start = {**INSIDE, "units": 16} if "rate" in change else INSIDE
    expected = {**start, **becomes}
    assert SPACE.nearest({**start, **change}) == expected
    assert SPACE.check(expected) == expected


def test_what_is_not_active_is_left_out() -> None:
    assert SPACE.nearest({**INSIDE, "kind": "a"}) == {"rate": 0.02, "units": 32, "kind": "a", "batch": 32}


@pytest.mark.parametrize(
    "change", [{"kind": "c"}, {"units": "many"}, {"units": True}, {"rate": float("nan")}, {"rate": 0.1, "units": 48}]
)
def test_where_nothing_is_near_there_is_none(change: dict[str, ParamValue]) -> None:
    assert SPACE.nearest({**INSIDE, **change}) is None


def test_a_missing_parameter_is_not_invented() -> None:
    assert SPACE.nearest({name: value for name, value in INSIDE.items() if name != "rate"}) is None
