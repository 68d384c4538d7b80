"""Packed points are the same points, bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.packing import Points, join, pack, unpack

_BITS = st.integers(0, 2**64 - 1)
_POINT = st.tuples(st.integers(1, 2**40), _BITS, st.integers(-(2**52), 2**52))


def points_of(rows: list[tuple[int, int, int]]) -> Points:
    """Return points of differences of steps, bits of values, and times."""
    gaps, bits, times = zip(*rows, strict=True)
    return Points(np.cumsum(gaps), np.array(bits, np.uint64).view(np.float64), np.array(times, np.int64))


def is_same(one: Points, other: Points) -> bool:
    return all(
        getattr(one, column).tobytes() == getattr(other, column).tobytes() for column in ("steps", "values", "at_ms")
    )


@given(st.lists(_POINT, min_size=1, max_size=200))
def test_every_bit_comes_back(rows: list[tuple[int, int, int]]) -> None:
    points = points_of(rows)
    assert is_same(unpack(pack(points)), points)


def test_numbers_that_are_not_finite_keep_sign_and_payload() -> None:
    odd = [math.nan, -math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324]
    values = np.append(np.array(odd), np.array([0x7FF8_0000_DEAD_BEEF], np.uint64).view(np.float64))
    points = Points(np.arange(len(values)), values, np.zeros(len(values), np.int64))
    assert is_same(unpack(pack(points)), points)


def test_a_usual_curve_takes_a_third_of_its_numbers_at_most() -> None:
    steps = np.arange(4096)
    values = np.exp(-steps / 900) + 0.05 * np.random.default_rng(1).standard_normal(4096)
    content = pack(Points(steps, values, 1_700_000_000_000 + steps // 100 * 10_000))
    assert len(content) < 8 * 4096


def test_bytes_of_another_version_or_of_another_length_are_refused() -> None:
    content = pack(points_of([(1, 2, 3), (4, 5, 6)]))
    assert len(unpack(content)) == 2
    with pytest.raises(ValueError, match="version 9"):
        unpack(b"\x09" + content[1:])
    with pytest.raises(ValueError, match="3 points take"):
        unpack(content[:1] + b"\x03" + content[2:])


@given(st.lists(_POINT, min_size=2, max_size=50), st.data())
def test_parts_join_to_the_whole(rows: list[tuple[int, int, int]], data: st.DataObject) -> None:
    points = points_of(rows)
    cut = data.draw(st.integers(1, len(rows) - 1))
    assert is_same(join([points.only(slice(0, cut)), points.only(slice(cut, None))]), points)
