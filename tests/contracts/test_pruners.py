"""What every pruner owes its study. A new pruner gets a class here that inherits the contracts it claims."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import ClassVar, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.errors import OptionError, PrunerError
from search.pruners import PRUNERS, OptionValue, Pruner, check_options, get_pruner
from search.types import PastTrial, PromoteRequest, PruneDecision, PruneRequest, TrialState

Curve: TypeAlias = dict[int, float]
History: TypeAlias = list[tuple[TrialState, Curve]]

_STATES: tuple[TrialState, ...] = ("WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL")
_CURVES = st.dictionaries(st.integers(0, 9), st.floats(), max_size=9)
_HISTORIES = st.lists(st.tuples(st.sampled_from(_STATES), _CURVES), max_size=12)
N_STEPS = 9
OWN = 51  # of Hyperband's brackets for nine steps, the one with the earliest rungs
# A contract's test runs once for each class that inherits it, on purpose.
any_curves = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.differing_executors])


def learning(end: float, n: int = N_STEPS) -> Curve:
    """Make a curve that rises to `end`, with a ripple that is its own."""
    return {step: end * (1 - 0.6**step) + 0.002 * math.sin(9 * step + 5 * end) for step in range(1, n + 1)}


COMPLETED: History = [("COMPLETE", learning(0.5 + i / 40)) for i in range(1, 21)]

OVERFITTING: Curve = {step: 0.2 - 0.02 * step for step in range(1, N_STEPS)}


class PrunerContract:
    """Holds for every pruner."""

    name: ClassVar[str]
    given_options: ClassVar[Mapping[str, OptionValue]] = {}

    @property
    def pruner(self) -> Pruner:
        return get_pruner(self.name)

    def request(self, own: Curve, history: History) -> PruneRequest:
        """Make a request of the trial 51, which has reported `own`; the others' values are their last ones."""
        others = [
            PastTrial(i, state, {}, (list(curve.values())[-1] if curve else 0.0,), curve)
            for i, (state, curve) in enumerate(history)
        ]
        options = check_options(self.name, self.given_options)
        return PruneRequest(PastTrial(OWN, "RUNNING", {}, None, own), ("maximize",), others, options, N_STEPS)

    def beside(self, option: str) -> Mapping[str, OptionValue]:
        """Return options that any value of `option` goes with."""
        return self.given_options

    def decide(self, own: Curve, history: History) -> PruneDecision:
        return self.pruner.decide(self.request(own, history))

    def stops(self, own: Curve, history: History = COMPLETED) -> bool:
        """Tell whether a trial that reports `own` step by step is ever stopped."""
        return any(self.decide({at: own[at] for at in own if at <= step}, history).prune for step in own)

    def test_it_is_registered_with_a_meaning(self) -> None:
        assert PRUNERS[self.name] is self.pruner
        assert self.pruner.name == self.name
        assert self.pruner.meaning.endswith(".")
        meanings = [*(one.meaning for one in self.pruner.options), *(one.meaning for one in self.pruner.choices)]
        assert all(meaning.endswith(".") for meaning in meanings)

    @any_curves
    @given(_CURVES, _HISTORIES)
    def test_it_decides_with_a_reason_on_any_curves_and_json_can_hold_it(self, own: Curve, history: History) -> None:
        self.pruner.check(("maximize",))
        decision = self.decide(own, history)
        assert decision.action in ("continue", "prune")  # nothing here can resume
        assert decision.prune == (decision.action == "prune")
        assert decision.reason
        assert "\n" not in decision.reason
        json.dumps(asdict(decision), allow_nan=False)

    @any_curves
    @given(_CURVES, _HISTORIES, st.randoms(use_true_random=False))
    def test_the_order_of_history_and_reports_does_not_matter(
        self, own: Curve, history: History, rng: random.Random
    ) -> None:
        request = self.request(own, history)
        others, steps = list(request.history), list(own.items())
        rng.shuffle(others)
        rng.shuffle(steps)
        again = replace(request, trial=replace(request.trial, intermediate=dict(steps)), history=others)
        assert self.pruner.decide(again) == self.pruner.decide(request)

    @any_curves
    @given(_CURVES, _HISTORIES)
    def test_what_it_names_is_all_that_it_reads(self, own: Curve, history: History) -> None:
        request = self.request(own, history)
        steps = self.pruner.steps_needed(replace(request, history=()))
        if steps is None:
            return
        assert list(steps) == sorted(set(steps))
        thin = [replace(one, intermediate=_thinned(one.intermediate, steps)) for one in request.history]
        assert self.pruner.decide(replace(request, history=thin)) == self.pruner.decide(request)
        if not self.pruner.needs_history:
            assert self.pruner.decide(replace(request, history=())) == self.pruner.decide(request)

    def test_a_trial_is_not_stopped_before_it_reports_or_without_others(self) -> None:
        assert not self.decide({}, COMPLETED).prune
        assert not self.decide({1: 0.0}, []).prune

    def test_the_best_of_all_is_not_stopped(self) -> None:
        assert not self.stops(learning(1.5))

    def test_options_at_their_bounds_are_taken_and_beyond_refused(self) -> None:
        for option in self.pruner.options:
            for bound in (option.low, option.high):
                assert check_options(self.name, {**self.beside(option.name), option.name: bound})[option.name] == bound
            for beyond in (option.low - 1, option.high + 1):
                with pytest.raises(OptionError) as caught:
                    check_options(self.name, {**self.beside(option.name), option.name: beyond})
                assert (caught.value.code, caught.value.field) == ("invalid_option", f"pruner.{option.name}")

    def test_choices_are_taken_and_others_refused(self) -> None:
        for choice in self.pruner.choices:
            with pytest.raises(OptionError) as caught:
                check_options(self.name, {choice.name: "no such word"})
            assert (caught.value.code, caught.value.field) == ("invalid_option", f"pruner.{choice.name}")
            assert check_options(self.name, {**self.given_options, choice.name: None})[choice.name] == choice.default

    def test_what_is_stored_is_checked_to_the_same(self) -> None:
        stored = check_options(self.name, self.given_options)
        assert check_options(self.name, json.loads(json.dumps(stored))) == stored

    def test_nothing_that_runs_is_promoted(self) -> None:
        request = self.request({}, COMPLETED)
        assert self.pruner.promotable(PromoteRequest(request.history, ("maximize",), request.options, N_STEPS)) == ()


