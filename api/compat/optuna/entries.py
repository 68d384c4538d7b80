"""Parameters of Optuna's trials as they are stored: entries of name, internal value and distribution.

The internal value (for a choice its index) and the distribution's own JSON text give back exactly what was sampled. The
list keeps the order of sampling, which objects in a database's JSON do not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)

from db.types import decode_float, encode_float
from search.errors import SearchError
from search.space import parse_space

Entry = Sequence[Any]


def make_entry(name: str, internal: float, distribution: BaseDistribution) -> Entry:
    """Return a parameter as it is stored."""
    return [name, encode_float(float(internal)), distribution_to_json(distribution)]


def read_entries(entries: Sequence[Entry]) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
    """Return values and distributions by name, in the order in which they were sampled first."""
    params: dict[str, Any] = {}
    distributions: dict[str, BaseDistribution] = {}
    for name, internal, text in entries:
        distribution = distributions[name] = _read(text)
        params[name] = distribution.to_external_repr(decode_float(internal))
    return params, distributions


def show_value(value: Any) -> Any:
    """Return a parameter's value as other readers of the trial see it: JSON, where only finite numbers are numbers."""
    if isinstance(value, float) and not math.isfinite(value):
        return encode_float(value)
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def show_shape(name: str, distribution: BaseDistribution) -> Mapping[str, Any] | None:
    """Return a distribution as our search spaces write it; None where they cannot (a choice that is no number)."""
    shape = _shape(distribution)
    try:
        parse_space({name: shape})
    except SearchError:
        return None
    return shape


def _shape(distribution: BaseDistribution) -> dict[str, Any]:
    if isinstance(distribution, CategoricalDistribution):
        return {"type": "categorical", "choices": [show_value(choice) for choice in distribution.choices]}
    assert isinstance(distribution, FloatDistribution | IntDistribution)
    kind = "float" if isinstance(distribution, FloatDistribution) else "int"
    shape = {"type": kind, "low": distribution.low, "high": distribution.high, "log": distribution.log}
    return shape if distribution.step is None else {**shape, "step": distribution.step}


@lru_cache(maxsize=4096)
def _read(text: str) -> BaseDistribution:
    # Trials share the object: nothing changes a distribution, and most trials of a study have the same ones.
    return json_to_distribution(text)
