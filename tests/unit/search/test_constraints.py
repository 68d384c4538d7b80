"""The language of constraints: means what Python would mean, runs nothing, and refuses what cannot be meant."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.constraints import MAX_CONSTRAINTS, Constraint, parse_constraints
from search.errors import SamplerError, SpaceError
from search.expressions.parser import MAX_DEPTH, MAX_LENGTH, MAX_WORDS
from search.parameters import ParamValue
from search.samplers.grid import GridSampler
from search.samplers.random import check_satisfiable, draw_params
from search.space import parse_space

SPACE = parse_space(
    {
        "x": {"type": "int", "low": -9, "high": 9},
        "y": {"type": "float", "low": -4, "high": 4},
        "optimizer": {"type": "categorical", "choices": ["adam", "sgd"]},
        "nesterov": {"type": "categorical", "choices": [True, False]},
        "mixed": {"type": "categorical", "choices": [1, "auto", None]},
        "widths": {"type": "list", "length": {"low": 1, "high": 2}, "each": {"type": "int", "low": 1, "high": 64}},
        "my-own": {"type": "int", "low": 0, "high": 3},
    }
)
FUNCTIONS = {"min": min, "max": max, "abs": abs, "log": math.log, "log2": math.log2, "sqrt": math.sqrt}


def read(text: str) -> Constraint:
    return parse_constraints([text], SPACE)[0]


def numbers(depth: int = 3) -> st.SearchStrategy[str]:
    """Draw the text of a number, in any nesting."""
    plain = st.sampled_from(["x", "y", "2", "0.5", "3e-1", "7"])
    if depth == 0:
        return plain
    inner = numbers(depth - 1)
    return st.one_of(
        plain,
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("-{}".format),
        st.tuples(st.sampled_from(["abs", "sqrt", "log", "log2"]), inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(
            lambda three: f"{three[0]}({three[1]}, {three[2]})"
        ),
    )


def truths(depth: int = 2) -> st.SearchStrategy[str]:
    """Draw the text of a statement, in any nesting."""
    signs = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])
    plain = st.one_of(
        st.tuples(numbers(), signs, numbers()).map(" ".join),
        st.tuples(numbers(1), signs, numbers(1), signs, numbers(1)).map(" ".join),
        st.sampled_from(["nesterov", "optimizer == 'sgd'", 'optimizer != "sgd"', "nesterov == True"]),
    )
    if depth == 0:
        return plain
    inner = truths(depth - 1)
    return st.one_of(
        plain,
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("not {}".format),
    )


# What is beyond doubles has no value here, and is infinite in Python: quotients of these stay within.
SIXTY_FOURTHS = st.integers(-256, 256).map(lambda n: n / 64)


@settings(deadline=None, max_examples=400)
@given(truths(), st.integers(-9, 9), SIXTY_FOURTHS, st.sampled_from(["adam", "sgd"]), st.booleans())
def test_a_statement_means_what_python_means(text: str, x: int, y: float, optimizer: str, nesterov: bool) -> None:
    params: dict[str, ParamValue] = {"x": x, "y": y, "optimizer": optimizer, "nesterov": nesterov}
    try:
        constraint = read(text)
    except SpaceError as error:
        assert error.code in {"constraint_too_long", "constraint_too_deep", "constant_constraint"}  # noqa: PT017
        return
    try:
        expected = eval(text, {"__builtins__": {}}, {**params, **FUNCTIONS})  # noqa: S307  (the oracle; text of our own)
    except (ArithmeticError, ValueError):
        expected = False
    assert constraint.holds(params) == bool(expected)


@pytest.mark.parametrize(
    ("text", "x", "expected"),
    [
        ("-x ** 2 == -9", 3, True),
        ("2 ** 3 ** 2 == 512 and x == x", 0, True),
        ("2 ** -1 == 0.5 * x", 1, True),
        ("x - 1 - 1 == 1", 3, True),
        ("not x > 1 and x < 3", 2, False),
        ("x == 1 or x == 2 and x == 3", 1, True),
        ("1 < x <= 3 != 4", 3, True),
        ("1 < x <= 3", 1, False),
        ("x % 4 == 3", -1, True),
        ("x // 2 == -1", -1, True),
        ("max(1, x, 3) - min(x, 2) == 1", 2, True),
        ("x == 0 or 6 / x > 2", 0, True),
        ("6 / x > 2", 0, False),
        ("6 / x <= 2", 0, False),
        ("not 6 / x > 2", 0, False),
        ("9 ** 9 ** 9 > x", 1, False),
        ("log(x) < 99", -1, False),
        ("sqrt(x) >= 0", -1, False),
        ("abs(x) == 1", -1, True),
        (" x==1 ", 1, True),
    ],
)
def test_precedence_and_what_has_no_value(text: str, x: int, expected: bool) -> None:
    assert read(text).holds({"x": x}) is expected


def test_kinds_of_value() -> None:
    assert read("nesterov == true").holds({"nesterov": True})
    assert not read("nesterov").holds({"nesterov": False})
    assert read("mixed == 'auto'").holds({"mixed": "auto"})
    assert read("mixed != null").holds({"mixed": 1})
    assert not read("mixed == 1").holds({"mixed": None})
    assert read("`my-own` > 1 and widths.1 >= widths.2").names == ("my-own", "widths.1", "widths.2")


def test_a_constraint_on_what_is_not_active_says_nothing() -> None:
    constraint = read("widths.1 >= widths.2")
    assert not constraint.holds({"widths.1": 1, "widths.2": 2})
    assert constraint.holds({"widths.1": 1})
    assert constraint.holds({})


@pytest.mark.parametrize(
    ("text", "code", "word"),
    [
        ("", "invalid_constraint", "ends too early"),
        ("x <", "invalid_constraint", "ends too early"),
        ("x = 3", "invalid_constraint", "=="),
        ("x < 3)", "invalid_constraint", "')'"),
        ("(x < 3", "invalid_constraint", "expected ')'"),
        ("x < 3 y", "invalid_constraint", "'y'"),
        ("x < and", "invalid_constraint", "'and'"),
        ("x & 3 > 1", "invalid_constraint", "'& 3 > 1'"),
        ("x.__class__ == 1", "unknown_parameter", "'x.__class__'"),
        ("__import__('os')", "unknown_function", "'__import__'"),
        ("x[0] < 1", "invalid_constraint", "'[0] < 1'"),
        ("lambda: 1", "invalid_constraint", "': 1'"),
        ("1x < 2", "invalid_constraint", "'1x < 2'"),
        ("optimiser == 'sgd'", "unknown_parameter", "'optimizer'"),
        ("exp(x) < 1", "unknown_function", "'exp'"),
        ("widths > 1", "unknown_parameter", "'widths'"),
        ("abs(x, y) < 1", "invalid_constraint", "1 argument"),
        ("max() < x", "invalid_constraint", "')'"),
        ("x", "wrong_kind", "truth value"),
        ("x + nesterov > 1", "wrong_kind", "'+'"),
        ("x and nesterov", "wrong_kind", "'and'"),
        ("not x", "wrong_kind", "'not'"),
        ("-optimizer < 1", "wrong_kind", "'-'"),
        ("optimizer < 'sgd'", "wrong_kind", "'<'"),
        ("optimizer == 1", "wrong_kind", "text with number"),
        ("mixed > 1", "wrong_kind", "null or number or text"),
        ("nesterov == 1", "wrong_kind", "truth value with number"),
        ("1 < 2", "constant_constraint", "no parameter"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, code: str, word: str) -> None:
    with pytest.raises(SpaceError) as caught:
        read(text)
    assert (caught.value.code, caught.value.field) == (code, "constraints.0")
    assert word in f"{caught.value.message} {caught.value.hint}"
    assert caught.value.hint


def test_length_and_depth_are_bounded() -> None:
    longest = "x < " + "1" * (MAX_LENGTH - 4)
    deepest = "(" * (MAX_DEPTH - 2) + "x" + ")" * (MAX_DEPTH - 2) + " < 1"
    widest = " + ".join("x" * (MAX_WORDS // 2 - 1)) + " < 1"
    for good, bad, code in (
        (longest, longest + "1", "constraint_too_long"),
        (deepest, f"({'(' * MAX_DEPTH}{deepest}", "constraint_too_deep"),
        (widest, "x + " + widest, "constraint_too_long"),
    ):
        assert isinstance(read(good).holds({"x": 1}), bool)
        with pytest.raises(SpaceError) as caught:
            read(bad)
        assert caught.value.code == code


@given(
    st.text(max_size=40)
    | st.lists(st.sampled_from([*"xy()<>=+-*,.'\"` ", "not ", " and ", "min(", "1e9"])).map("".join)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        constraint = read(text)
    except SpaceError as error:
        assert error.message  # noqa: PT017
    else:
        assert isinstance(constraint.holds({"x": 1, "y": 0.5}), bool)


@pytest.mark.parametrize(
    ("texts", "code", "field"),
    [
        ("x < 1", "invalid_type", "constraints"),
        (["x < 1", 3], "invalid_type", "constraints.1"),
        (["x < 1"] * (MAX_CONSTRAINTS + 1), "too_many_constraints", "constraints"),
    ],
)
def test_constraints_are_a_list_of_texts(texts: object, code: str, field: str) -> None:
    assert len(parse_constraints(["x < 1"] * MAX_CONSTRAINTS, SPACE)) == MAX_CONSTRAINTS
    with pytest.raises(SpaceError) as caught:
        parse_constraints(texts, SPACE)
    assert (caught.value.code, caught.value.field) == (code, field)


class TestDrawing:
    def test_draws_are_uniform_over_what_is_left(self) -> None:
        space = parse_space({name: {"type": "int", "low": 0, "high": 3} for name in ("a", "b")}, constraints=["a < b"])
        drawn = [tuple(draw_params(space, 5, number).values()) for number in range(3000)]
        counts = [drawn.count((a, b)) for a in range(4) for b in range(a + 1, 4)]
        assert sum(counts) == 3000
        # Chi-square with 5 degrees of freedom; 33 lies beyond all but one in 200,000.
        assert sum((count - 500) ** 2 / 500 for count in counts) < 33

    def test_a_constraint_moves_only_what_it_speaks_of(self) -> None:
        shapes = {name: {"type": "int", "low": 0, "high": 99} for name in ("a", "b", "c")}
        free, tied = parse_space(shapes), parse_space(shapes, constraints=["a + b == 99"])
        for number in range(20):
            before, after = draw_params(free, 7, number), draw_params(tied, 7, number)
            assert after["a"] + after["b"] == 99  # type: ignore[operator]
            assert before["c"] == after["c"]

    def test_a_draw_that_satisfies_the_constraints_stays(self) -> None:
        shapes = {name: {"type": "int", "low": 0, "high": 99} for name in ("a", "b")}
        free, tied = parse_space(shapes), parse_space(shapes, constraints=["a < b"])
        before = [draw_params(free, 7, number) for number in range(50)]
        kept = [params == draw_params(tied, 7, number) for number, params in enumerate(before)]
        assert kept == [tied.satisfies(params) for params in before]
        assert 10 < sum(kept) < 40

    def test_constraints_that_nothing_satisfies_are_refused(self) -> None:
        shapes = {name: {"type": "int", "low": 0, "high": 99} for name in ("a", "b", "c")}
        check_satisfiable(parse_space(shapes, constraints=["a == b", "c > 97"]))  # 1 in 5,000 together
        check_satisfiable(parse_space(shapes))
        with pytest.raises(SamplerError) as caught:
            check_satisfiable(parse_space(shapes, constraints=["c < 50", "a > b > 98"]))
        assert (caught.value.code, caught.value.field) == ("constraints_too_tight", "constraints")
        assert "a > b > 98" in caught.value.message
        assert "c < 50" not in caught.value.message

    def test_pinning_what_leaves_nothing_is_refused(self) -> None:
        shapes = {name: {"type": "int", "low": 0, "high": 9} for name in ("a", "b")}
        space = parse_space(shapes, constraints=["a < b"])
        assert draw_params(space.pin({"a": 8}), 1, 1) == {"a": 8, "b": 9}
        with pytest.raises(SamplerError) as caught:
            draw_params(space.pin({"a": 9}), 1, 1)
        assert caught.value.code == "constraints_too_tight"


class TestGrids:
    def test_a_huge_grid_with_a_constraint_is_numbered(self) -> None:
        shapes = {f"p{i:02}": {"type": "int", "low": 0, "high": 7} for i in range(20)}
        space = parse_space(shapes, constraints=["p00 * p19 > 20"])
        pairs = sum(a * b > 20 for a in range(8) for b in range(8))
        assert GridSampler().n_cells(space) == pairs * 8**18

    def test_a_grid_without_cells_is_refused(self) -> None:
        shapes = {name: {"type": "int", "low": 0, "high": 9} for name in ("a", "b")}
        assert GridSampler().n_cells(parse_space(shapes, constraints=["a * b == 81"])) == 1
        with pytest.raises(SamplerError) as caught:
            GridSampler().check(parse_space(shapes, constraints=["a * b > 81"]), None)
        assert (caught.value.code, caught.value.field) == ("grid_empty", "constraints")

    def test_a_grid_that_cannot_be_numbered_is_refused(self) -> None:
        shapes = {name: {"type": "int", "low": 0, "high": 999} for name in ("a", "b", "c")}
        GridSampler().check(parse_space(shapes, constraints=["a < 5"]), None)
        with pytest.raises(SamplerError) as caught:
            GridSampler().check(parse_space(shapes, constraints=["a + b < c"]), None)
        assert caught.value.code == "grid_too_entangled"
