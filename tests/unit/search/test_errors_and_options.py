"""Refusals and options."""

from __future__ import annotations

import pickle

import pytest

from search import pruners, samplers
from search.errors import OptionError, PrunerError, SamplerError, SearchError, SpaceError, suggest_name
from search.options import Option, get_int


def test_a_refusal_keeps_its_parts_across_processes() -> None:
    error = SpaceError("low_above_high", "low (3) ...", "x.low", "give less")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- bytes of this very process
    assert type(copy) is SpaceError
    assert (copy.code, copy.message, copy.field, copy.hint) == ("low_above_high", "low (3) ...", "x.low", "give less")
    assert str(copy) == "low (3) ..."


def test_a_refusal_moves_below_a_prefix() -> None:
    assert SpaceError("c", "m", "low").under("search_space.x").field == "search_space.x.low"
    assert SpaceError("c", "m").under("search_space.x").field == "search_space.x"
    assert isinstance(SpaceError("c", "m").under("x"), SpaceError)


def test_the_nearest_name_is_suggested_and_all_are_listed() -> None:
    assert suggest_name("Bayesain", ["bayesian", "random"]) == "did you mean 'bayesian'? (available: bayesian, random)"
    assert suggest_name("zzz", ["bayesian", "random"]) == "available: bayesian, random"
    assert suggest_name(5, ["bayesian"]) == "available: bayesian"
    assert suggest_name("x", []) == "none is available"


def test_samplers_and_pruners_are_found_by_name() -> None:
    assert set(samplers.SAMPLERS) >= {"bayesian", "random", "grid", "manual"}
    assert set(pruners.PRUNERS) >= {"none", "median"}
    for name, sampler in samplers.SAMPLERS.items():
        assert samplers.get_sampler(name) is sampler
    for name, pruner in pruners.PRUNERS.items():
        assert pruners.get_pruner(name) is pruner


@pytest.mark.parametrize("name", ["bayesain", "", None, 5, ["random"]])
def test_an_unknown_sampler_is_refused(name: object) -> None:
    with pytest.raises(SamplerError) as caught:
        samplers.get_sampler(name)
    assert (caught.value.code, caught.value.field) == ("unknown_sampler", "sampler.name")
    assert "bayesian" in caught.value.hint


@pytest.mark.parametrize("name", ["mediam", "", None, 5])
def test_an_unknown_pruner_is_refused(name: object) -> None:
    with pytest.raises(PrunerError) as caught:
        pruners.get_pruner(name)
    assert (caught.value.code, caught.value.field) == ("unknown_pruner", "pruner.name")
    assert "median" in caught.value.hint


def test_given_options_are_kept_and_absent_ones_filled() -> None:
    assert samplers.check_options("bayesian", {"seed": 7, "n_startup_trials": None}) == {
        "seed": 7,
        "n_startup_trials": 10,
        "n_candidates": 24,
    }
    assert samplers.check_options("grid", {}) == {"seed": None}
    assert pruners.check_options("median", {"n_warmup_steps": 3}) == {
        "n_startup_trials": 5,
        "n_warmup_steps": 3,
        "interval_steps": 1,
        "n_min_trials": 1,
    }
    assert pruners.check_options("none", {}) == {}


@pytest.mark.parametrize("value", [-1, 2**32, 1.5, 1.0, True, "7", float("nan"), 10**400])
def test_a_bad_seed_is_refused_and_told_the_range(value: object) -> None:
    with pytest.raises(OptionError) as caught:
        samplers.check_options("random", {"seed": value})
    assert (caught.value.code, caught.value.field) == ("invalid_option", "sampler.seed")
    assert caught.value.hint == "an integer from 0 to 4294967295"


@pytest.mark.parametrize("value", [0, 7, 2**32 - 1])
def test_a_seed_of_32_bits_is_taken(value: int) -> None:
    assert samplers.check_options("random", {"seed": value}) == {"seed": value}


def test_an_unknown_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(OptionError) as caught:
        samplers.check_options("bayesian", {"n_startup": 3})
    assert (caught.value.code, caught.value.field) == ("unknown_option", "sampler.n_startup")
    assert "did you mean 'n_startup_trials'?" in caught.value.hint
    with pytest.raises(OptionError) as caught:
        pruners.check_options("none", {"n_warmup_steps": 3})
    assert (caught.value.code, caught.value.field) == ("unknown_option", "pruner.n_warmup_steps")


def test_a_float_option_takes_ints_too() -> None:
    option = Option("share", "float", 0.5, 0, 1, "a share")
    assert option.check(1, "f") == 1
    assert option.check(0.25, "f") == 0.25
    for bad in (1.5, float("nan"), True, "1"):
        with pytest.raises(OptionError) as caught:
            option.check(bad, "f")
        assert caught.value.code == "invalid_option"


def test_an_integer_option_without_value_or_default_is_refused() -> None:
    options = (Option("seed", "int", None, 0, 9, "a seed"),)
    assert get_int(options, {"seed": 4}, "seed") == 4
    with pytest.raises(SearchError) as caught:
        get_int(options, {}, "seed")
    assert caught.value.code == "invalid_option"
