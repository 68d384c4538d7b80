"""Percentile, threshold, patient and Wilcoxon: rule by rule, and decision by decision next to Optuna's own."""

from __future__ import annotations

import math
import random
import statistics
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import optuna
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from optuna.trial import TrialState as OptunaState
from optuna.trial import create_trial

from search.errors import OptionError
from search.pruners import check_options, get_pruner
from search.pruners.percentile import quantile
from search.pruners.signed_rank import chance_of_rank_sum
from search.types import Direction, PastTrial, PruneDecision, PruneRequest

NAN = math.nan


def judge(
    name: str,
    own: Mapping[int, float],
    peers: Sequence[Mapping[int, float]],
    options: Mapping[str, object],
    direction: Direction = "maximize",
) -> PruneDecision:
    others = [PastTrial(i, "COMPLETE", {}, (_value(curve),), curve) for i, curve in enumerate(peers)]
    trial = PastTrial(100, "RUNNING", {}, None, own)
    return get_pruner(name).decide(PruneRequest(trial, (direction,), others, check_options(name, options)))


def decide(
    name: str, own: Mapping[int, float], peers: Sequence[Mapping[int, float]], **options: object
) -> PruneDecision:
    return judge(name, own, peers, options)


def curve(*values: float) -> dict[int, float]:
    return dict(enumerate(values))


TENTHS: list[dict[int, float]] = [curve(i / 10) for i in range(1, 11)]


@pytest.mark.parametrize(
    ("percentile", "value", "prune"),
    [
        (25.0, 0.77, True),
        (25.0, 0.78, False),
        (50.0, 0.54, True),
        (50.0, 0.56, False),
        (0.0, 0.99, True),
        (0.0, 1.0, False),
        (100.0, 0.1, False),
        (100.0, 0.09, True),
    ],
)
def test_a_trial_must_be_among_the_best_percent(percentile: float, value: float, prune: bool) -> None:
    assert decide("percentile", curve(value), TENTHS, percentile=percentile).prune is prune
    turned: list[dict[int, float]] = [curve(-one[0]) for one in TENTHS]
    assert judge("percentile", curve(-value), turned, {"percentile": percentile}, "minimize").prune is prune


def test_percentile_waits_for_its_interval_and_for_enough_at_the_step() -> None:
    low, peers = curve(*[0.0] * 8), [curve(*[1.0] * 8)] * 6
    judged = [
        n
        for n in range(1, 9)
        if decide("percentile", {at: low[at] for at in range(n)}, peers, n_warmup_steps=2, interval_steps=3).prune
    ]
    assert judged == [3, 6]  # steps 2 and 5
    few: list[dict[int, float]] = [curve(1.0, 1.0), *[curve(1.0)] * 5]
    assert decide("percentile", curve(0.0, 0.0), few).prune
    assert not decide("percentile", curve(0.0, 0.0), few, n_min_trials=2).prune


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20))
def test_the_middle_quantile_is_the_median(values: list[float]) -> None:
    assert quantile(values, 0.5) == pytest.approx(statistics.median(values))
    assert (quantile(values, 0.0), quantile(values, 1.0)) == (min(values), max(values))


def test_infinities_are_not_averaged() -> None:
    assert quantile([-math.inf, 1.0, math.inf], 0.5) == 1.0
    assert quantile([-math.inf, math.inf], 0.5) == math.inf


@pytest.mark.parametrize(
    ("value", "options", "prune"),
    [
        (0.5, {"lower": 0.5}, False),
        (0.49, {"lower": 0.5}, True),
        (2.0, {"upper": 2.0}, False),
        (2.1, {"upper": 2.0}, True),
        (math.inf, {"upper": 2.0}, True),
        (math.inf, {"lower": 0.0}, False),
        (NAN, {"lower": 0.0}, True),
    ],
)
def test_threshold(value: float, options: dict[str, object], prune: bool) -> None:
    assert judge("threshold", curve(1.0, value), [], options).prune is prune


def test_threshold_needs_bounds_in_order() -> None:
    for options, code in (({}, "needs_bound"), ({"lower": 2.0, "upper": 1.0}, "lower_above_upper")):
        with pytest.raises(OptionError) as caught:
            check_options("threshold", options)
        assert (caught.value.code, caught.value.field) == (code, "pruner.lower")
    assert check_options("threshold", {"lower": 1.0, "upper": 1.0})["upper"] == 1.0


def test_patient_waits_and_then_asks() -> None:
    better: list[dict[int, float]] = [curve(*[1.0] * 9)] * 6
    rising, stuck = curve(0.1, 0.2, 0.3, 0.4), curve(0.3, 0.2, 0.2, 0.1)
    assert not decide("patient", rising, better, patience=2).prune
    assert decide("patient", stuck, better, patience=2).prune
    assert not decide("patient", stuck, better, patience=3).prune
    assert not decide("patient", stuck, [curve(*[0.0] * 9)] * 6, patience=2).prune  # stuck, but better than the others
    assert decide("patient", stuck, [], patience=2, wrapped="none").prune
    assert not decide("patient", rising, [], patience=0, wrapped="none").prune
    falls = curve(0.3, 0.2)
    assert decide("patient", falls, [], patience=0, wrapped="none", min_delta=0.05).prune
    assert not decide("patient", falls, [], patience=0, wrapped="none", min_delta=0.15).prune


