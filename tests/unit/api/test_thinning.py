"""Thinned curves lose nothing that a chart could show."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from api.services.overviews import pack, summarise, unpack
from api.services.thinning import apart, column_width, extremes, round_digits
from db.packing import Points

VALUES = st.lists(st.floats(width=32) | st.sampled_from([math.nan, math.inf, -math.inf]), min_size=1, max_size=200)
GAPS = st.integers(1, 40)


@st.composite
def curves(draw: st.DrawFn) -> Points:
    """Draw a curve whose steps have gaps."""
    values = draw(VALUES)
    gaps = draw(st.lists(GAPS, min_size=len(values), max_size=len(values)))
    steps = np.cumsum(np.array(gaps, np.int64)) - 1
    return Points(steps, np.array(values, np.float64), steps * 7)


def kinds_of(values: np.ndarray) -> set[str]:
    return {"nan" if math.isnan(value) else str(value) for value in values.tolist() if not math.isfinite(value)}


@given(curves(), st.sampled_from([1, 2, 4, 8, 64, 1024]))
def test_each_column_keeps_its_minimum_maximum_and_kinds_of_non_finite_points(points: Points, width: int) -> None:
    kept = points.only(extremes(points.steps // width, points.values))
    assert set(kept.steps.tolist()) <= set(points.steps.tolist())
    for column in np.unique(points.steps // width):
        whole = points.values[points.steps // width == column]
        seen = kept.values[kept.steps // width == column]
        assert len(seen) <= 5
        assert kinds_of(seen) == kinds_of(whole)
        finite = whole[np.isfinite(whole)]
        if len(finite):
            shown = seen[np.isfinite(seen)]
            assert (shown.min(), shown.max()) == (finite.min(), finite.max())


@given(curves(), st.integers(0, 4), st.integers(0, 4))
def test_a_column_keeps_the_same_of_an_overview_as_of_all_points(points: Points, fine: int, more: int) -> None:
    bin_steps, width = 2**fine, 2 ** (fine + more)
    overview = summarise(points, bin_steps)
    direct = points.only(extremes(points.steps // width, points.values))
    twice = overview.only(extremes(overview.steps // width, overview.values))
    assert twice.steps.tolist() == direct.steps.tolist()
    assert np.array_equal(twice.values, direct.values, equal_nan=True)


@given(curves())
def test_an_overview_is_stored_and_read_without_loss(points: Points) -> None:
    again = unpack(pack(points))
    assert np.array_equal(again.steps, points.steps)
    assert np.array_equal(again.at_ms, points.at_ms)
    assert again.values.tobytes() == points.values.tobytes()


@given(st.floats(1e-6, 1e12), st.integers(1, 10_000))
def test_columns_are_a_power_of_two_wide_and_no_wider_than_twice_what_is_needed(span: float, n_columns: int) -> None:
    width = column_width(span, n_columns)
    assert math.frexp(width)[0] == 0.5
    assert span / width <= n_columns * (1 + 1e-12)
    assert span / width > n_columns / 2 * (1 - 1e-12)


@given(st.lists(st.floats(), max_size=50))
def test_rounding_keeps_seven_digits_and_what_is_not_finite(values: list[float]) -> None:
    array = np.array(values, np.float64)
    rounded = round_digits(array)
    finite = np.isfinite(array)
    assert np.array_equal(rounded[~finite], array[~finite], equal_nan=True)
    assert np.all(np.abs(rounded[finite] - array[finite]) <= 1e-6 * np.abs(array[finite]))


def test_rounded_numbers_are_short() -> None:
    rounded = round_digits(np.array([1 / 3, -2e-5 / 7, 123456.789, 0.0, 1e9 / 7]))
    assert [repr(value) for value in rounded.tolist()] == [
        "0.3333333",
        "-2.857143e-06",
        "123456.8",
        "0.0",
        "142857100.0",
    ]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200), st.integers(1, 20))
def test_a_cloud_keeps_a_point_of_each_place_and_the_extremes_of_each_bin(drawn: list[float], n_rows: int) -> None:
    values, bins = np.array(drawn), np.arange(len(drawn)) // 16
    kept = apart(bins, values, n_rows)
    assert (kept | ~extremes(bins, values)).all()
    height = (values.max() - values.min()) / n_rows
    for here, value in zip(bins, values, strict=True):
        assert (np.abs(values[kept & (bins == here)] - value) <= height * 1.001).any()
    assert kept.sum() <= (bins[-1] + 1) * (n_rows + 3)
