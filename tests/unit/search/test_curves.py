"""Learning-curve forecasts: made curves whose end is known, odd input, and how often the forecast holds."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from search.curves import Curves, Forecast, forecast
from search.curves.forecasts import TAIL, student_above
from search.curves.posterior import learn_belief, predict
from search.curves.scale import scale_of
from search.curves.shapes import N_SHAPES, Floats, design
from search.pruners import check_options, get_pruner
from search.pruners.curve_grid import grid_of, row_of
from search.types import PastTrial, PruneDecision, PruneRequest

STEPS = tuple(range(1, 31))


def rising(rng: np.random.Generator, noise: float = 0.004) -> Floats:
    """Make a curve of 30 steps that saturates."""
    end, gap, decay = rng.uniform(0.6, 0.95), rng.uniform(0.2, 0.5), rng.uniform(2.0, 9.0)
    made: Floats = end - gap * np.exp(-np.arange(1, 31) / decay) + rng.normal(0.0, noise, 30)
    return made


def turning(rng: np.random.Generator) -> Floats:
    """Make a curve of 30 steps that gets worse once it has been best, as a network that overfits."""
    made: Floats = rising(rng) - rng.uniform(0.05, 0.15) * np.arange(1, 31) / 30
    return made


def continue_at(own: Floats, others: Floats, t: int) -> Forecast:
    return forecast(Curves(STEPS, own[:t], others, others[:, -1]))


def test_every_shape_falls_from_about_one_towards_zero() -> None:
    shapes = design(tuple(range(1, 101)), 1, 100)
    assert shapes.shape == (N_SHAPES, 100, 3)
    falls = shapes[:, :, 1]
    assert np.all(np.diff(falls, axis=1) <= 0)
    assert np.all((falls >= 0) & (falls <= 1))
    assert np.all(falls[:, -1] < 0.7 * falls[:, 0])
    assert np.array_equal(shapes[:, -1, 2], np.ones(N_SHAPES))


@pytest.mark.parametrize("t", [4, 8, 15, 25])
def test_it_finds_where_made_curves_end(t: int) -> None:
    rng = np.random.default_rng(1)
    errors, naive = [], []
    for _ in range(20):
        others, own = np.stack([rising(rng) for _ in range(30)]), rising(rng)
        errors.append(abs(continue_at(own, others, t).at(0.0)[-1] - own[-1]))
        naive.append(abs(own[t - 1] - own[-1]))
    if t < 25:  # there the last value is as good as its noise allows
        assert np.mean(errors) < 0.9 * np.mean(naive)
    assert np.median(errors) < {4: 0.1, 8: 0.06, 15: 0.015, 25: 0.01}[t]


def test_curves_that_turn_are_followed_down_once_others_did() -> None:
    rng = np.random.default_rng(2)
    others, own = np.stack([turning(rng) for _ in range(30)]), turning(rng)
    seen = continue_at(own, others, 15)
    assert seen.at(0.0)[-1] < own[14]
    assert abs(seen.at(0.0)[-1] - own[-1]) < 0.035


def test_the_band_holds_four_fifths_and_small_chances_are_kept() -> None:
    rng = np.random.default_rng(3)
    chances = []
    for _ in range(150):
        others, own = np.stack([rising(rng, 0.01) for _ in range(20)]), rising(rng, 0.01)
        chances += [continue_at(own, others, t).chance_above(float(own[-1])) for t in (5, 12)]
    inside = np.mean([0.1 < chance < 0.9 for chance in chances])
    assert 0.72 < inside < 0.95  # three standard deviations of 150 independent ones are 0.1
    assert np.mean([chance < 0.05 for chance in chances]) < 0.1


def test_more_of_a_curve_makes_the_forecast_surer() -> None:
    rng = np.random.default_rng(4)
    others, own = np.stack([rising(rng) for _ in range(30)]), rising(rng)
    widths = [continue_at(own, others, t).width[-1] for t in (4, 10, 20, 28)]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < widths[0] / 3


def test_others_that_mislead_widen_the_forecast() -> None:
    rng = np.random.default_rng(5)
    steady, own = np.stack([rising(rng) for _ in range(30)]), rising(rng)
    jumping = steady.copy()
    jumping[:, 20:] += rng.uniform(-0.3, 0.3, (30, 1))  # whatever came before says nothing about the end
    assert continue_at(own, jumping, 10).width[-1] > 1.3 * continue_at(own, steady, 10).width[-1]


def test_the_end_of_a_curve_has_no_say_in_its_own_test() -> None:
    rng = np.random.default_rng(6)
    others = np.stack([rising(rng) for _ in range(6)])
    changed = others.copy()
    changed[0] += 5.0
    whole = design(STEPS, 1, 30)
    before, after = learn_belief(whole, others), learn_belief(whole, changed)
    assert np.allclose(before.means[0], after.means[0])
    assert not np.allclose(before.means[1], after.means[1])
    assert before.means.shape == (7, N_SHAPES, 3)


def test_the_posterior_is_that_of_plain_regression() -> None:
    rng = np.random.default_rng(7)
    whole = design(STEPS, 1, 30)[:1]  # one shape: the mixture is that shape
    others, own = np.stack([rising(rng) for _ in range(5)]), rising(rng)
    belief = learn_belief(whole, others)
    found = predict(belief, whole[:, :10], np.ones(10), np.concatenate([others, own[None]])[:, :10], whole[:, 29:])
    x, precision, prior = whole[0, :10], belief.precision[0], belief.means[5, 0]
    expected = np.linalg.solve(precision + x.T @ x, precision @ prior + x.T @ own[:10])
    assert found.mean[5, 0] == pytest.approx(whole[0, 29] @ expected)


@given(st.floats(-1e6, 1e6))
def test_students_distribution_in_closed_form(far: float) -> None:
    assert student_above(far) == pytest.approx(scipy.stats.t.sf(far, 4), abs=1e-12)
    assert student_above(TAIL) == pytest.approx(0.1)


@given(st.lists(st.floats(-1e100, 1e100), min_size=1, max_size=8), st.floats(-1e100, 1e100))
def test_the_scale_is_finite_rises_and_comes_back(values: list[float], other: float) -> None:
    scale = scale_of(np.array(values))
    assert scale.spread > 0
    there = scale.to_scale(np.array([*values, other]))
    assert np.all(np.isfinite(there))
    assert np.all(np.diff(there[np.argsort([*values, other])]) >= 0)
    width = scale.spread
    near = np.clip(np.array(values), scale.centre - 1e6 * width, scale.centre + 1e6 * width)
    assert np.allclose(scale.from_scale(scale.to_scale(near)), near, rtol=1e-6, atol=1e-6 * width)


@settings(deadline=None)
@given(st.lists(st.floats(-1e100, 1e100), min_size=4, max_size=12), st.data())
def test_any_finite_curves_make_a_finite_forecast(own: list[float], data: st.DataObject) -> None:
    row = st.lists(st.floats(-1e100, 1e100), min_size=14, max_size=14)
    others = np.array(data.draw(st.lists(row, min_size=1, max_size=4)))
    seen = forecast(Curves(tuple(range(14)), np.array(own), others, others[:, -1]))
    assert np.all(np.isfinite(seen.middle))
    assert np.all(seen.width > 0)
    assert 0.0 <= seen.chance_above(0.0) <= 1.0


def test_the_grid_keeps_both_ends_and_stays_small() -> None:
    grid = grid_of(dict.fromkeys(range(1, 501), 0.5), 1000)
    assert grid is not None
    assert (grid.seen[0], grid.seen[-1], grid.ahead[-1]) == (1, 500, 1000)
    assert len(grid.steps) == 32
    assert list(grid.steps) == sorted(set(grid.steps))
    assert grid_of({1: 0.5, 2: math.nan, 3: 0.5, 4: math.inf}, 6) is not None
    assert grid_of({1: 0.5, 6: 0.5}, 6) is None  # nothing left to forecast
    assert grid_of({1: 0.5}, 6) is None


def test_a_row_takes_the_last_number_before_a_gap() -> None:
    assert row_of({2: 0.2, 4: math.nan, 5: 0.5}, (1, 2, 3, 4, 5, 9)) == [0.2, 0.2, 0.2, 0.2, 0.5, 0.5]
    assert row_of({1: math.nan}, (1, 2)) is None


def _judge(own: Floats, others: Floats, finals: Floats | None = None, **options: object) -> PruneDecision:
    history = [
        PastTrial(i, "COMPLETE", {}, (float(row[-1] if finals is None else finals[i]),), _dict(row))
        for i, row in enumerate(others)
    ]
    trial = PastTrial(100, "RUNNING", {}, None, _dict(own))
    checked = check_options("extrapolation", options)
    return get_pruner("extrapolation").decide(PruneRequest(trial, ("maximize",), history, checked, 30))


def _dict(values: Floats) -> dict[int, float]:
    return dict(enumerate(values.tolist(), start=1))


def test_a_late_bloomer_goes_on_and_a_hopeless_trial_ends() -> None:
    rng = np.random.default_rng(8)
    others = np.stack([0.8 - 0.5 * np.exp(-np.arange(1, 31) / rng.uniform(8, 12)) for _ in range(20)])
    others += rng.normal(0.0, 0.004, others.shape)
    slow = 0.95 - 0.75 * np.exp(-np.arange(1, 31) / 10.0)
    hopeless = 0.6 - 0.3 * np.exp(-np.arange(1, 31) / 10.0)
    # At step 3 the slow one is the worst of all, so a median would stop it for good.
    assert slow[2] < others[:, 2].min()
    assert not any(_judge(slow[:t], others).prune for t in range(1, 30))
    stopped = next(t for t in range(1, 30) if _judge(hopeless[:t], others).prune)
    assert stopped < 15


def test_what_it_shows_is_a_band_up_to_the_last_step() -> None:
    rng = np.random.default_rng(9)
    others = np.stack([rising(rng) for _ in range(12)])
    decision = _judge(rising(rng)[:10], others)
    band = decision.band
    assert band is not None
    assert decision.chance is not None
    assert (band.steps[0], band.steps[-1]) == (11, 30)
    assert len(band.steps) == len(band.low) == len(band.middle) == len(band.high) <= 32
    assert all(low < middle < high for low, middle, high in zip(band.low, band.middle, band.high, strict=True))
    assert "to end better than" in decision.reason


def test_values_of_the_best_epoch_are_foretold_as_such() -> None:
    # Networks that keep their best weights end above their last value: the forecast must learn that.
    rng = np.random.default_rng(10)
    others, own = np.stack([turning(rng) for _ in range(30)]), turning(rng)[:12]
    last, kept = _judge(own, others), _judge(own, others, others.max(axis=1))
    assert last.chance is not None
    assert kept.chance is not None
    assert kept.band is not None
    assert last.band is not None
    assert kept.band.middle[-1] > last.band.middle[-1]


def test_it_waits_for_completed_trials_and_for_points() -> None:
    rng = np.random.default_rng(11)
    others, bad = np.stack([rising(rng) for _ in range(12)]), np.full(12, 0.1)
    assert _judge(bad, others).prune
    assert not _judge(bad, others[:9]).prune
    assert not _judge(bad, others, n_startup_trials=13).prune
    assert not _judge(bad[:3], others).prune
    assert not _judge(bad, others, level=0.0).prune
    request = PruneRequest(PastTrial(1, "RUNNING", {}, None, _dict(bad)), ("maximize",))
    assert "max_resource" in get_pruner("extrapolation").decide(request).reason
