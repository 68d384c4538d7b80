"""What every sampler owes its study. A new sampler gets a class here that inherits the contracts it claims."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from search.errors import OptionError, SearchError
from search.options import SEED
from search.parameters import ParamValue
from search.samplers import SAMPLERS, Sampler, check_options, get_sampler
from search.samplers.random import draw_params
from search.space import SearchSpace, parse_space
from search.types import Direction, PastTrial, Suggestion, SuggestRequest
from tests.unit.search.spaces import MIXED, search_spaces

# A contract's test runs once for each class that inherits it, on purpose.
INHERITED = [HealthCheck.differing_executors]
COUNTABLE = parse_space({name: MIXED[name].to_json() for name in MIXED if MIXED[name].n_values is not None})


def make_history(space: SearchSpace, n: int, n_objectives: int = 1, seed: int = 1) -> list[PastTrial]:
    """Make trials of every state at random points of `space`."""
    rng = random.Random(seed)
    history = []
    for number in range(n):
        state = rng.choice(["COMPLETE"] * 6 + ["PRUNED", "RUNNING", "FAIL", "WAITING"])
        values = tuple(rng.random() for _ in range(n_objectives)) if state == "COMPLETE" else None
        steps = {step: rng.random() for step in range(rng.randint(0, 3))}
        history.append(PastTrial(number, state, draw_params(space, seed, number), values, steps))  # type: ignore[arg-type]
    return history


class SamplerContract:
    """Holds for every sampler that proposes anything."""

    name: ClassVar[str]
    countable_only: ClassVar[bool] = False
    min_parameters: ClassVar[int] = 0

    @property
    def sampler(self) -> Sampler:
        return get_sampler(self.name)

    @property
    def space(self) -> SearchSpace:
        return COUNTABLE if self.countable_only else MIXED

    def request(self, number: int = 40, **changes: object) -> SuggestRequest:
        base = SuggestRequest(
            self.space, ("maximize",), 7, number, cell=number, history=make_history(self.space, number)
        )
        return replace(base, **changes)  # type: ignore[arg-type]

    def suggest(self, request: SuggestRequest) -> Suggestion:
        suggestion = self.sampler.suggest(request)
        assert suggestion is not None
        return suggestion

    @settings(deadline=None, max_examples=60, suppress_health_check=INHERITED)
    @given(st.data())
    def test_every_suggestion_is_a_point_of_the_space(self, data: st.DataObject) -> None:
        space = data.draw(search_spaces(self.countable_only, min_size=self.min_parameters))
        self.sampler.check(space, None)
        directions: tuple[Direction, ...] = data.draw(st.sampled_from([("minimize",), ("maximize", "minimize")]))
        n = data.draw(st.integers(0, 40))
        request = SuggestRequest(
            space, directions, data.draw(st.integers(0, 2**32 - 1)), n, cell=data.draw(st.integers(0, 10)),
            history=make_history(space, n, len(directions)), options=check_options(self.name, {}),
        )  # fmt: skip
        n_cells = self.sampler.n_cells(space)
        suggestion = self.sampler.suggest(request)
        assert (suggestion is None) == (n_cells is not None and request.cell >= n_cells)
        if suggestion is not None:
            assert space.check(suggestion.params) == suggestion.params
            assert [type(value) for value in space.check(suggestion.params).values()] == [
                type(value) for value in suggestion.params.values()
            ]
            assert list(suggestion.params) == list(space)
            assert suggestion.note

    def test_it_is_registered_with_a_meaning_and_a_seed(self) -> None:
        assert SAMPLERS[self.name] is self.sampler
        assert self.sampler.name == self.name
        assert self.sampler.meaning.endswith(".")
        assert SEED in self.sampler.options

    def test_equal_requests_get_equal_suggestions(self) -> None:
        request = self.request()
        first = self.suggest(request)
        self.sampler.suggest(self.request(number=13, seed=99))  # what others ask in between leaves no trace
        assert self.suggest(request) == first

    def test_asking_changes_nothing_it_was_given(self) -> None:
        history = make_history(self.space, 40)
        request = self.request(history=history)
        self.suggest(request)
        assert history == make_history(self.space, 40)
        assert request == self.request(history=history)

    def test_global_random_state_is_left_alone(self) -> None:
        state = random.getstate()
        first = self.suggest(self.request())
        assert random.getstate() == state
        random.seed(4)
        assert self.suggest(self.request()) == first

    def test_successive_trials_differ(self) -> None:
        proposed = [tuple(self.suggest(self.request(number)).params.items()) for number in range(6)]
        assert len(set(proposed)) == 6

    def test_options_at_their_bounds_are_taken_and_beyond_refused(self) -> None:
        for option in self.sampler.options:
            for bound in (option.low, option.high):
                assert check_options(self.name, {option.name: bound})[option.name] == bound
            for beyond in (option.low - 1, option.high + 1):
                with pytest.raises(OptionError) as caught:
                    check_options(self.name, {option.name: beyond})
                assert (caught.value.code, caught.value.field) == ("invalid_option", f"sampler.{option.name}")


class DrawingContract(SamplerContract):
    """Holds for samplers that have chance in them."""

    def test_the_seed_matters(self) -> None:
        assert self.suggest(self.request(seed=7)) != self.suggest(self.request(seed=8))

    def test_it_has_no_end(self) -> None:
        assert self.sampler.n_cells(self.space) is None


class ForgetfulContract(SamplerContract):
    """Holds for samplers that do not learn: the same trials at any parallelism and after any crash."""

    def test_the_history_does_not_matter(self) -> None:
        assert not self.sampler.learns
        assert self.suggest(self.request(history=[])) == self.suggest(self.request())


class LearningContract(DrawingContract):
    """Holds for samplers whose suggestions depend on what was seen."""

    min_parameters = 1

    def test_the_history_matters(self) -> None:
        assert self.sampler.learns
        assert self.suggest(self.request()).params != self.suggest(self.request(history=[])).params

    def test_running_trials_matter(self) -> None:
        history = make_history(self.space, 40)
        first = self.suggest(self.request(number=60, history=history)).params
        running = [PastTrial(50 + i, "RUNNING", first) for i in range(10)]
        assert self.suggest(self.request(number=60, history=history + running)).params != first

    def test_an_empty_space_is_refused(self) -> None:
        with pytest.raises(SearchError) as caught:
            self.sampler.check(parse_space({}), None)
        assert (caught.value.code, caught.value.field) == ("empty_space", "search_space")


class TestRandom(ForgetfulContract, DrawingContract):
    name = "random"


class TestGrid(ForgetfulContract):
    name = "grid"
    countable_only = True

    @settings(deadline=None, max_examples=40)
    @given(search_spaces(countable=True, max_size=2))
    def test_each_cell_is_visited_once(self, space: SearchSpace) -> None:
        n_cells = self.sampler.n_cells(space)
        assert n_cells == space.size()
        visited: set[tuple[tuple[str, str], ...]] = set()
        for cell in range(n_cells or 0):
            params: dict[str, ParamValue] = self.suggest(SuggestRequest(space, ("minimize",), 0, cell, cell)).params
            visited.add(tuple((name, repr(value)) for name, value in params.items()))
        assert len(visited) == n_cells
        assert self.sampler.suggest(SuggestRequest(space, ("minimize",), 0, 0, cell=n_cells or 0)) is None


class TestBayesian(LearningContract):
    name = "bayesian"


class TestManual:
    """Proposes nothing, so the contracts above have nothing to hold."""

    def test_it_never_proposes(self) -> None:
        manual = get_sampler("manual")
        manual.check(parse_space({}), None)
        manual.check(MIXED, 5)
        assert manual.n_cells(MIXED) == 0
        assert manual.suggest(SuggestRequest(MIXED, ("minimize",), 7, 0)) is None
        assert manual.meaning.endswith(".")
        assert SEED in manual.options


def test_every_sampler_has_a_contract() -> None:
    tested = {contract.name for contract in (TestRandom, TestGrid, TestBayesian)} | {"manual"}
    assert tested == set(SAMPLERS)
