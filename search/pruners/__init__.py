"""The pruners a study can name. A new one is a file, a line here and a class in tests/contracts/test_pruners.py."""

from __future__ import annotations

from collections.abc import Mapping

from search.errors import PrunerError, suggest_name
from search.options import resolve_options
from search.pruners.base import Pruner
from search.pruners.median import MedianPruner
from search.pruners.none import NonePruner

__all__ = ["PRUNERS", "Pruner", "check_options", "get_pruner"]

PRUNERS: Mapping[str, Pruner] = {pruner.name: pruner for pruner in (NonePruner(), MedianPruner())}


def get_pruner(name: object) -> Pruner:
    """Return the pruner called `name`.

    Raises:
        PrunerError: `unknown_pruner`, with the nearest name; field `pruner.name`.
    """
    if isinstance(name, str) and name in PRUNERS:
        return PRUNERS[name]
    raise PrunerError("unknown_pruner", f"there is no pruner {name!r}", "pruner.name", suggest_name(name, PRUNERS))


def check_options(name: str, options: Mapping[str, object]) -> dict[str, int | float | None]:
    """Return all options of the pruner called `name`, those absent from `options` with their default.

    Raises:
        PrunerError: `unknown_pruner`.
        OptionError: `unknown_option` or `invalid_option`; field `pruner.<option>`.
    """
    return resolve_options(get_pruner(name).options, options, f"pruner '{name}'", "pruner")
