"""What the search refuses, with a stable code for programs and words for people.

SearchError              anything this package refuses
├── SpaceError           a search space, or parameters that do not fit one
├── SamplerError         a sampler that is unknown or cannot search this space
├── PrunerError          a pruner that is unknown or cannot serve these objectives
└── OptionError          an option of a sampler or pruner
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Self


class SearchError(ValueError):
    """A refusal that names the rule, the offending value and what would be accepted.

    Attributes:
        code: Stable word for programs, e.g. `low_above_high`.
        message: One sentence with the rule and the offending value.
        field: Dotted path of the offending entry, e.g. `search_space.learning_rate.low`; empty where none applies.
        hint: What would be accepted.
    """

    def __init__(self, code: str, message: str, field: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint

    def under(self, prefix: str) -> Self:
        """Return the same refusal with its field below `prefix`."""
        field = f"{prefix}.{self.field}" if self.field else prefix
        return type(self)(self.code, self.message, field, self.hint)

    def __reduce__(self) -> tuple[type[Self], tuple[str, str, str, str]]:
        # Exceptions are rebuilt from `args`, which holds the message alone; a refusal may cross a process boundary.
        return type(self), (self.code, self.message, self.field, self.hint)


class SpaceError(SearchError):
    """A search space that breaks a rule, or parameters outside their space."""


class SamplerError(SearchError):
    """A sampler that is unknown or cannot search the given space."""


class PrunerError(SearchError):
    """A pruner that is unknown or cannot serve the given objectives."""


class OptionError(SearchError):
    """An option that its sampler or pruner does not have, or a value outside the option's range."""


def suggest_name(given: object, known: Iterable[str]) -> str:
    """Return a hint that offers the nearest known name, followed by all of them.

    Args:
        given: What was asked for; anything but text has no nearest name.
        known: The names that exist.
    """
    names = list(known)
    listing = f"available: {', '.join(names)}" if names else "none is available"
    near = get_close_matches(given.lower(), names, n=1, cutoff=0.5) if isinstance(given, str) else []
    return f"did you mean '{near[0]}'? ({listing})" if near else listing
