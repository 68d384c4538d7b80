"""What a parsed constraint is made of: small values that compute themselves from parameters, and nothing else.

Source: docs/decisions, the record on conditions, lists and constraints, for what is defined and what is not.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from search.parameters import ParamValue

Params: TypeAlias = Mapping[str, ParamValue]


class UndefinedError(ArithmeticError):
    """A constraint has no value for these parameters: a division by zero, a logarithm of 0, a number too large."""


def _power(base: float, exponent: float) -> float:
    # In floating point: exact powers of integers could have any number of digits.
    return math.pow(base, exponent)


ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "**": _power,
}
ORDER: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FUNCTIONS: Final[Mapping[str, tuple[Callable[..., float], int | None]]] = {
    "min": (min, None),
    "max": (max, None),
    "abs": (abs, 1),
    "log": (math.log, 1),
    "log2": (math.log2, 1),
    "sqrt": (math.sqrt, 1),
}
"""By name: what computes it, and the number of its arguments; None for one or more."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value that stands in the text."""

    value: ParamValue

    def compute(self, params: Params) -> ParamValue:
        """Return the value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Name:
    """A parameter."""

    name: str

    def compute(self, params: Params) -> ParamValue:
        """Return the parameter's value."""
        return params[self.name]


@dataclass(frozen=True, slots=True)
class Call:
    """A function or a sign of arithmetic, applied to numbers."""

    name: str
    arguments: tuple[Node, ...]

    def compute(self, params: Params) -> float:
        """Return a finite number.

        Raises:
            UndefinedError: Where there is none.
        """
        function: Callable[..., float] = ARITHMETIC.get(self.name) or FUNCTIONS[self.name][0]
        try:
            value = function(*(argument.compute(params) for argument in self.arguments))
        except (ArithmeticError, ValueError) as error:
            raise UndefinedError(str(error)) from error
        if isinstance(value, float) and not math.isfinite(value):
            raise UndefinedError(f"{self.name} gives {value}")
        return value


@dataclass(frozen=True, slots=True)
class Comparison:
    """Neighbours compared pairwise: `1 < x <= y` holds where both comparisons do."""

    operands: tuple[Node, ...]
    signs: tuple[str, ...]

    def compute(self, params: Params) -> bool:
        """Tell whether all of them hold; what comes after one that does not is not computed."""
        left = self.operands[0].compute(params)
        for sign, operand in zip(self.signs, self.operands[1:], strict=True):
            right = operand.compute(params)
            if not _compare(sign, left, right):
                return False
            left = right
        return True


@dataclass(frozen=True, slots=True)
class Logic:
    """`and`, `or` over two or more, `not` over one."""

    word: str
    operands: tuple[Node, ...]

    def compute(self, params: Params) -> bool:
        """Tell whether it holds; what comes after a decision is not computed, so `x == 0 or 1 / x > 2` has a value."""
        if self.word == "not":
            return not self.operands[0].compute(params)
        decide = all if self.word == "and" else any
        return decide(bool(operand.compute(params)) for operand in self.operands)


Node: TypeAlias = Literal | Name | Call | Comparison | Logic


def _compare(sign: str, left: ParamValue, right: ParamValue) -> bool:
    if sign in ORDER:
        return ORDER[sign](left, right)  # type: ignore[arg-type]  # the parser has seen to it that both are numbers
    # A truth value equals 1 in Python, and not to whoever wrote the choices.
    is_equal = left == right and isinstance(left, bool) == isinstance(right, bool)
    return is_equal == (sign == "==")
