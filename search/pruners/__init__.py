"""The pruners a study can name. A new one is a file, a line here and a class in tests/contracts/test_pruners.py."""

from __future__ import annotations

from collections.abc import Mapping

from search.errors import PrunerError, suggest_name
from search.pruners.asha import AshaPruner
from search.pruners.base import Pruner
from search.pruners.extrapolation import ExtrapolationPruner
from search.pruners.hyperband import HyperbandPruner
from search.pruners.median import MedianPruner
from search.pruners.none import NonePruner
from search.pruners.patient import PatientPruner
from search.pruners.percentile import PercentilePruner
from search.pruners.settings import Choice, OptionValue
from search.pruners.threshold import ThresholdPruner
from search.pruners.wilcoxon import WilcoxonPruner

__all__ = ["PRUNERS", "Choice", "OptionValue", "Pruner", "check_options", "get_pruner"]

_ALL: tuple[Pruner, ...] = (
    NonePruner(),
    MedianPruner(),
    PercentilePruner(),
    AshaPruner(),
    HyperbandPruner(),
    ThresholdPruner(),
    WilcoxonPruner(),
    ExtrapolationPruner(),
    PatientPruner(),
)
PRUNERS: Mapping[str, Pruner] = {pruner.name: pruner for pruner in _ALL}


def get_pruner(name: object) -> Pruner:
    """Return the pruner called `name`.

    Raises:
        PrunerError: `unknown_pruner`, with the nearest name; field `pruner.name`.
    """
    if isinstance(name, str) and name in PRUNERS:
        return PRUNERS[name]
    raise PrunerError("unknown_pruner", f"there is no pruner {name!r}", "pruner.name", suggest_name(name, PRUNERS))


def check_options(name: str, options: Mapping[str, object]) -> dict[str, OptionValue]:
    """Return all options of the pruner called `name`, those absent from `options` with their default.

    Raises:
        PrunerError: `unknown_pruner`.
        OptionError: `unknown_option`, `invalid_option`, or a rule between options; field `pruner.<option>`.
    """
    return get_pruner(name).resolve(options)
