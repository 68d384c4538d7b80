"""What a study may set of a pruner: numbers (`search.options.Option`) and words or switches (`Choice`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from search.errors import OptionError, suggest_name
from search.options import Option, resolve_options

OptionValue: TypeAlias = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Choice:
    """One word or switch of a pruner.

    Attributes:
        name: As it stands beside `name` in the study's `pruner`.
        default: Taken when it is absent or null.
        choices: What is accepted.
        meaning: One sentence for documentation and form.
    """

    name: str
    default: str | bool
    choices: tuple[str | bool, ...]
    meaning: str

    def check(self, value: object) -> str | bool:
        """Return `value`, or the default for None.

        Raises:
            OptionError: `invalid_option`; field `pruner.<name>`.
        """
        if value is None:
            return self.default
        for choice in self.choices:
            if type(value) is type(choice) and value == choice:  # 1 is no switch, though 1 == True
                return choice
        accepted = "one of " + ", ".join(_shown(choice) for choice in self.choices)
        message = f"{self.name} must be {accepted}, got {value!r}"
        words = [choice for choice in self.choices if isinstance(choice, str)]
        hint = suggest_name(value, words) if words else accepted
        raise OptionError("invalid_option", message, f"pruner.{self.name}", hint)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting of a pruner, complete and checked; the methods narrow a value to the type its option has."""

    values: dict[str, OptionValue]

    def whole(self, name: str) -> int:
        """Return a setting that is an integer."""
        value = self.values[name]
        assert isinstance(value, int)
        return value

    def number(self, name: str) -> float:
        """Return a setting that is a number."""
        value = self.values[name]
        assert isinstance(value, int | float)
        return float(value)

    def find_number(self, name: str) -> float | None:
        """Return a setting that is a number or absent."""
        return None if self.values[name] is None else self.number(name)

    def find_whole(self, name: str) -> int | None:
        """Return a setting that is an integer or absent."""
        return None if self.values[name] is None else self.whole(name)

    def word(self, name: str) -> str:
        """Return a setting that is a word."""
        value = self.values[name]
        assert isinstance(value, str)
        return value


def resolve_settings(
    options: Iterable[Option], choices: Iterable[Choice], given: Mapping[str, object], owner: str
) -> dict[str, OptionValue]:
    """Return every option and choice with its given or default value.

    Args:
        options: The numbers that exist.
        choices: The words and switches that exist.
        given: Values by name; null means default.
        owner: Who has them, for messages; e.g. `median`.

    Raises:
        OptionError: `unknown_option` or `invalid_option`; field `pruner.<option>`.
    """
    numbers, words = tuple(options), tuple(choices)
    names = [*(one.name for one in numbers), *(one.name for one in words)]
    for name in given:
        if name not in names:
            message = f"the pruner '{owner}' has no option {name!r}"
            raise OptionError("unknown_option", message, f"pruner.{name}", suggest_name(name, names))
    chosen = {word.name: word.check(given.get(word.name)) for word in words}
    rest = {name: value for name, value in given.items() if name not in chosen}
    return {**resolve_options(numbers, rest, f"pruner '{owner}'", "pruner"), **chosen}


def _shown(choice: str | bool) -> str:
    return repr(choice) if isinstance(choice, str) else str(choice).lower()
