"""What terms compare with: numbers, choices, times. Each refusal names the characters and what would be right."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from api.errors import Invalid, nearest
from api.filters.tokens import Term, Value, refuse

EQUAL = frozenset({":", "=", "!="})
ORDERED = EQUAL | {">", ">=", "<", "<="}
TEXT = EQUAL | {"~"}

# What an operator does to a column or a number; ":" and "=" are the same, and of "!=" the caller negates "=".
COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    ":": operator.eq,
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Query:
    """The text of a filter and the name of the parameter that holds it: what a refusal has to quote."""

    text: str
    name: str = "q"

    def refuse(self, span: tuple[int, int], message: str, hint: str = "", code: str = "filter_value") -> Invalid:
        """Return the refusal of some characters; see `tokens.refuse`."""
        return refuse(self.name, self.text, span, message, hint, code)

    def unknown_field(self, term: Term, known: Iterable[str]) -> Invalid:
        """Return the refusal of a field that there is not: `filter_field`, with the nearest name."""
        hint = nearest(term.field, known)
        return self.refuse(term.field_span, f"there is no field {term.field!r}", hint, "filter_field")

    def check_operator(self, term: Term, allowed: frozenset[str]) -> None:
        """Refuse an operator that a field does not have.

        Raises:
            Invalid: `filter_operator`.
        """
        if term.operator not in allowed:
            end = term.values[0].start
            what = f"{term.field} cannot be compared by {term.operator}"
            hint = f"it knows {' '.join(sorted(allowed))}"
            raise self.refuse((end - len(term.operator), end), what, hint, "filter_operator")

    def single(self, term: Term) -> Value:
        """Return a term's only value.

        Raises:
            Invalid: `filter_value` where there are several.
        """
        if len(term.values) > 1:
            span = (term.values[1].start, term.end)
            raise self.refuse(span, f"{term.field}{term.operator} takes one value", "leave the others out")
        return term.values[0]

    def number(self, value: Value) -> float:
        """Return a finite number.

        Raises:
            Invalid: `filter_value`.
        """
        number = _number_in(value)
        if not math.isfinite(number):
            message = f"{value.text!r} is not a number"
            raise self.refuse((value.start, value.end), message, "write a finite number such as 0.97 or 1e-3")
        return number

    def is_number(self, value: Value) -> bool:
        """Tell whether a value is a finite number."""
        return math.isfinite(_number_in(value))

    def choice(self, value: Value, known: Iterable[str]) -> str:
        """Return the one of `known` that a value names, whatever the case of its letters.

        Raises:
            Invalid: `filter_value`, with the nearest name.
        """
        names = {name.lower(): name for name in known}
        found = names.get(value.text.lower())
        if found is None:
            message = f"there is no {value.text!r} here"
            raise self.refuse((value.start, value.end), message, nearest(value.text.lower(), names))
        return found

    def time(self, value: Value) -> datetime:
        """Return a moment; one without a zone is UTC, and a day is its beginning.

        Raises:
            Invalid: `filter_value`.
        """
        try:
            at = datetime.fromisoformat(value.text)
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            message = f"{value.text!r} is not a time"
            hint = "write it as 2026-11-23 or 2026-11-23T14:30"
            raise self.refuse((value.start, value.end), message, hint) from error


def _number_in(value: Value) -> float:
    return float(value.text) if _NUMBER.fullmatch(value.text) else math.nan
