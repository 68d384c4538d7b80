"""What was found in a trial's curves, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a finding was seen by: in words, and in numbers by name."""

    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hint:
    """A setting worth changing: `direction` is `up`, `down`, or `set` to `value`."""

    parameter: str
    direction: str
    value: Scalar = None


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to try: in words, and as settings, of which the first is the likeliest to help."""

    sentence: str
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a trial's curves show; `severity` is `problem`, `hint` or `good`."""

    kind: str
    severity: str
    title: str
    evidence: Evidence
    remedy: Remedy
