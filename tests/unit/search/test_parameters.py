"""Lattices, logarithms and shares of the three kinds of parameter, next to Optuna's own."""

from __future__ import annotations

import math
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution

from search.errors import SpaceError
from search.parameters import CategoricalParameter, FloatParameter, IntParameter, Parameter
from search.samplers.seen import to_optuna
from search.space import SearchSpace
from tests.unit.search.spaces import MIXED, floats, ints, parameters


def test_a_lattice_holds_the_numbers_people_write() -> None:
    tenths = FloatParameter(0.0, 1.0, step=0.1)
    assert [tenths.value_at(i) for i in range(11)] == [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    assert tenths.n_values == 11


@pytest.mark.parametrize(
    ("low", "high", "step", "last", "count"),
    [
        (0.0, 0.3, 0.1, 0.3, 4),  # 0.3 // 0.1 is 2 in doubles
        (0.1, 0.7, 0.2, 0.7, 4),
        (0.0, 1.0, 0.3, 0.9, 4),
        (0.0, 1e-5, 1e-6, 1e-5, 11),
        (-1.0, 1.0, 0.5, 1.0, 5),
        (5.0, 5.0, 1.0, 5.0, 1),
    ],
)
def test_high_belongs_to_the_lattice_where_decimals_say_so(
    low: float, high: float, step: float, last: float, count: int
) -> None:
    parameter = FloatParameter(low, high, step=step)
    assert (parameter.last, parameter.n_values) == (last, count)


@given(floats(countable=True))
def test_a_lattice_ends_where_optunas_does(parameter: FloatParameter) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna warns about a high off the lattice
        theirs = FloatDistribution(parameter.low, parameter.high, step=parameter.step)
    assert parameter.last == theirs.high


@given(floats(countable=True), st.floats(-0.3, 0.3))
def test_a_value_near_a_lattice_point_snaps_to_it(parameter: FloatParameter, offset: float) -> None:
    assert parameter.step is not None
    for index in range(parameter.n_values or 0):
        point = parameter.value_at(index)
        assert parameter.snap(point + offset * parameter.step) == point


@given(st.one_of(floats(), ints()))
def test_the_ends_of_the_unit_interval_reach_the_ends_of_the_range(parameter: FloatParameter | IntParameter) -> None:
    first, last = parameter.from_unit(0.0), parameter.from_unit(math.nextafter(1, 0))
    slack = (parameter.high - parameter.low) * 1e-9
    assert math.isclose(first, parameter.low, rel_tol=1e-9, abs_tol=slack)
    assert math.isclose(last, parameter.last, rel_tol=1e-9, abs_tol=slack)


def test_equal_shares_of_the_unit_interval_go_to_each_value() -> None:
    for parameter in (
        IntParameter(3, 11, step=2),
        FloatParameter(0.0, 0.4, step=0.1),
        CategoricalParameter(("a", "b", "c", "d", "e")),
    ):
        drawn = [parameter.from_unit((i + 0.5) / 50) for i in range(50)]
        assert [drawn.count(parameter.value_at(i)) for i in range(5)] == [10] * 5


def test_a_logarithmic_range_gives_each_decade_the_same_share() -> None:
    parameter = FloatParameter(1e-4, 1.0, log=True)
    drawn = [parameter.from_unit((i + 0.5) / 400) for i in range(400)]
    assert [sum(10.0**e <= value < 10.0 ** (e + 1) for value in drawn) for e in range(-4, 0)] == [100] * 4


def test_a_logarithmic_int_reaches_both_ends_and_favours_the_small() -> None:
    parameter = IntParameter(1, 100, log=True)
    drawn = [parameter.from_unit((i + 0.5) / 2000) for i in range(2000)]
    assert set(range(1, 30)) | {100} <= set(drawn)
    assert drawn.count(1) > 10 * drawn.count(50) > 0
    assert drawn.count(1) == pytest.approx(2000 * math.log(1.5 / 0.5) / math.log(100.5 / 0.5), abs=1)
    assert drawn.count(100) == pytest.approx(2000 * math.log(100.5 / 99.5) / math.log(100.5 / 0.5), abs=1)


def test_a_choice_is_not_mistaken_for_an_equal_of_another_type() -> None:
    parameter = CategoricalParameter((1, "1"))
    assert parameter.check(1) == 1
    assert parameter.check("1") == "1"
    assert CategoricalParameter((True, "x")).check(True) is True


def test_every_parameter_has_its_counterpart_in_optuna() -> None:
    theirs = to_optuna(MIXED)
    assert list(theirs) == list(MIXED)
    params = {name: parameter.value_at(0) for name, parameter in MIXED.items()}
    for name, value in params.items():
        assert theirs[name].to_external_repr(theirs[name].to_internal_repr(value)) == value


def test_a_value_beyond_the_last_lattice_point_snaps_to_that() -> None:
    parameter = FloatParameter(0.0, 0.5, step=0.3)
    assert parameter.snap(0.5) == parameter.last == 0.3
    assert IntParameter(0, 5, step=3).snap(5) == 3
    with pytest.raises(SpaceError) as caught:
        parameter.check(0.5)
    assert (caught.value.code, caught.value.hint) == ("off_step", "nearest: 0.3")
    assert parameter.check(0.3) == 0.3


@given(parameters())
def test_optuna_takes_the_same_values_and_warns_of_nothing(parameter: Parameter) -> None:
    theirs = to_optuna(SearchSpace((("x", parameter),)))["x"]
    count = parameter.n_values
    for index in range(0 if count is None else min(count, 50)):
        value = parameter.value_at(index if index % 2 else (count or 1) - 1 - index)
        internal = theirs.to_internal_repr(value)
        assert theirs._contains(internal)
        assert theirs.to_external_repr(internal) == value
