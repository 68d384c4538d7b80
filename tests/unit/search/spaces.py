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
