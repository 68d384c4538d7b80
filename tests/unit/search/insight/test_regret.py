"""The study beside random search: exact formulas beside counting, and the surrogate beside the truth."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import pytest

from search.insight.regret import BAND, Regret, chances_shuffled, regret
from search.insight.table import InsightRequest, TooFew
from search.parameters import ParamValue
from search.samplers.random import draw_params
from search.samplers.tpe import TpeSampler
from search.space import parse_space
from search.types import Direction, PastTrial, SuggestRequest
from tests.unit.search.insight.studies import CONDITIONAL, UNIT, Params, number, random_history, request_of, unit_space

SPACE = parse_space({**dict.fromkeys("abc", UNIT), "kind": {"type": "categorical", "choices": ["x", "y", "z"]}})


def loss(params: Params) -> float:
    """Bend in two numbers that go together, ripple in a third, jump with a choice."""
    a, b, c = (number(params, name) for name in "abc")
    return 8 * (a - 0.2) ** 2 + abs(b - a) + 0.1 * math.sin(20 * c) + {"x": 0.5, "y": 0, "z": 1}[str(params["kind"])]


def compared(request: InsightRequest) -> Regret:
    """Compare a study that has trials enough."""
    found = regret(request)
    assert isinstance(found, Regret)
    return found


# ---- the trials shuffled


def test_chances_are_those_of_counting_subsets() -> None:
    n = 6
    for k, chances in enumerate(chances_shuffled(n, np.arange(1, n + 1)), start=1):
        best = [min(subset) for subset in combinations(range(n), k)]
        for rank in range(n):
            chance = chances[rank] if rank < len(chances) else 0.0
            assert chance == pytest.approx(np.mean([one > rank for one in best]))


def test_the_shuffled_curve_is_the_mean_over_all_orders() -> None:
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0]
    history = [PastTrial(i, "COMPLETE", {"a": i / 10}, (value,)) for i, value in enumerate(values)]
    found = compared(InsightRequest(unit_space("a"), ("minimize",), history))
    assert found.study == (3, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    for k in range(1, 11):
        best = [min(subset) for subset in combinations(values, k)]
        assert found.shuffled.mean[k - 1] == pytest.approx(np.mean(best))
        assert found.shuffled.high is not None
        assert np.mean([one <= found.shuffled.high[k - 1] for one in best]) >= BAND[0]
        assert np.mean([one < found.shuffled.high[k - 1] for one in best]) < BAND[0]


def test_of_thousands_the_chances_stay_finite() -> None:
    alone, half, every = chances_shuffled(10_000, np.array([1, 5_000, 10_000]))
    assert alone == pytest.approx(1 - np.arange(1, 10_000) / 10_000)
    assert 1_000 < len(half) < 2_000  # what is left out is 0 as a double
    assert half[:3] == pytest.approx([0.5, 0.24997, 0.12496], rel=1e-3)
    assert half[-1] < 1e-300
    assert len(every) == 0


# ---- random search replayed


def learned(n_trials: int, seed: int) -> InsightRequest:
    """Run a search that learns, whose trials lie in one corner."""
    history: list[PastTrial] = []
    for i in range(n_trials):
        asked = TpeSampler().suggest(SuggestRequest(SPACE, ("minimize",), seed, i, history=history))
        assert asked is not None
        history.append(PastTrial(i, "COMPLETE", asked.params, (loss(asked.params),)))
    return InsightRequest(SPACE, ("minimize",), history)


def test_replayed_random_search_does_as_random_search_does() -> None:
    pool = np.sort([loss(draw_params(SPACE, 99, i)) for i in range(5_000)])
    factors = []
    for seed in (1, 2, 3):
        found = compared(learned(50, seed))
        assert found.study[-1] < found.random.mean[-1], "the search was worth it"
        for k in (5, 20, 50):
            # How many random trials have a median best as good as what is said of k of them?
            share = np.searchsorted(pool, found.random.mean[found.n_finished.index(k)]) / len(pool)
            factors.append(math.log(0.5) / math.log1p(-max(float(share), 1e-4)) / k)
    assert 0.5 < np.median(factors) < 2


def test_a_random_study_is_inside_the_band_most_of_the_time() -> None:
    inside = []
    for seed in range(8):
        found = compared(request_of(loss, 40, SPACE, seed=seed))
        assert found.random.low is not None
        assert found.random.high is not None
        inside += [found.random.high[place] <= found.study[place] <= found.random.low[place] for place in (9, 19, 39)]
    assert np.mean(inside) > 0.5  # eight of ten, if the surrogate were the truth; it smooths, so the best surprise it


def test_upwards_is_downwards_turned_round() -> None:
    down = compared(request_of(loss, 40, SPACE))
    up = compared(request_of(lambda p: -loss(p), 40, SPACE, ("maximize",)))
    assert up.study == tuple(-one for one in down.study)
    assert up.random.mean == pytest.approx([-one for one in down.random.mean])
    assert up.shuffled.low == pytest.approx([-one for one in down.shuffled.low or ()])
    assert up.n_random == down.n_random


def test_curves_only_get_better_and_stay_within_what_was_seen() -> None:
    found = compared(request_of(loss, 50, SPACE))
    for curve in (found.study, found.random.mean, found.random.low, found.random.high, found.shuffled.mean):
        assert curve is not None
        assert all(later <= earlier + 1e-9 for earlier, later in pairwise(curve))
        assert len(curve) == len(found.n_finished) == 50
    assert found.shuffled.mean[-1] == pytest.approx(found.study[-1])


def test_conditional_spaces_are_replayed_too() -> None:
    found = compared(
        request_of(lambda p: number(p, "momentum") if "momentum" in p else 1 + number(p, "beta"), 60, CONDITIONAL)
    )
    assert found.n_random is not None
    assert found.n_random == pytest.approx(41, rel=1)  # half the time the best of 60 random trials


@pytest.mark.parametrize("n_trials", [40, 150])
def test_where_parameters_come_and_go_there_is_a_covariance(n_trials: int) -> None:
    # Evenly spread, and smooth in what is always there: the likelihood then asks for the longest scales.
    history = []
    for i in range(n_trials):
        at, other = (i * 0.618034) % 1, (i * 0.414214) % 1
        sgd: dict[str, ParamValue] = {"optimizer": "sgd", "momentum": 0.9 * other}
        adam: dict[str, ParamValue] = {"optimizer": "adam", "beta": 0.5 + other / 2}
        params = {**(sgd if i % 2 else adam), "rate": 10 ** (4 * at - 4)}
        history.append(PastTrial(i, "COMPLETE", params, ((at - 0.5) ** 2,)))
    found = compared(InsightRequest(CONDITIONAL, ("minimize",), history))
    assert found.random.mean[0] == pytest.approx(1 / 12, abs=0.02)


def test_what_has_no_number_counts_as_the_worst() -> None:
    history = random_history(loss, 40, SPACE)
    worst = max(trial.values[0] for trial in history[20:] if trial.values)
    odd = [replace(t, state="PRUNED", values=None) if t.number < 10 else t for t in history]
    odd = [replace(t, values=(math.nan,)) if 10 <= t.number < 20 else t for t in odd]
    odd.append(PastTrial(50, "FAIL", {}))
    found = compared(InsightRequest(SPACE, ("minimize",), odd))
    assert found.n_finished[-1] == 40
    assert found.study[:20] == (worst,) * 20
    assert found.n_pruned == 10


def test_a_best_that_breaks_a_constraint_is_none() -> None:
    history = random_history(loss, 40, SPACE)
    bound = [replace(t, constraints=(0.0, 1.0 if t.number < 20 else -1.0)) for t in history]
    found = compared(InsightRequest(SPACE, ("minimize",), bound))
    values = [t.values[0] for t in history[20:] if t.values]
    assert found.study[:20] == (max(values),) * 20
    assert found.study[-1] == min(values)


def test_equal_values_are_no_regret() -> None:
    found = compared(request_of(lambda _: 2.0, 20, SPACE))
    assert set(found.study) == {2.0}
    assert found.random.mean == pytest.approx([2.0] * 20)
    assert (found.n_random, found.is_more) == (1, False)


@pytest.mark.parametrize("n_trials", [0, 9])
def test_too_few_trials_is_an_answer(n_trials: int) -> None:
    found = regret(request_of(loss, n_trials, SPACE))
    assert isinstance(found, TooFew)
    assert (found.n_trials, found.n_needed) == (n_trials, 10)
    assert isinstance(regret(request_of(loss, 10, SPACE)), Regret)


def test_long_studies_have_short_curves() -> None:
    found = compared(request_of(lambda p: number(p, "a"), 1_000, unit_space("a")))
    assert len(found.study) == 200
    assert (found.n_finished[0], found.n_finished[-1]) == (1, 1_000)


def test_several_objectives_are_followed_by_their_hypervolume() -> None:
    directions: tuple[Direction, ...] = ("minimize", "maximize")
    found = compared(request_of(lambda p: (number(p, "a"), number(p, "a") - number(p, "b")), 60, SPACE, directions))
    assert found.measure == "hypervolume"
    for curve in (found.study, found.random.mean, found.shuffled.mean):
        assert all(0 <= earlier <= later <= 1 for earlier, later in pairwise(curve))
    assert found.shuffled.mean[-1] == pytest.approx(found.study[-1])
    assert found.random.low is None
    assert found.n_random is None
