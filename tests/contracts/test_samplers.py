"""What every sampler owes its study. A new sampler gets a class here that inherits the contracts it claims."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from search.errors import OptionError, SamplerError, SearchError, SpaceError
from search.options import SEED
from search.parameters import ParamValue
from search.samplers import SAMPLERS, Sampler, check_options, get_sampler
from search.samplers.random import check_satisfiable, draw_params
from search.space import SearchSpace, parse_space
from search.types import Direction, PastTrial, Suggestion, SuggestRequest
from tests.unit.search.spaces import MIXED, TREE, conditional_spaces, search_spaces

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
        suggestion = self.sampler.suggest(request)
        assert (suggestion is None) == self.has_nothing_left(request)
        if suggestion is not None:
            self.assert_point(space, suggestion)
            assert list(suggestion.params) == list(space)

    @settings(deadline=None, max_examples=60, suppress_health_check=INHERITED)
    @given(st.data())
    def test_conditions_and_constraints_hold(self, data: st.DataObject) -> None:
        space = data.draw(st.one_of(st.just(TREE), conditional_spaces(self.countable_only)))
        try:
            check_satisfiable(space)
        except SamplerError:
            assume(False)
        n = data.draw(st.integers(0, 30))
        request = SuggestRequest(space, ("minimize",), data.draw(st.integers(0, 99)), n, history=make_history(space, n))
        suggestion = self.sampler.suggest(request)
        assert (suggestion is None) == self.has_nothing_left(request)
        if suggestion is not None:
            self.assert_point(space, suggestion)

    def has_nothing_left(self, request: SuggestRequest) -> bool:
        n_cells = self.sampler.n_cells(request.space)
        return n_cells is not None and request.cell >= n_cells

    def assert_point(self, space: SearchSpace, suggestion: Suggestion) -> None:
        checked = space.check(suggestion.params)
        assert checked == suggestion.params
        assert [type(value) for value in checked.values()] == [type(value) for value in suggestion.params.values()]
        assert list(suggestion.params) == sorted(suggestion.params)
        assert suggestion.note

    @pytest.mark.parametrize("optimizer", ["adam", "sgd"])
    def test_pinned_parameters_keep_their_values(self, optimizer: str) -> None:
        history = [*make_history(TREE, 30), *(PastTrial(50 + i, "RUNNING", draw_params(TREE, 5, i)) for i in range(3))]
        for number in (0, 40, 41):
            pinned: dict[str, ParamValue] = {"optimizer": optimizer, "widths.1": 48, "momentum": 0.3}
            request = SuggestRequest(TREE, ("minimize",), 7, number, history=history[:number], pinned=pinned)
            params = self.suggest(request).params
            assert params == TREE.check(params)
            assert (params["optimizer"], params["widths.1"]) == (optimizer, 48)
            assert params.get("momentum") == (0.3 if optimizer == "sgd" else None)

    def test_a_pinned_value_outside_its_parameter_is_refused(self) -> None:
        history = make_history(TREE, 30)
        self.suggest(SuggestRequest(TREE, ("minimize",), 7, 40, history=history, pinned={"widths.1": 32}))
        with pytest.raises(SpaceError) as caught:
            self.sampler.suggest(SuggestRequest(TREE, ("minimize",), 7, 40, history=history, pinned={"widths.1": 33}))
        assert (caught.value.code, caught.value.field) == ("off_step", "pinned.widths.1")

    def test_a_batch_is_valid_apart_and_grows_at_its_end(self) -> None:
        request = replace(self.request(), number=60, cell=0)
        batch = self.sampler.suggest_batch(request, 5, ("hidden_layers", "hidden_units"))
        for suggestion in batch:
            self.assert_point(self.space, suggestion)
        assert len({tuple(suggestion.params.items()) for suggestion in batch}) == 5
        assert self.sampler.suggest_batch(request, 3, ("hidden_layers", "hidden_units")) == batch[:3]
        assert self.sampler.suggest_batch(request, 1) == [self.suggest(request)]

    def test_its_cost_is_told_beforehand(self) -> None:
        assert self.sampler.cost(self.request()) in ("instant", "slow")
        assert self.sampler.cost(self.request(history=[])) == "instant"

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


class TestSobol(ForgetfulContract, DrawingContract):
    name = "sobol"


class TestBruteForce(SamplerContract):
    name = "brute_force"
    countable_only = True

    def has_nothing_left(self, request: SuggestRequest) -> bool:
        visited = [request.space.project(trial.params) for trial in request.history if trial.number != request.number]
        return len({repr(params) for params in visited if params is not None}) == self.sampler.n_cells(request.space)

    @settings(deadline=None, max_examples=40)
    @given(search_spaces(countable=True, max_size=2), st.integers(0, 2**32 - 1))
    def test_each_cell_is_visited_once_in_an_order_of_the_seeds(self, space: SearchSpace, seed: int) -> None:
        n_cells = self.sampler.n_cells(space) or 0
        assume(n_cells <= 150)
        history: list[PastTrial] = []
        for number in range(n_cells):
            params = self.suggest(SuggestRequest(space, ("minimize",), seed, number, number, history)).params
            history.append(PastTrial(number, "RUNNING", params))
        assert len({repr(trial.params) for trial in history}) == n_cells
        assert self.sampler.suggest(SuggestRequest(space, ("minimize",), seed, n_cells, n_cells, history)) is None

    def test_the_seed_matters(self) -> None:
        assert self.suggest(self.request(seed=7)) != self.suggest(self.request(seed=8))

    def test_successive_trials_differ(self) -> None:
        """It looks at the trials there are; asked again without the last one, it proposes that one again."""
        batch = self.sampler.suggest_batch(self.request(), 6)
        assert len({repr(suggestion.params) for suggestion in batch}) == 6
        assert self.suggest(self.request(number=41, history=self.request().history)) == batch[0]


class OnceContract(LearningContract):
    """Holds for learning samplers that propose no parameter set twice while there are others."""

    def test_small_spaces_are_searched_without_repeats(self) -> None:
        small = parse_space(
            {"a": {"type": "int", "low": 0, "high": 5}, "b": {"type": "categorical", "choices": ["x", "y", "z"]}}
        )
        history = [PastTrial(i, "COMPLETE", draw_params(small, 1, i), (i % 5,)) for i in range(12)]
        known = {repr(trial.params) for trial in history}
        while len(known) < 17:
            params = self.suggest(SuggestRequest(small, ("minimize",), 3, len(history), history=history)).params
            assert repr(params) not in known
            known.add(repr(params))
            history.append(PastTrial(len(history), "COMPLETE", params, (float(str(params["a"])),)))


class TestBayesian(OnceContract):
    name = "bayesian"


class TestGp(OnceContract):
    name = "gp"


class TestTpe(OnceContract):
    name = "tpe"


class TestNsga2(OnceContract):
    name = "nsga2"


class TestNsga3(OnceContract):
    name = "nsga3"


class TestCmaes(OnceContract):
    name = "cmaes"


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
    tested = (TestRandom, TestSobol, TestGrid, TestBruteForce, TestBayesian, TestGp, TestTpe, TestNsga2, TestNsga3)
    assert {contract.name for contract in (*tested, TestCmaes)} | {"manual"} == set(SAMPLERS)