def test_patient_takes_the_options_of_the_pruner_it_wraps() -> None:
    options = check_options("patient", {"wrapped": "percentile", "percentile": 10.0})
    assert (options["percentile"], options["n_startup_trials"], options["patience"]) == (10.0, 5, 5)
    for given_options, code, field in (
        ({"wrapped": "median", "percentile": 10.0}, "unknown_option", "pruner.percentile"),
        ({"wrapped": "asha"}, "invalid_option", "pruner.wrapped"),
        ({"wrapped": "threshold"}, "needs_bound", "pruner.lower"),
    ):
        with pytest.raises(OptionError) as caught:
            check_options("patient", given_options)
        assert (caught.value.code, caught.value.field) == (code, field)


def test_wilcoxon_compares_the_same_folds() -> None:
    best = curve(0.9, 0.5, 0.8, 0.6, 0.7)  # folds differ far more than trials
    worse, better = ({at: value + shift for at, value in best.items()} for shift in (-0.01, 0.01))
    assert decide("wilcoxon", worse, [best]).prune
    assert not decide("wilcoxon", better, [best]).prune
    assert not decide("wilcoxon", {at: worse[at] for at in range(3)}, [best]).prune  # 1 in 8 is no evidence
    assert decide("wilcoxon", {at: worse[at] for at in range(4)}, [best]).prune  # 1 in 16 is
    broken = decide("wilcoxon", {0: NAN, 1: 0.9}, [best])
    assert (broken.prune, broken.reason) == (True, "fold or repeat 0 has the value nan")


@pytest.mark.parametrize("seed", range(12))
def test_signed_ranks_as_scipy_counts_them(seed: int) -> None:
    rng = random.Random(seed)
    differences = [rng.gauss(0.2, 1.0) for _ in range(rng.randint(1, 20))]
    expected = scipy.stats.wilcoxon(differences, alternative="greater", zero_method="zsplit", method="exact").pvalue
    assert chance_of_rank_sum(differences) == pytest.approx(expected)


def test_signed_ranks_with_ties_zeros_and_many_pairs() -> None:
    assert chance_of_rank_sum([1.0, 1.0, 1.0]) == 1 / 8
    assert chance_of_rank_sum([1.0, -1.0]) == 3 / 4
    assert chance_of_rank_sum([0.0, 0.0]) == 1.0
    assert chance_of_rank_sum([0.0, 2.0]) == 1 / 2  # the zero says nothing
    rng = random.Random(1)
    many = [rng.gauss(0.1, 1.0) for _ in range(60)]
    exact = scipy.stats.wilcoxon(many, alternative="greater", method="exact").pvalue
    assert chance_of_rank_sum(many) == pytest.approx(exact, abs=0.005)


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize(
    ("name", "options", "make"),
    [
        ("percentile", {"percentile": 30.0}, lambda: optuna.pruners.PercentilePruner(30.0)),
        (
            "percentile",
            {"percentile": 60.0, "n_warmup_steps": 1, "interval_steps": 2, "n_min_trials": 3},
            lambda: optuna.pruners.PercentilePruner(60.0, n_warmup_steps=1, interval_steps=2, n_min_trials=3),
        ),
        ("threshold", {"lower": 0.2, "upper": 0.8}, lambda: optuna.pruners.ThresholdPruner(0.2, 0.8)),
        (
            "patient",
            {"patience": 1, "min_delta": 0.1},
            lambda: optuna.pruners.PatientPruner(optuna.pruners.MedianPruner(), 1, 0.1),
        ),
        ("patient", {"patience": 1, "wrapped": "none"}, lambda: optuna.pruners.PatientPruner(None, 1)),
        ("wilcoxon", {"p_threshold": 0.2}, lambda: optuna.pruners.WilcoxonPruner(p_threshold=0.2)),
    ],
)
def test_it_decides_as_optunas(
    name: str, options: dict[str, object], make: Callable[[], optuna.pruners.BasePruner], direction: Direction
) -> None:
    rng = random.Random(7)
    outcomes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        theirs = make()
    for _ in range(80):
        # Optuna warns where the best trial lacks a fold.
        own, *peers = ([rng.random() for _ in range(6 if name == "wilcoxon" else rng.randint(2, 6))] for _ in range(9))
        ours = judge(name, curve(*own), [curve(*peer) for peer in peers], options, direction).prune
        assert ours == _optunas(theirs, own, peers, direction)
        outcomes.add(ours)
    assert outcomes == {True, False}


def test_lent_trials_are_no_peers() -> None:
    peers = [PastTrial(i, "COMPLETE", {}, (1.0,), curve(1.0)) for i in range(-6, 0)]
    request = PruneRequest(PastTrial(100, "RUNNING", {}, None, curve(0.0)), ("maximize",), peers)
    assert not get_pruner("median").decide(request).prune
    own = [replace(peer, number=peer.number + 50) for peer in peers]
    assert get_pruner("median").decide(replace(request, history=own)).prune


def _value(one: Mapping[int, float]) -> float:
    return statistics.fmean(one.values())


def _optunas(
    pruner: optuna.pruners.BasePruner, own: list[float], peers: list[list[float]], direction: Direction
) -> bool:
    study = optuna.create_study(direction=direction)
    for peer in peers:
        study.add_trial(create_trial(value=statistics.fmean(peer), intermediate_values=curve(*peer)))
    return bool(pruner.prune(study, create_trial(state=OptunaState.RUNNING, intermediate_values=curve(*own))))
