"""How candidates that were trained again are ordered."""

from __future__ import annotations

import math
import random
from statistics import fmean

import pytest

from search.confirmation import Candidate, rank, standard_error
from search.types import Direction


def numbers(*candidates: Candidate, direction: Direction = "maximize") -> list[int]:
    return [one.number for one in rank(candidates, direction).candidates]


def test_the_best_mean_wins_in_either_direction() -> None:
    lucky, steady = Candidate(0, 0.99, (0.80, 0.82)), Candidate(1, 0.95, (0.94, 0.96))
    assert numbers(lucky, steady) == [1, 0]
    assert numbers(lucky, steady, direction="minimize") == [0, 1]
    found = rank([lucky, steady], "maximize")
    assert (found.n_compared, found.reason) == (3, "the mean of its 3 runs is 0.95, the best of 2")


def test_candidates_are_compared_by_as_many_runs_as_each_has() -> None:
    """By all runs 0.91 would beat 0.90; but over two each the second is ahead, and a lucky first run gains nothing."""
    ahead, behind = Candidate(0, 0.94, (0.84, 0.95)), Candidate(1, 0.92, (0.88,))
    assert fmean(ahead.runs) > fmean(behind.runs)
    assert numbers(ahead, behind) == [1, 0]
    unconfirmed = Candidate(2, 0.93)
    found = rank([ahead, unconfirmed, behind], "maximize")
    assert [one.number for one in found.candidates] == [0, 2, 1]
    assert found.n_compared == 1
    assert "not every candidate was trained again yet" in found.reason


def test_what_failed_when_trained_again_stands_behind() -> None:
    broken, sound = Candidate(0, 0.99, (0.99,), n_failed=1), Candidate(1, 0.90, (0.90, 0.90))
    assert numbers(broken, sound) == [1, 0]
    assert rank([broken, sound], "maximize").n_compared == 3
    assert "1 of them failed" in rank([broken, sound], "maximize").reason
    assert numbers(broken) == [0]


def test_equal_means_leave_the_order_as_it_was() -> None:
    assert numbers(Candidate(4, 0.9, (0.8,)), Candidate(1, 0.8, (0.9,))) == [4, 1]


def test_the_standard_error_is_that_of_the_mean() -> None:
    assert standard_error([0.5]) is None
    assert standard_error([1.0, 3.0]) == pytest.approx(1.0)
    assert standard_error([1.0, 2.0, 3.0, 4.0]) == pytest.approx(math.sqrt(5 / 3) / 2)


def test_training_again_finds_better_winners_and_tells_better_what_they_are_worth() -> None:
    """On average over many studies of twenty trials, whose noise is as large as their differences.

    The winner by one run is worth less than the winner by four, and much less than its value says.
    """
    rng, n = random.Random(5), 400
    gain = first_excess = mean_excess = fresh_excess = 0.0
    for _ in range(n):
        truths = [rng.gauss(0.0, 1.0) for _ in range(20)]
        first = {number: truth + rng.gauss(0.0, 1.0) for number, truth in enumerate(truths)}
        top = sorted(first, key=lambda number: -first[number])[:4]
        fresh = {number: tuple(truths[number] + rng.gauss(0.0, 1.0) for _ in range(3)) for number in top}
        winner = rank([Candidate(number, first[number], fresh[number]) for number in top], "maximize").candidates[0]
        gain += (truths[winner.number] - truths[top[0]]) / n
        first_excess += (first[top[0]] - truths[top[0]]) / n
        mean_excess += (fmean(winner.runs) - truths[winner.number]) / n
        fresh_excess += (fmean(winner.fresh) - truths[winner.number]) / n
    assert gain > 0.25
    assert first_excess > 1.2
    assert fresh_excess < mean_excess < 0.4
