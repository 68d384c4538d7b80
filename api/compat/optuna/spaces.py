"""Our studies' search spaces as Optuna's distributions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from search.errors import SearchError
from search.samplers.seen import to_optuna
from search.space import parse_space


def distributions_of(spec: Mapping[str, Any]) -> dict[str, BaseDistribution]:
    """Return by name how a study samples its parameters; empty where its space is no longer one that can be read."""
    try:
        return to_optuna(parse_space(spec["search_space"], constraints=spec.get("constraints", ())))
    except SearchError:
        return {}


def covering(distribution: BaseDistribution | None, value: Any) -> BaseDistribution:
    """Return `distribution` where it contains `value`, else the narrowest that does.

    The space of a running study can be edited, and people add trials of their own: a trial's parameter may lie outside
    of what its study searches now. Optuna's tools expect each value inside of its own distribution.
    """
    if distribution is not None and _holds(distribution, value):
        return distribution
    if isinstance(value, bool | str) or value is None or isinstance(distribution, CategoricalDistribution):
        known = distribution.choices if isinstance(distribution, CategoricalDistribution) else ()
        return CategoricalDistribution((*known, value))
    if isinstance(distribution, FloatDistribution):
        low, high = min(distribution.low, value), max(distribution.high, value)
        return FloatDistribution(low, high, log=distribution.log and low > 0)
    if isinstance(value, float):
        return FloatDistribution(value, value)
    if isinstance(distribution, IntDistribution):
        low, high = min(distribution.low, value), max(distribution.high, value)
        return IntDistribution(low, high, log=distribution.log and low > 0)
    return IntDistribution(value, value)


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    try:
        return distribution._contains(distribution.to_internal_repr(value))
    except (ValueError, TypeError):
        return False
