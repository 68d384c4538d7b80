"""Which kinds of value a parameter or an expression can have, so that a mismatch is refused before any trial."""

from __future__ import annotations

from typing import Literal, TypeAlias

from search.parameters import CategoricalParameter, Parameter, ParamValue

Kind: TypeAlias = Literal["number", "text", "truth value", "null"]
Kinds: TypeAlias = frozenset[Kind]

NUMBER: Kinds = frozenset({"number"})
TRUTH: Kinds = frozenset({"truth value"})


def kind_of(value: ParamValue) -> Kind:
    """Return the kind of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "truth value"
    return "text" if isinstance(value, str) else "number"


def kinds_of(parameter: Parameter) -> Kinds:
    """Return the kinds that a parameter's values have; more than one only for mixed choices."""
    if isinstance(parameter, CategoricalParameter):
        return frozenset(kind_of(choice) for choice in parameter.choices)
    return NUMBER


def name_kinds(kinds: Kinds) -> str:
    """Say the kinds in words."""
    return " or ".join(sorted(kinds))
