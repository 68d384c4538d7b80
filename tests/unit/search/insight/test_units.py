"""Where values lie in their parameters."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.insight.units import unit_of, units_of
from search.parameters import CategoricalParameter, FloatParameter, IntParameter, Parameter
from tests.unit.search import spaces
from tests.unit.search.insight.studies import CONDITIONAL

UNITS = st.floats(0, 1, exclude_max=True)


@given(st.one_of(spaces.floats(countable=True), spaces.ints(countable=True)), UNITS)
def test_values_of_a_lattice_come_back(parameter: Parameter, unit: float) -> None:
    value = parameter.from_unit(unit)
    assert 0 <= unit_of(parameter, value) <= 1
    assert parameter.from_unit(min(unit_of(parameter, value), 1 - 2**-53)) == value


@pytest.mark.parametrize(
    "parameter", [FloatParameter(-3, 5), FloatParameter(1e-5, 0.1, log=True), IntParameter(1, 10**6, log=True)]
)
@given(unit=UNITS)
def test_units_of_a_range_come_back(parameter: FloatParameter | IntParameter, unit: float) -> None:
    value = parameter.from_unit(unit)
    within = (
        1e-9 if isinstance(parameter, FloatParameter) else math.log((value + 0.5) / (value - 0.5)) / 14  # its own share
    )
    assert unit_of(parameter, value) == pytest.approx(unit, abs=within)


def test_choices_are_told_apart_as_people_wrote_them() -> None:
    parameter = CategoricalParameter((True, 1.5, None, "1"))
    assert [unit_of(parameter, value) for value in (True, 1.5, None, "1")] == [0.125, 0.375, 0.625, 0.875]


def test_an_inactive_parameter_lies_nowhere() -> None:
    units = units_of(CONDITIONAL, {"optimizer": "adam", "beta": 0.75, "rate": 1e-2})
    assert list(CONDITIONAL) == ["beta", "momentum", "optimizer", "rate"]
    assert units[0] == 0.5
    assert math.isnan(units[1])
    assert units[2:] == [0.75, pytest.approx(0.5)]
