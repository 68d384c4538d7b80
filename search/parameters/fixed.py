"""A parameter that is held at one value."""

from __future__ import annotations

from dataclasses import dataclass

from search.parameters.categoricals import CategoricalParameter
from search.parameters.rules import ParamValue


@dataclass(frozen=True, slots=True)
class FixedParameter(CategoricalParameter):
    """A value that does not vary, written as one so that conditions and constraints can speak of it.

    It is a choice among one: whatever handles choices handles it, and only its JSON shape differs.
    """

    @property
    def value(self) -> ParamValue:
        """Return the one value."""
        return self.choices[0]

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        return {"type": "fixed", "value": self.value}