class ObjectiveContract(PrunerContract):
    """Holds for pruners that judge by one objective."""

    def test_several_objectives_are_refused(self) -> None:
        self.pruner.check(("minimize",))
        with pytest.raises(PrunerError) as caught:
            self.pruner.check(("minimize", "maximize"))
        assert (caught.value.code, caught.value.field) == ("needs_one_objective", "pruner.name")

    def test_nothing_but_nan_is_stopped(self) -> None:
        assert self.stops(dict.fromkeys(range(1, N_STEPS), math.nan))


class WarmUpContract(PrunerContract):
    """Holds for pruners with warm-up steps."""

    hopeless: ClassVar[Curve] = dict.fromkeys(range(1, 6), 0.0)

    def test_no_trial_is_stopped_while_it_warms_up(self) -> None:
        request = self.request(self.hopeless, COMPLETED)
        last = max(self.hopeless)
        waits = replace(request, options={**request.options, "n_warmup_steps": last + 1})
        over = replace(request, options={**request.options, "n_warmup_steps": last})
        assert not self.pruner.decide(waits).prune
        assert self.pruner.decide(over).prune


class ComparingContract(ObjectiveContract):
    """Holds for pruners that stop what is clearly worse than the other trials."""

    worst: ClassVar[Curve] = learning(0.1)

    def test_the_worst_of_all_is_stopped(self) -> None:
        assert self.pruner.needs_history
        assert self.stops(self.worst)

    @any_curves
    @given(_CURVES, _HISTORIES)
    def test_both_directions_mirror_each_other(self, own: Curve, history: History) -> None:
        request = self.request(own, history)
        assert self.pruner.decide(_mirrored(request)).action == self.pruner.decide(request).action

    def test_direction_turns_the_decision(self) -> None:
        for step in self.worst:
            request = self.request({at: self.worst[at] for at in range(1, step + 1)}, COMPLETED)
            assert not self.pruner.decide(replace(request, directions=("minimize",))).prune


class TestNone(PrunerContract):
    name = "none"

    def test_it_never_stops_a_trial(self) -> None:
        assert not self.decide({0: math.nan}, COMPLETED).prune
        self.pruner.check(("minimize", "maximize"))


class TestMedian(ComparingContract, WarmUpContract):
    name = "median"


class TestPercentile(ComparingContract, WarmUpContract):
    name = "percentile"


class TestAsha(ComparingContract):
    name = "asha"


class TestHyperband(ComparingContract):
    name = "hyperband"


class TestThreshold(ObjectiveContract, WarmUpContract):
    name = "threshold"
    given_options: ClassVar[Mapping[str, OptionValue]] = {"lower": 0.2, "n_warmup_steps": 2}

    def beside(self, option: str) -> Mapping[str, OptionValue]:
        return {} if option in ("lower", "upper") else self.given_options


class TestWilcoxon(ComparingContract):
    name = "wilcoxon"


class TestExtrapolation(ComparingContract, WarmUpContract):
    name = "extrapolation"


class TestPatient(ComparingContract):
    name = "patient"
    given_options: ClassVar[Mapping[str, OptionValue]] = {"patience": 1}
    worst = OVERFITTING


class TestPatientAroundExtrapolation(ComparingContract):
    name = "patient"
    given_options: ClassVar[Mapping[str, OptionValue]] = {"patience": 1, "wrapped": "extrapolation"}
    worst = OVERFITTING


class TestPatientAlone(ObjectiveContract):
    name = "patient"
    given_options: ClassVar[Mapping[str, OptionValue]] = {"patience": 3, "wrapped": "none"}


def _thinned(curve: Mapping[int, float], steps: object) -> Curve:
    assert isinstance(steps, list | tuple)
    points = (max((at for at in curve if at <= step), default=None) for step in steps)
    return {at: curve[at] for at in points if at is not None}


def _mirrored(request: PruneRequest) -> PruneRequest:
    def turn(trial: PastTrial) -> PastTrial:
        values = None if trial.values is None else tuple(-value for value in trial.values)
        return replace(trial, values=values, intermediate={at: -value for at, value in trial.intermediate.items()})

    return replace(
        request, trial=turn(request.trial), directions=("minimize",), history=[turn(one) for one in request.history]
    )


def test_every_pruner_has_a_contract() -> None:
    contracts: list[type[PrunerContract]] = [PrunerContract]
    for contract in contracts:
        contracts += contract.__subclasses__()
    claimed = {contract.name for contract in contracts if contract.__name__.startswith("Test")}
    assert claimed == set(PRUNERS)
