"""Options of samplers and pruners: what each is, and whether given ones are sound."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from search.errors import OptionError, suggest_name


@dataclass(frozen=True, slots=True)
class Option:
    """One number that tunes a sampler or pruner.

    Attributes:
        name: As it stands beside `name` in the study's `sampler` or `pruner`.
        type: `int` or `float`.
        default: Taken when the option is absent or null; None where the study chooses one itself.
        low: Least value accepted.
        high: Greatest value accepted.
        meaning: One sentence for documentation and form.
    """

    name: str
    type: Literal["int", "float"]
    default: int | float | None
    low: int | float
    high: int | float
    meaning: str

    def check(self, value: object, field: str) -> int | float | None:
        """Return `value`, or the default for None.

        Raises:
            OptionError: `invalid_option`.
        """
        if value is None:
            return self.default
        accepted = f"{'an integer' if self.type == 'int' else 'a number'} from {self.low} to {self.high}"
        allowed = int if self.type == "int" else int | float
        if isinstance(value, bool) or not isinstance(value, allowed):
            raise OptionError("invalid_option", f"{self.name} must be {accepted}, got {value!r}", field, accepted)
        if not self.low <= value <= self.high:  # NaN fails this too
            raise OptionError("invalid_option", f"{self.name} must be {accepted}, got {value}", field, accepted)
        return value


# 32 bits: every JSON reader keeps the number exact.
SEED = Option("seed", "int", None, 0, 2**32 - 1, "Equal seeds repeat a search; drawn and stored when absent.")


def resolve_options(
    options: tuple[Option, ...], given: Mapping[str, object], owner: str, under: str
) -> dict[str, int | float | None]:
    """Return every option with its given or default value.

    Args:
        options: Those that exist.
        given: Values by name; null means default.
        owner: Who has the options, for messages; e.g. `sampler 'bayesian'`.
        under: Where the options stand in the request; prefix of an error's field.

    Raises:
        OptionError: `unknown_option` or `invalid_option`.
    """
    names = [option.name for option in options]
    for name in given:
        if name not in names:
            message = f"the {owner} has no option {name!r}"
            raise OptionError("unknown_option", message, f"{under}.{name}", suggest_name(name, names))
    return {option.name: option.check(given.get(option.name), f"{under}.{option.name}") for option in options}


def get_int(options: tuple[Option, ...], given: Mapping[str, object], name: str) -> int:
    """Return the integer option `name` from `given`, or its default.

    Raises:
        OptionError: `invalid_option`, also where neither gives an integer.
    """
    option = next(option for option in options if option.name == name)
    value = option.check(given.get(name), name)
    if not isinstance(value, int):
        raise OptionError("invalid_option", f"{name} must be an integer, got {value!r}", name, "an integer")
    return value
