"""Reads a constraint: operator precedence as in Python, checked for kinds as it is read.

Source: Pratt, Top down operator precedence, POPL 1973.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from search.errors import SpaceError, suggest_name
from search.expressions.kinds import NUMBER, TRUTH, Kinds, kind_of, kinds_of, name_kinds
from search.expressions.nodes import ARITHMETIC, FUNCTIONS, ORDER, Call, Comparison, Literal, Logic, Name, Node
from search.expressions.tokens import Token, tokenize
from search.parameters import Parameter, ParamValue

MAX_LENGTH = 500
MAX_WORDS = 200
MAX_DEPTH = 30

# How tightly a word holds what stands on its left; `not` and the sign of a number hold what follows them.
_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _SIGN, _POWER = range(1, 9)
_BINDING: Final[Mapping[str, int]] = {
    "or": _OR,
    "and": _AND,
    **dict.fromkeys((*ORDER, "==", "!="), _COMPARE),
    **dict.fromkeys("+-", _SUM),
    **dict.fromkeys(("*", "/", "//", "%"), _PRODUCT),
    "**": _POWER,
}
_CONSTANTS: Final[Mapping[str, ParamValue]] = {
    "true": True,
    "True": True,
    "false": False,
    "False": False,
    "null": None,
    "None": None,
}


@dataclass(frozen=True, slots=True)
class _Typed:
    """A part of the constraint, the kinds of its value, and where it stands."""

    node: Node
    kinds: Kinds
    place: int


def parse_expression(text: str, parameters: Mapping[str, Parameter]) -> Node:
    """Read `text` as a statement about `parameters`.

    Args:
        text: At most `MAX_LENGTH` characters and `MAX_WORDS` words and signs, nested at most `MAX_DEPTH` deep.
        parameters: By the names that may occur.

    Returns:
        A node whose `compute` gives a truth value.

    Raises:
        SpaceError: `constraint_too_long`, `constraint_too_deep`, `invalid_constraint`, `unknown_parameter`,
            `unknown_function` or `wrong_kind`.
    """
    if len(text) > MAX_LENGTH:
        message = f"a constraint of {len(text)} characters is too long"
        raise SpaceError("constraint_too_long", message, "", f"at most {MAX_LENGTH}: split it at 'and'")
    tokens = tokenize(text)
    if len(tokens) > MAX_WORDS:
        message = f"a constraint of {len(tokens)} words and signs is too long"
        raise SpaceError("constraint_too_long", message, "", f"at most {MAX_WORDS}: split it at 'and'")
    parser = _Parser(tokens, parameters)
    whole = parser.read(0)
    if parser.next.kind != "end":
        raise _unexpected(parser.next)
    return _need(whole, TRUTH, "a constraint").node


class _Parser:
    """Walks over the words once, from left to right."""

    def __init__(self, tokens: list[Token], parameters: Mapping[str, Parameter]) -> None:
        self._tokens = tokens
        self._parameters = parameters
        self._at = 0
        self._depth = 0

    @property
    def next(self) -> Token:
        """Return the word that is read next."""
        return self._tokens[self._at]

    def read(self, binding: int) -> _Typed:
        """Read as much as holds together more tightly than `binding`."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SpaceError("constraint_too_deep", f"nested more than {MAX_DEPTH} deep", "", "split it at 'and'")
        left = self._read_operand()
        while self._binding() > binding:
            left = self._read_rest(left)
        self._depth -= 1
        return left

    def _binding(self) -> int:
        token = self.next
        return 0 if token.is_quoted or token.kind in {"text", "end"} else _BINDING.get(token.text, 0)

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += token.kind != "end"
        return token

    def _expect(self, text: str) -> None:
        if self.next.kind != "sign" or self.next.text != text:
            raise _unexpected(self.next, f"expected '{text}'")
        self._take()

    def _read_operand(self) -> _Typed:
        token = self._take()
        if token.kind == "number":
            value = float(token.text) if not token.text.isdigit() else int(token.text)
            return _Typed(Literal(value), NUMBER, token.place)
        if token.kind == "text":
            return _Typed(Literal(token.text), frozenset({"text"}), token.place)
        if token.kind == "name":
            return self._read_name(token)
        return self._read_prefix(token)

    def _read_prefix(self, token: Token) -> _Typed:
        if token.text == "(":
            inside = self.read(0)
            self._expect(")")
            return inside
        if token.text in {"-", "+"}:
            operand = _need(self.read(_SIGN), NUMBER, f"'{token.text}'")
            return _Typed(Call(token.text, (Literal(0), operand.node)), NUMBER, token.place)
        raise _unexpected(token)

    def _read_name(self, token: Token) -> _Typed:
        if not token.is_quoted:
            if token.text == "not":
                operand = _need(self.read(_NOT), TRUTH, "'not'")
                return _Typed(Logic("not", (operand.node,)), TRUTH, token.place)
            if token.text in {"and", "or"}:
                raise _unexpected(token)
            if self.next.kind == "sign" and self.next.text == "(":
                return self._read_call(token)
        if token.text in self._parameters:
            return _Typed(Name(token.text), kinds_of(self._parameters[token.text]), token.place)
        if token.text in _CONSTANTS and not token.is_quoted:
            value = _CONSTANTS[token.text]
            return _Typed(Literal(value), frozenset({kind_of(value)}), token.place)
        message = f"the search space has no parameter {token.text!r} (character {token.place})"
        raise SpaceError("unknown_parameter", message, "", suggest_name(token.text, self._parameters))

    def _read_call(self, name: Token) -> _Typed:
        if name.text not in FUNCTIONS:
            message = f"there is no function {name.text!r} (character {name.place})"
            raise SpaceError("unknown_function", message, "", suggest_name(name.text, FUNCTIONS))
        self._expect("(")
        arguments = [_need(self.read(0), NUMBER, name.text)]
        while self.next.text == "," and self.next.kind == "sign":
            self._take()
            arguments.append(_need(self.read(0), NUMBER, name.text))
        self._expect(")")
        n_accepted = FUNCTIONS[name.text][1]
        if n_accepted is not None and len(arguments) != n_accepted:
            message = f"{name.text} takes {n_accepted} argument, got {len(arguments)} (character {name.place})"
            raise SpaceError("invalid_constraint", message, "", f"write for example {name.text}(x)")
        return _Typed(Call(name.text, tuple(one.node for one in arguments)), NUMBER, name.place)

    def _read_rest(self, left: _Typed) -> _Typed:
        binding = self._binding()
        if binding == _COMPARE:
            return self._read_comparison(left)
        word = self._take().text
        if binding in {_AND, _OR}:
            operands = (_need(left, TRUTH, f"'{word}'"), _need(self.read(binding), TRUTH, f"'{word}'"))
            return _Typed(Logic(word, tuple(one.node for one in operands)), TRUTH, left.place)
        # A power takes the power on its right first: 2 ** 3 ** 2 is 2 ** 9.
        right = self.read(_PRODUCT if binding == _POWER else binding)
        numbers = (_need(left, NUMBER, f"'{word}'"), _need(right, NUMBER, f"'{word}'"))
        return _Typed(Call(word, tuple(one.node for one in numbers)), NUMBER, left.place)

    def _read_comparison(self, left: _Typed) -> _Typed:
        operands, signs = [left], []
        while self._binding() == _COMPARE:
            signs.append(self._take().text)
            operands.append(self.read(_COMPARE))
        for sign, (one, other) in zip(signs, pairwise(operands), strict=True):
            _check_comparable(sign, one, other)
        return _Typed(Comparison(tuple(one.node for one in operands), tuple(signs)), TRUTH, left.place)


