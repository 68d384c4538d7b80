"""Conditional parameters and lists: what is active, in which order, and what is refused."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.errors import SpaceError
from search.parameters import FixedParameter, IntParameter, ParamValue
from search.samplers.grid import decode_cell
from search.samplers.random import draw_params
from search.space import SearchSpace, parse_space
from tests.unit.search.spaces import TREE, conditional_spaces

SGD: dict[str, ParamValue] = {"optimizer": "sgd", "activation": "relu", "widths.length": 1, "widths.1": 16}
OPTIMIZER = {"type": "categorical", "choices": ["adam", "sgd"]}
INT = {"type": "int", "low": 1, "high": 4}


def refused(mapping: object, constraints: object = ()) -> SpaceError:
    with pytest.raises(SpaceError) as caught:
        parse_space(mapping, constraints=constraints)
    assert caught.value.message
    assert caught.value.hint
    return caught.value


def list_sets(space: SearchSpace) -> list[dict[str, ParamValue]]:
    """List the active parameter sets of a small space the slow way: every value of everything, then what is active."""
    values = [[space[name].value_at(index) for index in range(space[name].n_values or 0)] for name in space]
    found: dict[str, dict[str, ParamValue]] = {}
    for chosen in itertools.product(*values):
        params = dict(zip(space, chosen, strict=True))
        for _ in range(len(params)):  # each round takes away what lost its ground in the round before
            params = {
                name: value
                for name, value in params.items()
                if all(
                    params.get(other, object()) in accepted
                    for other, accepted in space.conditions.get(name, {}).items()
                )
            }
        found[repr(params)] = params
    return list(found.values())


@settings(deadline=None)
@given(conditional_spaces())
def test_a_space_survives_json(space: SearchSpace) -> None:
    shapes = json.loads(json.dumps(space.to_json()))
    again = parse_space(shapes, constraints=[constraint.text for constraint in space.constraints])
    assert again == space
    assert again.order == space.order
    assert hash(again) == hash(space)


@settings(deadline=None)
@given(conditional_spaces())
def test_names_come_after_those_their_conditions_name(space: SearchSpace) -> None:
    assert sorted(space.order) == list(space)
    for name, needed in space.conditions.items():
        assert all(space.order.index(other) < space.order.index(name) for other in needed)


@settings(deadline=None, max_examples=200)
@given(conditional_spaces(countable=True))
def test_sets_are_counted_as_if_they_were_listed(space: SearchSpace) -> None:
    listed = list_sets(space)
    assert space.size() == len(listed)
    tree = space.tree()
    assert sorted(repr(tree.params(cell)) for cell in range(len(listed))) == sorted(map(repr, listed))


@settings(deadline=None, max_examples=200)
@given(conditional_spaces(countable=True))
def test_a_grid_visits_each_set_that_satisfies_the_constraints_once(space: SearchSpace) -> None:
    wanted = [params for params in list_sets(space) if space.satisfies(params)]
    cells = [decode_cell(space, cell) for cell in range(len(wanted))]
    assert space.tree(space.constraints).n_cells == len(wanted)
    assert sorted(map(repr, cells)) == sorted(map(repr, wanted))
    assert all(space.check(params) == params for params in cells)


@settings(deadline=None, max_examples=200)
@given(conditional_spaces(), st.integers(0, 2**31), st.integers(0, 1000))
def test_draws_are_complete_active_and_satisfy_the_constraints(space: SearchSpace, seed: int, number: int) -> None:
    params = draw_params(space, seed, number)
    assert space.check(params) == params == space.project(params)
    assert space.active(params) == params
    assert set(params) == {name for name in space if space.is_active(name, params)}
    assert draw_params(space, seed, number) == params


@settings(deadline=None)
@given(conditional_spaces(), st.integers(0, 2**31))
def test_entries_that_are_not_active_do_not_matter(space: SearchSpace, seed: int) -> None:
    params = draw_params(space, seed, 0)
    # A value for everything, as a trial of a space without conditions would have it.
    whole = {**{name: space[name].from_unit(0.3) for name in space}, **params}
    assert space.active(whole) == params
    assert space.project(whole) == params
    assert {problem.code for problem in space.problems(whole)} <= {"inactive_parameter"}


def test_conditions_nest() -> None:
    names = {"momentum": False, "dampening": False, "widths.2": False}
    adam: dict[str, ParamValue] = {"optimizer": "adam", "momentum": 0.3, "dampening": 1, "widths.length": 1}
    assert {name: TREE.is_active(name, adam) for name in names} == names
    sgd: dict[str, ParamValue] = {**adam, "optimizer": "sgd", "widths.length": 2}
    assert {name: TREE.is_active(name, sgd) for name in names} == dict.fromkeys(names, True)
    assert not TREE.is_active("dampening", {**sgd, "momentum": 0.0})
    assert TREE.is_conditional
    assert not parse_space({"a": INT}).is_conditional


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"momentum": None}, "missing_parameter", "params.momentum"),
        ({"optimizer": "adam"}, "inactive_parameter", "params.momentum"),
        ({"widths.2": 16}, "inactive_parameter", "params.widths.2"),
        ({"dampening": 1, "momentum": 0.0}, "inactive_parameter", "params.dampening"),
        ({"widths": "16"}, "unknown_parameter", "params.widths"),
        ({"optimizer": "adagrad", "momentum": None}, "not_a_choice", "params.optimizer"),
        ({"widths.length": 2, "widths.2": 32}, "constraint_broken", "params.widths.1"),
        ({"activation": "tanh"}, "not_a_choice", "params.activation"),
    ],
)
def test_what_is_not_exactly_the_active_parameters_is_refused(change: dict[str, object], code: str, field: str) -> None:
    good = {**SGD, "momentum": 0.0}
    assert TREE.check(good) == good
    given = {name: value for name, value in {**good, **change}.items() if value is not None}
    with pytest.raises(SpaceError) as caught:
        TREE.check(given)
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.hint


def test_what_hangs_on_a_refused_value_is_not_judged() -> None:
    problems = TREE.problems({**SGD, "optimizer": "adagrad", "dampening": 9})
    assert [problem.code for problem in problems] == ["not_a_choice"]


def test_past_trials_stay_usable_where_they_fit() -> None:
    past = {**SGD, "momentum": 0.3, "dampening": 0, "removed": 1, "widths.2": 16}
    assert TREE.project(past) == {**SGD, "momentum": 0.3, "dampening": 0}
    assert TREE.project({**SGD, "momentum": 0.3}) is None  # dampening is active there
    assert TREE.project({**SGD, "momentum": 0.0, "widths.length": 2, "widths.2": 48}) is None  # breaks a constraint


@pytest.mark.parametrize(
    ("mapping", "code", "field"),
    [
        ({"a": {**INT, "when": {"b": [1]}}}, "unknown_parameter", "search_space.a.when.b"),
        ({"a": {**INT, "when": {"a": [1]}}}, "condition_cycle", "search_space.a.when.a"),
        (
            {"a": {**INT, "when": {"b": [1]}}, "b": {**INT, "when": {"c": [1]}}, "c": {**INT, "when": {"b": [1]}}},
            "condition_cycle",
            "search_space.b.when.c",
        ),
        ({"a": {**INT, "when": {"o": ["sdg"]}}, "o": OPTIMIZER}, "not_a_choice", "search_space.a.when.o"),
        ({"a": {**INT, "when": {"o": "sgd"}}, "o": OPTIMIZER}, "invalid_type", "search_space.a.when.o"),
        ({"a": {**INT, "when": {"o": []}}, "o": OPTIMIZER}, "empty_condition", "search_space.a.when.o"),
        ({"a": {**INT, "when": ["o"]}, "o": OPTIMIZER}, "invalid_type", "search_space.a.when"),
        ({"a": {**INT, "when": {"b": [5]}}, "b": INT}, "out_of_range", "search_space.a.when.b"),
        (
            {"a": {**INT, "when": {"b": [0.5]}}, "b": {"type": "float", "low": 0, "high": 1}},
            "continuous_condition",
            "search_space.a.when.b",
        ),
        (
            {
                "o": OPTIMIZER,
                "a": {**INT, "when": {"o": ["sgd"]}},
                "b": {**INT, "when": {"o": ["adam"], "a": [1]}},
            },
            "never_active",
            "search_space.b.when",
        ),
    ],
)
def test_a_condition_that_cannot_be_meant_is_refused(mapping: object, code: str, field: str) -> None:
    error = refused(mapping)
    assert (error.code, error.field) == (code, field)


def test_conditions_that_can_be_meant_are_accepted() -> None:
    space = parse_space(
        {
            "o": OPTIMIZER,
            "a": {**INT, "when": {"o": ["sgd"]}},
            "b": {**INT, "when": {"o": ["sgd"], "a": [1, 4, 1]}},
            "c": {**INT, "when": {}},
        }
    )
    assert space.conditions == {"a": {"o": ("sgd",)}, "b": {"o": ("sgd",), "a": (1, 4)}}
    assert space.size() == (1 + (2 * 4 + 2)) * 4


def test_conditions_that_tie_too_much_together_are_refused() -> None:
    parents = {f"a{i:02}": INT for i in range(18)}
    shapes = {**parents, "z": {**INT, "when": {name: [2, 3] for name in parents}}}
    assert parse_space(shapes).size() == 4**18 - 2**18 + 2**18 * 4
    # Which of 17 parameters are 2 must be remembered until the last parameter is known, in all combinations.
    odd = {f"z{i:02}": {**INT, "when": {f"a{i:02}": [2], "a17": [3]}} for i in range(17)}
    assert refused({**parents, **odd}).code == "space_too_entangled"


class TestLists:
    def test_a_list_is_its_length_and_its_places(self) -> None:
        assert [name for name in TREE if name.startswith("widths")] == [
            "widths.1", "widths.2", "widths.3", "widths.length"
        ]  # fmt: skip
        assert TREE["widths.length"] == IntParameter(1, 3)
        assert TREE["widths.3"] == IntParameter(16, 48, 16)
        assert TREE.conditions["widths.2"] == {"widths.length": (2, 3)}
        assert "widths.1" not in TREE.conditions

    def test_the_network_takes_a_text(self) -> None:
        params: dict[str, ParamValue] = {**SGD, "widths.length": 2, "widths.2": 16, "momentum": 0.0}
        assert TREE.assemble(params) == {
            "activation": "relu", "momentum": 0.0, "optimizer": "sgd", "widths": "16-16"
        }  # fmt: skip
        assert TREE.assemble({"optimizer": "adam"}) == {"optimizer": "adam"}

    def test_more_than_nine_places_stand_in_their_order(self) -> None:
        shape = {"type": "list", "length": {"low": 11, "high": 11}, "each": {"type": "int", "low": 1, "high": 99}}
        space = parse_space({"w": shape})
        params: dict[str, ParamValue] = {"w.length": 11, **{f"w.{place}": place for place in range(1, 12)}}
        assert space.check(params) == params
        assert space.assemble(params) == {"w": "1-2-3-4-5-6-7-8-9-10-11"}
        assert not space.is_conditional

    def test_a_list_may_have_conditions(self) -> None:
        shape = {"type": "list", "length": {"low": 1, "high": 2}, "each": INT, "when": {"o": ["sgd"]}}
        space = parse_space({"o": OPTIMIZER, "w": shape})
        assert space.size() == 1 + 4 + 16
        assert space.check({"o": "adam"}) == {"o": "adam"}
        assert space.assemble({"o": "adam"}) == {"o": "adam"}
        assert space.to_json()["w"] == parse_space({"o": OPTIMIZER, "w": space.to_json()["w"]}).to_json()["w"]

    def test_a_condition_may_name_a_length(self) -> None:
        space = parse_space({"w": TREE.to_json()["widths"], "residual": {**OPTIMIZER, "when": {"w.length": [2, 3]}}})
        assert not space.is_active("residual", {"w.length": 1})
        assert refused({"w": TREE.to_json()["widths"], "a": {**INT, "when": {"w": [2]}}}).code == "unknown_parameter"

    @pytest.mark.parametrize(
        ("shape", "code", "field"),
        [
            ({"length": {"low": 0, "high": 2}}, "invalid_length", "search_space.w.length"),
            ({"length": {"low": 3, "high": 2}}, "invalid_length", "search_space.w.length"),
            ({"length": {"low": 1, "high": 65}}, "invalid_length", "search_space.w.length"),
            ({"length": {"low": 1, "high": 2.5}}, "invalid_type", "search_space.w.length.high"),
            ({"length": 3}, "invalid_type", "search_space.w.length"),
            ({"each": {"type": "float", "low": 0, "high": 1}}, "unwritable_list", "search_space.w.each"),
            ({"each": {"type": "int", "low": -1, "high": 1}}, "unwritable_list", "search_space.w.each"),
            ({"each": {"type": "fixed", "value": "a-b"}}, "unwritable_list", "search_space.w.each"),
            ({"each": {"type": "int", "low": 2, "high": 1}}, "low_above_high", "search_space.w.each.low"),
            ({"each": {**INT, "when": {"w.length": [1]}}}, "unknown_key", "search_space.w.each.when"),
            ({"each": TREE.to_json()["widths"]}, "unwritable_list", "search_space.w.each.type"),
            ({"lenght": 1}, "unknown_key", "search_space.w.lenght"),
        ],
    )
    def test_a_list_that_makes_no_text_is_refused(self, shape: dict[str, object], code: str, field: str) -> None:
        good = {"type": "list", "length": {"low": 1, "high": 2}, "each": INT}
        assert len(parse_space({"w": good})) == 3
        error = refused({"w": {**good, **shape}})
        assert (error.code, error.field) == (code, field)

    def test_names_that_a_list_takes_are_taken(self) -> None:
        good = {"type": "list", "length": {"low": 1, "high": 2}, "each": INT}
        assert refused({"w": good, "w.2": INT}).code == "duplicate_name"
        assert refused({"w": good, "w.2": good}).code == "duplicate_name"
        assert len(parse_space({"w": good, "w.3": INT})) == 4


class TestFixed:
    @pytest.mark.parametrize("value", ["relu", 3, 0.5, True, None])
    def test_a_fixed_parameter_has_one_value(self, value: ParamValue) -> None:
        space = parse_space({"x": {"type": "fixed", "value": value}})
        assert space["x"] == FixedParameter((value,))
        assert space.size() == 1
        assert draw_params(space, 1, 1) == {"x": value}
        assert space.to_json() == {"x": {"type": "fixed", "value": value}}

    @pytest.mark.parametrize(
        ("shape", "code", "field"),
        [
            ({"value": float("nan")}, "not_finite", "search_space.x.value"),
            ({"value": [1]}, "unsupported_choice", "search_space.x.value"),
            ({}, "missing_key", "search_space.x.value"),
            ({"value": 1, "low": 1}, "unknown_key", "search_space.x.low"),
        ],
    )
    def test_what_is_no_value_is_refused(self, shape: dict[str, object], code: str, field: str) -> None:
        error = refused({"x": {"type": "fixed", **shape}})
        assert (error.code, error.field) == (code, field)


class TestPinning:
    @settings(deadline=None)
    @given(conditional_spaces(countable=True), st.data())
    def test_a_pinned_space_holds_what_has_the_value(self, space: SearchSpace, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(space)))
        value = space[name].from_unit(data.draw(st.floats(0, 1, exclude_max=True)))
        pinned = space.pin({name: value})
        wanted = [params for params in list_sets(space) if params.get(name, value) == value]
        assert sorted(map(repr, list_sets(pinned))) == sorted(map(repr, wanted))
        assert pinned.size() == len(wanted)

    def test_what_cannot_be_pinned_is_refused(self) -> None:
        with pytest.raises(SpaceError) as outside:
            TREE.pin({"momentum": 0.2})
        assert (outside.value.code, outside.value.field) == ("off_step", "pinned.momentum")
        with pytest.raises(SpaceError) as unknown:
            TREE.pin({"momentun": 0.3})
        assert (unknown.value.code, unknown.value.field) == ("unknown_parameter", "pinned.momentun")
        assert TREE.pin({"momentum": 0.3})["momentum"] == FixedParameter((0.3,))
