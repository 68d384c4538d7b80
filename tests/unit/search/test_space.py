"""A search space: reading it, writing it, and telling which parameters are points of it."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.errors import SpaceError
from search.parameters import CategoricalParameter, FloatParameter, IntParameter
from search.space import SearchSpace, parse_space
from tests.unit.search.spaces import MIXED, search_spaces

FLOAT = {"type": "float", "low": 0.5, "high": 2.0}
INT = {"type": "int", "low": 1, "high": 10}


def refusal(shape: object) -> SpaceError:
    with pytest.raises(SpaceError) as caught:
        parse_space({"x": shape})
    return caught.value


@given(search_spaces())
def test_a_space_survives_json(space: SearchSpace) -> None:
    assert parse_space(json.loads(json.dumps(space.to_json()))) == space


@given(search_spaces())
def test_a_space_survives_pickle_and_hashes_equal(space: SearchSpace) -> None:
    copy = pickle.loads(pickle.dumps(space))  # noqa: S301 -- bytes of this very process
    assert copy == space
    assert hash(copy) == hash(space)
    assert list(copy) == list(space)


def test_order_of_the_shape_is_no_part_of_the_space() -> None:
    assert parse_space({"b": FLOAT, "a": INT}) == parse_space({"a": INT, "b": FLOAT})
    assert list(parse_space({"b": FLOAT, "a": INT})) == ["a", "b"]


def test_each_type_is_read() -> None:
    space = parse_space(
        {
            "f": {"type": "float", "low": 1, "high": 2, "log": False, "step": 0.5},
            "l": {"type": "float", "low": 1e-4, "high": 0.1, "log": True, "step": None},
            "i": {"type": "int", "low": 16, "high": 128, "step": 16},
            "c": {"type": "categorical", "choices": ["relu", 1, 0.5, False, None]},
        }
    )
    assert dict(space) == {
        "c": CategoricalParameter(("relu", 1, 0.5, False, None)),
        "f": FloatParameter(1.0, 2.0, step=0.5),
        "i": IntParameter(16, 128, 16),
        "l": FloatParameter(1e-4, 0.1, log=True),
    }


@pytest.mark.parametrize(
    ("shape", "code", "field"),
    [
        (5, "invalid_type", ""),
        ({"low": 0, "high": 1}, "missing_key", ".type"),
        ({"type": "flaot", "low": 0, "high": 1}, "unknown_type", ".type"),
        ({"type": ["float"], "low": 0, "high": 1}, "unknown_type", ".type"),
        ({"type": "float", "high": 1}, "missing_key", ".low"),
        ({"type": "float", "low": 1}, "missing_key", ".high"),
        ({**FLOAT, "setp": 1}, "unknown_key", ".setp"),
        ({"type": "categorical", "choices": ["a"], "low": 1}, "unknown_key", ".low"),
        ({**FLOAT, "low": 3.0}, "low_above_high", ".low"),
        ({**INT, "low": 11}, "low_above_high", ".low"),
        ({**FLOAT, "low": float("nan")}, "not_finite", ".low"),
        ({**FLOAT, "high": float("inf")}, "not_finite", ".high"),
        ({**FLOAT, "high": 10**400}, "not_finite", ".high"),
        ({**FLOAT, "low": True}, "invalid_type", ".low"),
        ({**FLOAT, "low": "1e-4"}, "invalid_type", ".low"),
        ({**FLOAT, "low": None}, "invalid_type", ".low"),
        ({"type": "float", "low": -1.7e308, "high": 1.7e308}, "range_too_wide", ".high"),
        ({**FLOAT, "low": 0, "log": True}, "log_range_not_positive", ".low"),
        ({**FLOAT, "low": -1.0, "log": True}, "log_range_not_positive", ".low"),
        ({"type": "float", "low": 1e10, "high": 1e10 + 1e-5, "log": True}, "log_range_too_narrow", ".log"),
        ({**INT, "low": 0, "log": True}, "log_range_not_positive", ".low"),
        ({**FLOAT, "log": "true"}, "invalid_type", ".log"),
        ({**FLOAT, "log": 1}, "invalid_type", ".log"),
        ({**FLOAT, "step": 0}, "step_not_positive", ".step"),
        ({**FLOAT, "step": -0.5}, "step_not_positive", ".step"),
        ({**FLOAT, "step": float("nan")}, "step_not_positive", ".step"),
        ({**INT, "step": 0}, "step_not_positive", ".step"),
        ({**FLOAT, "step": 1.6}, "step_too_large", ".step"),
        ({**INT, "step": 10}, "step_too_large", ".step"),
        ({**FLOAT, "step": 1e-17}, "step_too_fine", ".step"),
        ({**FLOAT, "step": 0.1, "log": True}, "step_with_log", ".step"),
        ({**INT, "step": 2, "log": True}, "step_with_log", ".step"),
        ({**INT, "high": 16.0}, "invalid_type", ".high"),
        ({**INT, "high": 16.5}, "invalid_type", ".high"),
        ({**INT, "low": True}, "invalid_type", ".low"),
        ({**INT, "step": 1.0}, "invalid_type", ".step"),
        ({**INT, "high": 2**60}, "range_too_wide", ".high"),
        ({"type": "categorical"}, "missing_key", ".choices"),
        ({"type": "categorical", "choices": []}, "empty_choices", ".choices"),
        ({"type": "categorical", "choices": "relu"}, "invalid_type", ".choices"),
        ({"type": "categorical", "choices": {"a": 1}}, "invalid_type", ".choices"),
        ({"type": "categorical", "choices": ["a", "b", "a"]}, "duplicate_choice", ".choices.2"),
        ({"type": "categorical", "choices": [1, True]}, "duplicate_choice", ".choices.1"),
        ({"type": "categorical", "choices": ["a", [1]]}, "unsupported_choice", ".choices.1"),
        ({"type": "categorical", "choices": [float("nan")]}, "not_finite", ".choices.0"),
    ],
)
def test_a_broken_parameter_is_refused(shape: object, code: str, field: str) -> None:
    error = refusal(shape)
    assert (error.code, error.field) == (code, f"search_space.x{field}")
    assert error.message
    assert error.hint


@pytest.mark.parametrize(
    "shape",
    [
        {**FLOAT, "low": 2.0},  # the twin of low > high: one value
        {**FLOAT, "low": 2.0, "step": 0.5},
        {**FLOAT, "step": 1.5},  # the twin of a step beyond the range
        {**FLOAT, "log": True},
        {**FLOAT, "log": True, "step": None},
        {**INT, "log": True, "step": 1},
        {**INT, "step": 9},
        {**INT, "low": 10, "step": 3},
        {"type": "float", "low": 1e10, "high": 1e10 + 1e-5},
        {"type": "float", "low": 5e-324, "high": 1.7e308, "log": True},
        {"type": "categorical", "choices": ["a"]},
        {"type": "categorical", "choices": [0, "0", None, False, ""][:3]},
    ],
)
def test_a_parameter_at_the_edge_of_a_rule_is_read(shape: object) -> None:
    assert len(parse_space({"x": shape})) == 1


def test_the_nearest_type_and_key_are_suggested() -> None:
    assert "'float'" in refusal({"type": "flaot", "low": 0, "high": 1}).hint
    assert "'step'" in refusal({**FLOAT, "setp": 1}).hint
    assert "'choices'" in refusal({"type": "categorical", "choices": ["a"], "choice": 1}).hint


def test_a_number_that_yaml_read_as_text_gets_its_own_hint() -> None:
    assert "1.0e-4" in refusal({**FLOAT, "low": "1e-4"}).hint
    assert "text" not in refusal({**FLOAT, "low": "small"}).hint


def test_an_integral_float_is_told_how_to_be_written() -> None:
    assert refusal({**INT, "high": 16.0}).hint == "write 16"


@pytest.mark.parametrize("name", ["", " x", "x\n", "a" * 201, 5])
def test_a_name_that_cannot_be_shown_is_refused(name: object) -> None:
    with pytest.raises(SpaceError) as caught:
        parse_space({name: FLOAT})
    assert caught.value.code == "invalid_name"


@pytest.mark.parametrize("shape", [None, [], "x", 5])
def test_a_space_must_be_an_object(shape: object) -> None:
    with pytest.raises(SpaceError) as caught:
        parse_space(shape)
    assert (caught.value.code, caught.value.field) == ("invalid_type", "search_space")


def test_an_empty_space_is_read_and_has_one_point() -> None:
    space = parse_space({})
    assert space.size() == 1
    assert space.check({}) == {}


def test_size_is_the_product_of_the_counts() -> None:
    space = parse_space({"a": INT, "b": {**FLOAT, "step": 0.5}, "c": {"type": "categorical", "choices": ["x", "y"]}})
    assert space.size() == 10 * 4 * 2
    assert MIXED.size() is None


GOOD = {
    "learning_rate": 0.01, "dropout": 0.3, "momentum": 1, "hidden_layers": 2,
    "hidden_units": 48, "batch_size": 32, "activation": None,
}  # fmt: skip


def test_parameters_of_the_space_are_taken_in_its_own_types() -> None:
    checked = MIXED.check(GOOD)
    assert checked == GOOD
    assert list(checked) == sorted(GOOD)
    assert isinstance(checked["momentum"], float)
    assert MIXED.fits(GOOD)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"learning_rate": 0.2}, "out_of_range"),
        ({"learning_rate": float("nan")}, "out_of_range"),
        ({"learning_rate": "0.01"}, "invalid_type"),
        ({"momentum": True}, "invalid_type"),
        ({"dropout": 0.25}, "off_step"),
        ({"hidden_layers": 4}, "out_of_range"),
        ({"hidden_layers": 2.0}, "invalid_type"),
        ({"hidden_units": 40}, "off_step"),
        ({"activation": "swish"}, "not_a_choice"),
        ({"activation": 1}, "not_a_choice"),  # the choice is True
        ({"activation": [1]}, "not_a_choice"),
    ],
)
def test_a_value_outside_the_space_is_refused(change: dict[str, object], code: str) -> None:
    with pytest.raises(SpaceError) as caught:
        MIXED.check({**GOOD, **change})
    assert caught.value.code == code
    assert caught.value.field == f"params.{next(iter(change))}"
    assert caught.value.hint
    assert not MIXED.fits({**GOOD, **change})


def test_missing_and_unknown_parameters_are_all_listed() -> None:
    given = {name: value for name, value in GOOD.items() if name != "momentum"} | {"learning_rat": 1}
    problems = MIXED.problems(given)
    assert [(problem.code, problem.field) for problem in problems] == [
        ("unknown_parameter", "learning_rat"),
        ("missing_parameter", "momentum"),
    ]
    assert "'learning_rate'" in problems[0].hint


def test_projecting_drops_what_the_space_does_not_have() -> None:
    assert MIXED.project({**GOOD, "weight_decay": 0.1}) == MIXED.check(GOOD)
    assert MIXED.project({**GOOD, "dropout": 0.25}) is None


@given(st.data(), search_spaces(min_size=1))
def test_every_value_a_parameter_makes_belongs_to_it(data: st.DataObject, space: SearchSpace) -> None:
    for parameter in space.values():
        unit = data.draw(st.floats(0, 1, exclude_max=True))
        value = parameter.from_unit(unit)
        assert parameter.check(value) == value
        if parameter.n_values is not None:
            index = data.draw(st.integers(0, parameter.n_values - 1))
            assert parameter.check(parameter.value_at(index)) == parameter.value_at(index)