def _check_comparable(sign: str, left: _Typed, right: _Typed) -> None:
    if sign in ORDER:
        _need(left, NUMBER, f"'{sign}'")
        _need(right, NUMBER, f"'{sign}'")
    elif not left.kinds & right.kinds:
        message = f"'{sign}' compares {name_kinds(left.kinds)} with {name_kinds(right.kinds)} (character {right.place})"
        raise SpaceError("wrong_kind", message, "", f"compare with {name_kinds(left.kinds)}")


def _need(part: _Typed, kinds: Kinds, what: str) -> _Typed:
    """Return `part` if its value is always of the kinds that `what` needs."""
    if part.kinds <= kinds:
        return part
    message = f"{what} needs a {name_kinds(kinds)}, but got {name_kinds(part.kinds)} (character {part.place})"
    hint = "compare it, as in optimizer == 'sgd'" if kinds == TRUTH else "use parameters whose values are numbers"
    raise SpaceError("wrong_kind", message, "", hint)


def _unexpected(token: Token, also: str = "") -> SpaceError:
    what = "the constraint ends too early" if token.kind == "end" else f"{token.text!r} stands where it cannot"
    message = f"{what} (character {token.place})" + (f": {also}" if also else "")
    hint = "write for example batch_size <= 4 * hidden_units"
    return SpaceError("invalid_constraint", message, "", hint)


assert set(_BINDING) >= set(ARITHMETIC)  # every sign that can be computed can be read
