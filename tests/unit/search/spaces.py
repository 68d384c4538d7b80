"""Hypothesis strategies for search spaces, and a space with one parameter of each kind."""

from __future__ import annotations

from hypothesis import assume
from hypothesis import strategies as st

from search.errors import SpaceError
from search.parameters import CategoricalParameter, FloatParameter, IntParameter, Parameter, ParamValue
from search.space import SearchSpace, parse_space

MIXED = parse_space(
    {
        "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
        "dropout": {"type": "float", "low": 0.0, "high": 0.5, "step": 0.1},
        "momentum": {"type": "float", "low": 0, "high": 1},
        "hidden_layers": {"type": "int", "low": 1, "high": 3},
        "hidden_units": {"type": "int", "low": 16, "high": 128, "step": 16},
        "batch_size": {"type": "int", "low": 8, "high": 512, "log": True},
        "activation": {"type": "categorical", "choices": ["relu", "tanh", None, 3, 0.5, True]},
    }
)

_NAMES = st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12)
_BOUNDS = st.floats(allow_nan=False, allow_infinity=False)
_INTS = st.integers(-(2**48), 2**48)
_CHOICES: st.SearchStrategy[ParamValue] = st.one_of(
    st.text(max_size=8), st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.booleans(), st.none()
)


@st.composite
def floats(draw: st.DrawFn, countable: bool = False) -> FloatParameter:
    """Draw a float parameter; a countable one has a step of few digits and at most 50 values."""
    try:
        if countable or draw(st.booleans()):
            scale = 10.0 ** draw(st.integers(-6, 3))
            step = draw(st.integers(1, 30)) * scale
            low = draw(st.integers(-100, 100)) * scale
            return FloatParameter(low, low + step * draw(st.floats(1, 49)), step=step)
        low, high = sorted((draw(_BOUNDS), draw(_BOUNDS)))
        return FloatParameter(low, high, log=low > 0 and draw(st.booleans()))
    except SpaceError:
        assume(False)
        raise


@st.composite
def ints(draw: st.DrawFn, countable: bool = False) -> IntParameter:
    """Draw an int parameter; a countable one has at most 50 values."""
    low = draw(_INTS)
    high = draw(st.integers(low, min(low + 49, 2**48)) if countable else st.integers(low, 2**48))
    try:
        if draw(st.booleans()) and low > 0:
            return IntParameter(low, high, log=True)
        return IntParameter(low, high, step=draw(st.integers(1, max(high - low, 1))))
    except SpaceError:
        assume(False)
        raise


def categoricals() -> st.SearchStrategy[CategoricalParameter]:
    """Draw a categorical parameter of up to six choices, none equal to another."""
    choices = st.lists(_CHOICES, min_size=1, max_size=6, unique=True)
    return choices.map(lambda values: CategoricalParameter(tuple(values)))


def parameters(countable: bool = False) -> st.SearchStrategy[Parameter]:
    """Draw a parameter of any kind."""
    return st.one_of(floats(countable), ints(countable), categoricals())


def search_spaces(countable: bool = False, min_size: int = 0, max_size: int = 4) -> st.SearchStrategy[SearchSpace]:
    """Draw a search space of any kinds of parameter."""
    named = st.dictionaries(_NAMES, parameters(countable), min_size=min_size, max_size=max_size)
    return named.map(lambda mapping: SearchSpace(tuple(mapping.items())))


TREE = parse_space(
    {
        "optimizer": {"type": "categorical", "choices": ["adam", "sgd", "nesterov"]},
        "momentum": {
            "type": "float", "low": 0, "high": 0.9, "step": 0.3, "when": {"optimizer": ["sgd", "nesterov"]}
        },
        "dampening": {"type": "int", "low": 0, "high": 2, "when": {"momentum": [0.3, 0.9], "optimizer": ["sgd"]}},
        "widths": {
            "type": "list", "length": {"low": 1, "high": 3}, "each": {"type": "int", "low": 16, "high": 48, "step": 16}
        },
        "activation": {"type": "fixed", "value": "relu"},
    },
    constraints=["widths.1 >= widths.2", "widths.2 >= widths.3", "momentum < 0.5 or widths.length <= 2"],
)  # fmt: skip
"""Nested conditions, a list, a fixed value and constraints that speak of parameters which are not always active."""


@st.composite
def conditional_spaces(draw: st.DrawFn, countable: bool = False) -> SearchSpace:
    """Draw a space of up to five parameters, some with conditions on others, with a list and constraints now and then.

    Countable spaces are small enough to list.
    """
    names = draw(st.permutations(["a", "b", "c", "d", "e"]))[: draw(st.integers(1, 5))]
    shapes: dict[str, dict[str, object]] = {}
    for name in names:
        shape = draw(small_shapes(countable))
        parents = draw(st.lists(st.sampled_from(sorted(shapes)), max_size=2, unique=True)) if shapes else []
        when = {parent: draw(some_values(shapes[parent])) for parent in parents if shapes[parent]["type"] != "float"}
        shapes[name] = {**shape, "when": when} if when else shape
    if draw(st.booleans()):
        low = draw(st.integers(1, 2))
        length = {"low": low, "high": draw(st.integers(low, 3))}
        shapes["list"] = {"type": "list", "length": length, "each": {"type": "int", "low": 1, "high": 2}}
    texts = draw(st.lists(st.sampled_from(_statements(shapes)), min_size=1, max_size=2)) if _statements(shapes) else []
    try:
        return parse_space(shapes, constraints=texts)
    except SpaceError as error:
        assume(error.code != "never_active")
        raise


@st.composite
def small_shapes(draw: st.DrawFn, countable: bool) -> dict[str, object]:
    """Draw the JSON of a parameter with at most four values, or of a float without step where that may be."""
    kind = draw(st.sampled_from(["int", "categorical", "fixed", *(() if countable else ("float",))]))
    if kind == "float":
        return {"type": "float", "low": 0.5, "high": 8, "log": draw(st.booleans())}
    if kind == "int":
        low, step = draw(st.integers(-2, 2)), draw(st.integers(1, 3))
        return {"type": "int", "low": low, "high": low + step * draw(st.integers(1, 3)), "step": step}
    if kind == "fixed":
        return {"type": "fixed", "value": draw(st.sampled_from(["x", 2, None]))}
    return {"type": "categorical", "choices": draw(st.permutations(["x", "y", None, True, 2.5]))[:3]}


def some_values(shape: dict[str, object]) -> st.SearchStrategy[list[ParamValue]]:
    """Draw some of a small parameter's values."""
    parameter = parse_space({"x": {key: value for key, value in shape.items() if key != "when"}})["x"]
    values = [parameter.value_at(index) for index in range(parameter.n_values or 1)]
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


def _statements(shapes: dict[str, dict[str, object]]) -> list[str]:
    """Write constraints that break for many parameter sets and hold together for some."""
    numbers = sorted(name for name, shape in shapes.items() if shape["type"] in ("int", "float"))
    pairs = [f"{one} + 3 >= {other}" for one in numbers for other in numbers if one < other]
    lists = [f"list.1 < {one} + 4 or list.length == 1" for one in numbers] if "list" in shapes else []
    return pairs + lists
