"""How many trials fit on a device, by what was measured."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.services.admission import NONE, Admission, Room, admit, admit_alone, need_bytes, with_margin

IDLE = Room("GPU-1", 1000, 1000, is_idle=True)
HALF = Room("GPU-1", 1000, 500, is_idle=False)
PEAKS = st.dictionaries(st.integers(1, 64), st.integers(1, 10_000), min_size=1)


@pytest.mark.parametrize(
    ("peaks", "n_lanes", "needed"),
    [
        ({1: 100, 4: 220}, 1, 100),
        ({1: 100, 4: 220}, 2, 140),
        ({1: 100, 4: 220}, 6, 300),
        ({4: 220}, 1, 220),
        ({4: 220}, 8, 440),
        ({1: 100, 4: 90}, 3, 100),
        ({1: 100, 4: 90}, 8, 100),
    ],
)
def test_what_lanes_need_lies_on_a_line_through_what_was_measured(
    peaks: dict[int, int], n_lanes: int, needed: int
) -> None:
    assert need_bytes(peaks, n_lanes) == needed


def test_a_structure_that_is_new_has_the_device_to_itself() -> None:
    assert admit(IDLE, {}, 16) == Admission(16, promised_bytes=1000, limit_bytes=None)
    assert admit(HALF, {}, 16) == NONE


def test_beside_others_it_gets_twice_of_the_largest_lane_and_no_more() -> None:
    assert admit(HALF, {}, 16, largest_bytes=200) == Admission(1, 400, 400)
    assert admit(HALF, {}, 16, largest_bytes=251) == NONE


def test_as_many_fit_as_what_was_measured_leaves_room_for() -> None:
    peaks = {1: 100, 4: 250}
    assert admit(HALF, peaks, 16) == Admission(8, 495, 495)
    assert admit(HALF, peaks, 3) == Admission(3, 220, 220)
    assert admit(Room("GPU-1", 1000, 109, is_idle=False), peaks, 16) == NONE


def test_members_of_a_trial_are_lanes_and_need_not_all_fit() -> None:
    peaks = {1: 100, 4: 250}
    assert admit(HALF, peaks, 16, n_members=4) == Admission(2, 495, 495)
    assert admit(HALF, peaks, 16, n_members=20) == Admission(1, 495, 495)


def test_alone_a_trial_needs_no_margin() -> None:
    assert admit(IDLE, {1: 950}, 16) == Admission(1, 1000)
    assert admit(Room("GPU-1", 1000, 1000, is_idle=False), {1: 950}, 16) == NONE
    assert admit(Room("GPU-1", 1000, 900, is_idle=True), {1: 950}, 16) == NONE, "somebody else is there"


def test_what_ran_out_of_memory_waits_for_a_device_without_others() -> None:
    assert admit_alone(IDLE) == Admission(1, 1000)
    assert admit_alone(HALF) == NONE


@given(peaks=PEAKS, free=st.integers(0, 20_000), n_max=st.integers(1, 32), n_members=st.integers(1, 4))
def test_nobody_is_promised_more_than_is_free(peaks: dict[int, int], free: int, n_max: int, n_members: int) -> None:
    found = admit(Room("GPU-1", 20_000, free, is_idle=False), peaks, n_max, n_members)
    assert 0 <= found.n_trials <= n_max
    assert found.promised_bytes <= free
    if found.n_trials:
        assert found.limit_bytes == found.promised_bytes
        assert found.promised_bytes >= with_margin(need_bytes(peaks, 1))
