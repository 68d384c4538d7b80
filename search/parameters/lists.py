"""Grouped choices: a length, and a value for each place, which a network takes as one text such as `64-32`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from search.errors import SpaceError
from search.parameters.categoricals import CategoricalParameter
from search.parameters.floats import FloatParameter
from search.parameters.ints import IntParameter
from search.parameters.rules import ParamValue

MAX_LENGTH = 64
SEPARATOR = "-"


@dataclass(frozen=True, slots=True)
class ListParameter:
    """As many values as a length says, each drawn like `each`.

    It is no parameter that samplers see: `NAME.length` and `NAME.1` to `NAME.high` are.

    Attributes:
        low: Least length, at least 1.
        high: Greatest length, from `low` to `MAX_LENGTH`.
        each: What every place holds: an int from 0, or choices; none of them may be written with the separator.
    """

    low: int
    high: int
    each: IntParameter | FloatParameter | CategoricalParameter

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high <= MAX_LENGTH:
            message = f"a length from {self.low} to {self.high} makes no list"
            raise SpaceError("invalid_length", message, "length", f"give 1 <= low <= high <= {MAX_LENGTH}")
        if isinstance(self.each, FloatParameter) or (isinstance(self.each, IntParameter) and self.each.low < 0):
            raise _unwritable(self.each.accepts())
        if isinstance(self.each, CategoricalParameter):
            for choice in self.each.choices:
                if choice is None or isinstance(choice, bool) or SEPARATOR in str(choice) or choice == "":
                    raise _unwritable(repr(choice))

    def length_name(self, name: str) -> str:
        """Return the name of the parameter that holds the length."""
        return f"{name}.length"

    def expand(self, name: str) -> Iterator[tuple[str, IntParameter | FloatParameter | CategoricalParameter]]:
        """Yield the parameters that samplers see, by name: the length, then each place from 1."""
        yield self.length_name(name), IntParameter(self.low, self.high)
        for place in range(1, self.high + 1):
            yield f"{name}.{place}", self.each

    def place_conditions(self, name: str) -> Iterator[tuple[str, dict[str, tuple[ParamValue, ...]]]]:
        """Yield, for each place that not every length has, the lengths that have it."""
        for place in range(self.low + 1, self.high + 1):
            yield f"{name}.{place}", {self.length_name(name): tuple(range(place, self.high + 1))}

    def assemble(self, name: str, params: Mapping[str, ParamValue]) -> str | None:
        """Return the text of the list in `params`, such as `64-32`; None where it is not active."""
        length = params.get(self.length_name(name))
        if not isinstance(length, int):
            return None
        return SEPARATOR.join(str(params[f"{name}.{place}"]) for place in range(1, length + 1))

    def split(self, name: str, text: object) -> dict[str, ParamValue]:
        """Return the length and the places that a text such as `64-32` stands for; none where it is no such list."""
        parts = text.split(SEPARATOR) if isinstance(text, str) and text else []
        values = [self._read(part) for part in parts]
        if not values or None in values:
            return {}
        places = {f"{name}.{place}": value for place, value in enumerate(values, start=1)}
        return {self.length_name(name): len(values), **places}

    def _read(self, part: str) -> ParamValue:
        if isinstance(self.each, CategoricalParameter):
            return next((choice for choice in self.each.choices if str(choice) == part), None)
        return int(part) if part.isdecimal() else None

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        return {"type": "list", "length": {"low": self.low, "high": self.high}, "each": self.each.to_json()}


def _unwritable(what: str) -> SpaceError:
    message = f"a list is written as text joined by '{SEPARATOR}', which {what} would make ambiguous"
    hint = f"let each be an int from 0, or choices of numbers and text without '{SEPARATOR}'"
    return SpaceError("unwritable_list", message, "each", hint)
