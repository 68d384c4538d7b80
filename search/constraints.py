"""Rules between parameters, such as `batch_size <= 4 * hidden_units`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from search.errors import SpaceError
from search.expressions.nodes import Call, Comparison, Logic, Name, Node, UndefinedError
from search.expressions.parser import parse_expression
from search.parameters import Parameter, ParamValue, describe

MAX_CONSTRAINTS = 50


@dataclass(frozen=True, slots=True)
class Constraint:
    """A statement about parameters that every suggestion makes true.

    Attributes:
        text: As it was written.
        names: The parameters it mentions, each once, in the order of their first mention.
    """

    text: str
    names: tuple[str, ...]
    _node: Node = field(repr=False)

    def holds(self, params: Mapping[str, ParamValue]) -> bool:
        """Tell whether the statement is true of `params`, which hold active parameters alone.

        One that mentions a parameter which is not among them says nothing and holds. One without a value (a division
        by zero, a logarithm of 0, a number beyond doubles) does not hold.
        """
        if any(name not in params for name in self.names):
            return True
        try:
            return bool(self._node.compute(params))
        except UndefinedError:
            return False


def parse_constraints(
    texts: object, parameters: Mapping[str, Parameter], under: str = "constraints"
) -> tuple[Constraint, ...]:
    """Read the constraints of a study.

    Args:
        texts: A list of at most `MAX_CONSTRAINTS` expressions.
        parameters: The flat parameters they may mention.
        under: Where the list stands in the request; prefix of an error's field.

    Raises:
        SpaceError: `invalid_type`, `too_many_constraints`, `constant_constraint` or what `parse_expression` refuses,
            with a field such as `constraints.0`.
    """
    if not isinstance(texts, list | tuple):
        message = f"{under} must be a list, got {describe(texts)}"
        raise SpaceError("invalid_type", message, under, 'give for instance ["batch_size <= 4 * hidden_units"]')
    if len(texts) > MAX_CONSTRAINTS:
        message = f"{len(texts)} constraints are too many"
        raise SpaceError("too_many_constraints", message, under, f"at most {MAX_CONSTRAINTS}")
    return tuple(_parse(text, parameters, f"{under}.{place}") for place, text in enumerate(texts))


def _parse(text: object, parameters: Mapping[str, Parameter], where: str) -> Constraint:
    if not isinstance(text, str):
        message = f"a constraint must be text, got {describe(text)}"
        raise SpaceError("invalid_type", message, where, 'give for instance "batch_size <= 4 * hidden_units"')
    try:
        node = parse_expression(text, parameters)
    except SpaceError as error:
        raise error.under(where) from None
    names = tuple(dict.fromkeys(_names(node)))
    if not names:
        message = f"{text!r} mentions no parameter"
        raise SpaceError("constant_constraint", message, where, "compare a parameter with something, or leave it out")
    return Constraint(text, names, node)


def _names(node: Node) -> Iterable[str]:
    if isinstance(node, Name):
        yield node.name
    elif isinstance(node, Call):
        for argument in node.arguments:
            yield from _names(argument)
    elif isinstance(node, Comparison | Logic):
        for operand in node.operands:
            yield from _names(operand)
