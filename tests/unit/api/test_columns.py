"""Columns of trials as text: what a number, a choice and a hole look like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from api.services.columns import _INACTIVE, _param, _rounded
from search.parameters import CategoricalParameter, FloatParameter, IntParameter


def column(parameter: Any, values: list[Any]) -> dict[str, Any]:
    return {name: json.loads(text) for name, text in _param(parameter, values).items()}


def test_numbers_have_six_digits_and_whole_ones_all() -> None:
    values = [0.123456789, 123456.789, 2**40, None, float("inf"), float("-inf"), float("nan"), -0.0]
    found = json.loads(_rounded(values))
    assert found == [0.123457, 123457, 2**40, None, "Infinity", "-Infinity", "NaN", 0]


def test_a_parameter_of_the_space_says_how_it_is_spaced() -> None:
    assert column(FloatParameter(1e-4, 0.1, log=True), [0.01, _INACTIVE]) == {
        "kind": "number",
        "is_log": True,
        "values": [0.01, None],
    }
    assert column(IntParameter(1, 5), [3])["is_log"] is False


def test_a_parameter_that_the_space_no_longer_has_is_what_its_values_are() -> None:
    assert column(None, [1, 0.5, _INACTIVE])["kind"] == "number"
    assert column(None, ["a", _INACTIVE, "b", "a"]) == {
        "kind": "category",
        "choices": ["a", "b"],
        "codes": [0, -1, 1, 0],
    }


def test_a_value_from_before_an_edit_makes_choices_of_numbers() -> None:
    found = column(IntParameter(1, 5), [3, "many", 3])
    assert (found["kind"], found["choices"], found["codes"]) == ("category", ["3", "many"], [0, 1, 0])


@pytest.mark.parametrize(
    ("choices", "names"),
    [
        ((None, True, "relu", 0.5), ["null", "true", "relu", "0.5"]),
        ((1, "1"), ["1", '"1"']),
    ],
)
def test_choices_are_told_apart_by_their_names(choices: tuple[Any, ...], names: list[str]) -> None:
    found = column(CategoricalParameter(choices), [*reversed(choices), _INACTIVE])
    assert found["choices"] == names
    assert found["codes"] == [*reversed(range(len(choices))), -1]


def test_true_is_not_one() -> None:
    assert column(CategoricalParameter((1, 2)), [True, 1, 2])["codes"] == [2, 0, 1]
