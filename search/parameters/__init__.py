"""The kinds of parameter a search space is made of.

A parameter knows its values: how many there are, the one at an index (for grids), the one at a point of the unit
interval (for random draws), whether a value belongs, and how it looks in JSON. A `ListParameter` is shorthand for
several of them.
"""

from __future__ import annotations

from typing import TypeAlias

from search.parameters.categoricals import CategoricalParameter
from search.parameters.fixed import FixedParameter
from search.parameters.floats import FloatParameter
from search.parameters.ints import IntParameter
from search.parameters.lists import ListParameter
from search.parameters.rules import ParamValue, describe

Parameter: TypeAlias = FloatParameter | IntParameter | CategoricalParameter

__all__ = [
    "CategoricalParameter",
    "FixedParameter",
    "FloatParameter",
    "IntParameter",
    "ListParameter",
    "ParamValue",
    "Parameter",
    "describe",
]
