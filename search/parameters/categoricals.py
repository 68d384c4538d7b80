"""Unordered choices."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search.errors import SpaceError
from search.parameters.rules import ParamValue, describe, index_of


@dataclass(frozen=True, slots=True)
class CategoricalParameter:
    """One of several unordered values.

    Attributes:
        choices: At least one; text, finite numbers, booleans or None. No two may be equal, and 1, 1.0 and True are.
    """

    choices: tuple[ParamValue, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise SpaceError("empty_choices", "choices is empty", "choices", "give at least one choice")
        seen: dict[ParamValue, int] = {}
        for position, choice in enumerate(self.choices):
            if isinstance(choice, float) and not math.isfinite(choice):
                message = f"choice {position} is {choice}, which equals nothing or cannot be stored"
                raise SpaceError("not_finite", message, f"choices.{position}", "give a finite number or text")
            if choice in seen:
                message = (
                    f"choice {position} ({choice!r}) equals choice {seen[choice]} ({self.choices[seen[choice]]!r})"
                )
                raise SpaceError("duplicate_choice", message, f"choices.{position}", "list each choice once")
            seen[choice] = position

    @property
    def n_values(self) -> int:
        """Count the values."""
        return len(self.choices)

    def value_at(self, index: int) -> ParamValue:
        """Return the choice at `index` in 0..n_values-1."""
        return self.choices[index]

    def index(self, value: ParamValue) -> int:
        """Return the index of a value of the parameter: the inverse of `value_at`."""
        return self.choices.index(value)

    def from_unit(self, unit: float) -> ParamValue:
        """Map `unit` in [0, 1) to a choice, each with the same share."""
        return self.choices[index_of(unit, len(self.choices))]

    def check(self, value: object) -> ParamValue:
        """Return the choice that equals `value`.

        Raises:
            SpaceError: `not_a_choice`.
        """
        for choice in self.choices:
            # True equals 1 in Python but not to the people who wrote the choices.
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        raise SpaceError("not_a_choice", f"{describe(value)} is not one of the choices", "", self.accepts())

    def accepts(self) -> str:
        """Say which values are accepted."""
        return "one of " + ", ".join(repr(choice) for choice in self.choices)

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        return {"type": "categorical", "choices": list(self.choices)}
