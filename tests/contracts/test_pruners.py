"""What every pruner owes its study. A new pruner gets a class here that inherits the contracts it claims."""

from __future__ import annotations

import math
import random
from typing import ClassVar, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.errors import OptionError
from search.pruners import PRUNERS, Pruner, check_options, get_pruner
from search.types import PastTrial, PruneRequest, TrialState

Curve: TypeAlias = dict[int, float]
History: TypeAlias = list[tuple[TrialState, Curve]]

_STATES: tuple[TrialState, ...] = ("WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL")
# A contract's test runs once for each class that inherits it, on purpose.
INHERITED = [HealthCheck.differing_executors]
_CURVES = st.dictionaries(st.integers(0, 5), st.floats(), max_size=5)
_HISTORIES = st.lists(st.tuples(st.sampled_from(_STATES), _CURVES), max_size=12)


def make_request(own: Curve, history: History, number: int = 50) -> PruneRequest:
    """Make a request of the trial `number`, which has reported `own`."""
    others = [PastTrial(i, state, {}, (0.0,), curve) for i, (state, curve) in enumerate(history)]
    return PruneRequest(PastTrial(50, "RUNNING", {}, None, own), ("maximize",), others)


class PrunerContract:
    """Holds for every pruner."""

    name: ClassVar[str]

    @property
    def pruner(self) -> Pruner:
        return get_pruner(self.name)

    def test_it_is_registered_with_a_meaning(self) -> None:
        assert PRUNERS[self.name] is self.pruner
        assert self.pruner.name == self.name
        assert self.pruner.meaning.endswith(".")

    @settings(deadline=None, suppress_health_check=INHERITED)
    @given(_CURVES, _HISTORIES)
    def test_it_decides_with_a_reason_on_any_curves(self, own: Curve, history: History) -> None:
        self.pruner.check(("maximize",))
        decision = self.pruner.decide(make_request(own, history))
        assert decision.prune in (True, False)
        assert decision.reason
        assert "\n" not in decision.reason

    @settings(deadline=None, suppress_health_check=INHERITED)
    @given(_CURVES, _HISTORIES, st.randoms(use_true_random=False))
    def test_the_order_of_history_and_reports_does_not_matter(
        self, own: Curve, history: History, rng: random.Random
    ) -> None:
        request = make_request(own, history)
        others, steps = list(request.history), list(own.items())
        rng.shuffle(others)
        rng.shuffle(steps)
        again = PruneRequest(PastTrial(50, "RUNNING", {}, None, dict(steps)), request.directions, others)
        assert self.pruner.decide(again) == self.pruner.decide(request)

    def test_a_trial_is_not_stopped_before_it_reports_or_without_others(self) -> None:
        others: History = [("COMPLETE", {0: 1.0})] * 20
        assert not self.pruner.decide(make_request({}, others)).prune
        assert not self.pruner.decide(make_request({0: 0.0}, [])).prune

    def test_the_best_of_all_is_not_stopped(self) -> None:
        others: History = [("COMPLETE", {0: i / 20, 1: math.nan}) for i in range(20)]
        assert not self.pruner.decide(make_request({0: 1.0}, others)).prune

    def test_options_at_their_bounds_are_taken_and_beyond_refused(self) -> None:
        for option in self.pruner.options:
            for bound in (option.low, option.high):
                assert check_options(self.name, {option.name: bound})[option.name] == bound
            for beyond in (option.low - 1, option.high + 1):
                with pytest.raises(OptionError) as caught:
                    check_options(self.name, {option.name: beyond})
                assert (caught.value.code, caught.value.field) == ("invalid_option", f"pruner.{option.name}")


class ComparingContract(PrunerContract):
    """Holds for pruners that stop what is clearly worse than the other trials."""

    def test_the_worst_of_all_is_stopped(self) -> None:
        others: History = [("COMPLETE", {0: i / 20}) for i in range(1, 21)]
        request = make_request({0: 0.0}, others)
        assert self.pruner.needs_history
        assert self.pruner.decide(request).prune

    def test_direction_turns_the_decision(self) -> None:
        others: History = [("COMPLETE", {0: i / 20}) for i in range(1, 21)]
        request = make_request({0: 0.0}, others)
        turned = PruneRequest(request.trial, ("minimize",), request.history)
        assert not self.pruner.decide(turned).prune


class TestNone(PrunerContract):
    name = "none"

    def test_it_never_stops_a_trial(self) -> None:
        others: History = [("COMPLETE", {0: 1.0})] * 20
        assert not self.pruner.decide(make_request({0: math.nan}, others)).prune
        self.pruner.check(("minimize", "maximize"))


class TestMedian(ComparingContract):
    name = "median"


def test_every_pruner_has_a_contract() -> None:
    assert {contract.name for contract in (TestNone, TestMedian)} == set(PRUNERS)
