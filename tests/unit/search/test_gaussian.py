"""The parts of the Gaussian process against what mathematics says they are."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import approx_fprime
from scipy.stats import norm

from search.parameters import ParamValue
from search.samplers.gaussian.acquisition import Promise, log_expected_gain, log_news
from search.samplers.gaussian.data import MAX_POINTS, gather, thin
from search.samplers.gaussian.encoding import INACTIVE, Array, Encoding
from search.samplers.gaussian.fit import Hyperparameters, _Evidence, fit
from search.samplers.gaussian.kernel import correlations, matern, squared_distances
from search.samplers.gaussian.posterior import Posterior
from search.samplers.gaussian.values import scalarise, squash, tame
from search.samplers.random import check_satisfiable, draw_params
from search.space import SearchSpace, parse_space
from search.types import PastTrial, SuggestRequest
from tests.unit.search.spaces import MIXED, TREE, conditional_spaces, search_spaces

UNORDERED = np.array([False, True, False])
HYPER = Hyperparameters(np.array([4.0, 1.0, 0.5]), 0.01, 1.5)


def rows_of(n: int, seed: int = 0) -> Array:
    rows = np.random.default_rng(seed).random((n, 3))
    rows[:, 1] = np.round(rows[:, 1] * 2) / 2
    return rows


def wave(rows: Array) -> Array:
    values = np.sin(4 * rows[:, 0]) + (rows[:, 1] == 0.5) + 0.3 * rows[:, 2]
    return np.asarray((values - values.mean()) / values.std())


@settings(deadline=None)
@given(st.one_of(search_spaces(), conditional_spaces(), st.just(TREE)), st.integers(0, 99))
def test_what_is_encoded_is_decoded(space: SearchSpace, number: int) -> None:
    try:
        check_satisfiable(space)
    except ValueError:
        return
    encoding, params = Encoding(space), draw_params(space, 1, number)
    rows = encoding.encode([params])
    assert ((rows >= 0) & (rows <= 1)).all()
    again = encoding.decode(rows[0])
    assert list(again) == list(params)
    assert all(value == params[name] or value == pytest.approx(params[name], rel=1e-9) for name, value in again.items())
    assert encoding.snap(rows) == pytest.approx(rows, abs=1e-3)


def test_inactive_parameters_stand_in_the_middle() -> None:
    encoding = Encoding(TREE)
    adam: dict[str, ParamValue] = {"optimizer": "adam", "widths.length": 1, "widths.1": 16, "activation": "relu"}
    (row,) = encoding.encode([adam])
    names = [column.name for column in encoding.columns]
    assert "activation" not in names  # a single value has no column
    assert [row[names.index(name)] for name in ("momentum", "dampening", "widths.2")] == [INACTIVE] * 3
    assert list(encoding.active(row[None])[0]) == [name in adam for name in names]
    random = encoding.draw(np.random.default_rng(0).random((200, len(names))))
    for drawn, active in zip(random, encoding.active(random), strict=True):
        assert {name for name, shown in zip(names, active, strict=True) if shown} == encoding.decode(
            drawn
        ).keys() & set(names)


def test_numbers_listed_as_choices_have_an_order_and_words_have_none() -> None:
    space = parse_space(
        {
            "batch": {"type": "categorical", "choices": [64, 16, 32]},
            "word": {"type": "categorical", "choices": ["a", "b", "c"]},
        }
    )
    encoding = Encoding(space)
    assert [encoding.encode([{"batch": batch, "word": "a"}])[0][0] for batch in (16, 32, 64)] == [0, 0.5, 1]
    assert list(encoding.unordered) == [False, True]


def test_the_kernel_is_materns() -> None:
    left, right = rows_of(5), rows_of(4, 1)
    squares = np.tensordot(HYPER.weights, squared_distances(left, right, UNORDERED), 1)
    by_hand = [
        [
            sum(
                w * ((a != b) if u else (a - b) ** 2) for w, u, a, b in zip(HYPER.weights, UNORDERED, x, y, strict=True)
            )
            for y in right
        ]
        for x in left
    ]
    assert squares == pytest.approx(np.array(by_hand))
    assert correlations(left, right, HYPER.weights, UNORDERED) == pytest.approx(matern(squares)[0], abs=1e-7)
    at = np.array([0.3, 2.0])
    slope = (matern(at + 1e-6)[0] - matern(at - 1e-6)[0]) / 2e-6
    assert matern(at)[1] == pytest.approx(slope, rel=1e-5)


def test_the_fits_gradient_is_the_slope() -> None:
    rows = rows_of(25)
    evidence = _Evidence(rows, wave(rows), UNORDERED)
    theta = np.array([0.1, -0.3, 0.4, -3.0, 0.2])
    assert evidence(theta)[1] == pytest.approx(approx_fprime(theta, lambda t: evidence(t)[0], 1e-6), rel=1e-3)


def test_a_fit_finds_which_parameter_matters() -> None:
    rows = np.random.default_rng(3).random((40, 3))
    weights = fit(rows, wave(np.column_stack([rows[:, 0], np.zeros((40, 2))])), np.zeros(3, dtype=bool)).weights
    assert weights[0] > 20 * weights[1:].max()


def test_the_posterior_is_the_conditional_normal() -> None:
    known, new = rows_of(12), rows_of(5, 1)
    posterior = Posterior(known, wave(known)[:, None], UNORDERED, HYPER, 12)
    covariance = HYPER.scale * correlations(known, known, HYPER.weights, UNORDERED) + HYPER.noise * np.eye(12)
    cross = HYPER.scale * correlations(new, known, HYPER.weights, UNORDERED)
    means, deviations = posterior.predict(new)
    assert means[:, 0] == pytest.approx(cross @ np.linalg.solve(covariance, wave(known)))
    variances = HYPER.scale - np.einsum("ij,ji->i", cross, np.linalg.solve(covariance, cross.T))
    assert deviations == pytest.approx(np.sqrt(variances))


def test_fantasies_average_to_the_expectation_and_take_the_doubt_away() -> None:
    known, running = rows_of(12), rows_of(3, 1)
    posterior = Posterior(known, wave(known)[:, None], UNORDERED, replace(HYPER, noise=1e-5), 12)
    imagined = posterior.imagine(running, np.random.default_rng(0).standard_normal((4000, 3)))
    assert imagined.n_fantasies == 4000
    before, doubt = posterior.predict(running)
    after, less = imagined.predict(running)
    assert after.mean(axis=1) == pytest.approx(before[:, 0], abs=0.06)
    assert after.std(axis=1) == pytest.approx(doubt, rel=0.1)
    assert (less < 0.5 * doubt).all()


@pytest.mark.parametrize("z", [-30.0, -6.0, -1.0, -0.99, 0.0, 2.5])
def test_the_expected_gain_is_its_integral(z: float) -> None:
    # E[max(z + N, 0)], with the density's exponential taken out of the integral so that it does not underflow.
    integral = quad(lambda t: t * math.exp(-t * t / 2 + t * z), 0, np.inf, epsabs=0)[0]
    assert log_expected_gain(np.array([z]))[0] == pytest.approx(math.log(integral) + norm.logpdf(z), abs=1e-6)


def test_far_from_hope_points_are_still_told_apart() -> None:
    logs = log_expected_gain(-np.logspace(0, 8, 50))
    assert np.isfinite(logs).all()
    assert (np.diff(logs) < 0).all()


def test_what_noise_would_decide_is_no_news() -> None:
    deviations, noise = np.array([1e-9, 0.01, 0.1, 10.0]), 0.01
    news = np.exp(log_news(deviations, noise))
    assert news == pytest.approx(1 - np.sqrt(noise / (noise + deviations**2)), rel=1e-6, abs=1e-15)
    assert np.isfinite(log_news(deviations, noise)).all()
    assert np.exp(log_news(deviations[2:], 1e-12)) == pytest.approx(1.0, abs=1e-4)  # nor is anything lost without noise


@pytest.mark.parametrize(("noise", "loss"), [(0.3, 1.0), (1e-9, 0.0)])
def test_noise_makes_known_places_promise_less(noise: float, loss: float) -> None:
    rows, flat = np.repeat(np.linspace(0, 0.6, 4), 3)[:, None], np.array([False])
    posterior = Posterior(rows, 4 * (rows - 0.4) ** 2, flat, Hyperparameters(np.array([4.0]), noise, 1.0), len(rows))
    at = np.array([[0.3], [0.9]])  # between known points, and where nothing is known
    means, deviations = posterior.predict(at)
    best = posterior.predict(rows)[0].min()
    plain = np.log(deviations) + log_expected_gain((best - means) / deviations[:, None])[:, 0]
    lost = plain - Promise(posterior)(at)
    assert lost[0] - lost[1] > loss - 0.05
    assert lost[1] < 1.05


def test_a_point_that_breaks_a_constraint_promises_little() -> None:
    rows = np.linspace(0, 1, 9)[:, None]
    flat = np.array([False])
    hyper = Hyperparameters(np.array([9.0]), 1e-4, 1.0)
    objective = Posterior(rows, (0.5 - rows), flat, hyper, 9)
    limit = Posterior(rows, rows - 0.5, flat, hyper, 9)  # holds left of the middle
    free, held = Promise(objective), Promise(objective, [limit], np.arange(5))
    at = np.array([[0.05], [0.4], [0.95]])
    assert int(free(at).argmax()) == 2
    assert int(held(at).argmax()) == 1
    nobody = Promise(objective, [limit], np.arange(0))  # nothing known holds it: look where it may hold
    assert int(nobody(at).argmax()) == 0


def test_values_lose_their_tail_but_not_their_order() -> None:
    values = np.array([3.0, 1.0, 2.0, 2.5, 1e300, math.inf, math.nan, -math.inf])
    tamed = tame(values)
    assert np.isfinite(tamed).all()
    assert tamed[7] == tamed[1] < tamed[2] < tamed[3] < tamed[0] < tamed[4] == tamed[5] == tamed[6]
    assert tame(np.full(4, 7.0)) == pytest.approx(0)
    assert tame(np.array([math.nan, math.inf])) == pytest.approx(0)


def test_several_objectives_become_one_that_respects_dominance() -> None:
    values = np.array([[0.0, 10.0], [1.0, 11.0], [1.0, 0.0]])
    mixed = scalarise(values, np.array([0.5, 0.5]))
    assert mixed[0] < mixed[1]
    assert scalarise(values, np.array([1.0, 0.0])).argmin() == 0
    assert scalarise(values, np.array([0.0, 1.0])).argmin() == 2


def test_constraints_keep_their_sign() -> None:
    limits = np.array([-1e200, -1.0, 0.0, 1e-9, 5.0])
    assert list(np.sign(squash(limits))) == [-1, -1, 0, 1, 1]
    assert (np.diff(squash(limits)) > 0).all()
    assert squash(np.zeros(3)) == pytest.approx(0)


def test_history_becomes_numbers() -> None:
    def trial(number: int, state: str, values: tuple[float, ...] | None = None, **more: object) -> PastTrial:
        return PastTrial(number, state, draw_params(MIXED, 1, number), values, **more)  # type: ignore[arg-type]

    history = [
        trial(4, "COMPLETE", (8.0,), constraints=(0.5,)),
        trial(0, "COMPLETE", (2.0,), constraints=(-1.0,)),
        trial(1, "PRUNED", intermediate={0: 9.0, 3: 1.0}),
        trial(2, "FAIL"),
        trial(3, "RUNNING"),
        trial(5, "WAITING"),
        trial(9, "COMPLETE", (0.0,)),
        PastTrial(6, "COMPLETE", {"learning_rate": 0.01}, (0.0,)),
    ]
    data = gather(Encoding(MIXED), SuggestRequest(MIXED, ("maximize",), 7, 9, history=history))
    # The pruned trial is no better than the median of the complete ones, -5; the one that is asked for does not count.
    assert data.values[:, 0].tolist() == [-2.0, -1.0, math.inf, -8.0]
    assert data.is_feasible.tolist() == [True, False, False, False]
    assert (len(data.running), data.n_finished, len(data.seen)) == (1, 3, 5)


def test_long_histories_keep_the_best_and_a_sample_of_the_rest() -> None:
    ranking = np.random.default_rng(0).random(2000)
    kept = thin(ranking)
    assert len(set(kept)) == MAX_POINTS
    assert set(np.argsort(ranking)[: MAX_POINTS // 2]) <= set(kept)
    assert (np.diff(kept) > 0).all()
    assert np.diff(kept).max() < 40  # evenly over time
    assert list(thin(ranking[:50])) == list(range(50))
