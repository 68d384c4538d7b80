"""What a diagnosis says: values that turn into JSON as they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.catalogue import ParamValue

FindingKind = Literal[
    "diverged",
    "gan_collapse",
    "exploding_gradients",
    "vanishing_gradients",
    "dead_relus",
    "overfitting",
    "underfitting",
    "noisy_validation",
    "plateau",
    "still_improving",
    "good_fit",
]
Severity = Literal["problem", "hint", "good"]
Number = int | float

SEVERITIES: Mapping[FindingKind, Severity] = {
    "diverged": "problem",
    "gan_collapse": "problem",
    "exploding_gradients": "problem",
    "vanishing_gradients": "problem",
    "dead_relus": "problem",
    "overfitting": "problem",
    "underfitting": "problem",
    "noisy_validation": "problem",
    "plateau": "hint",
    "still_improving": "hint",
    "good_fit": "good",
}
"""In order of importance: what broke, then why it fits badly, then how it might go on."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen.

    Attributes:
        sentence: for people.
        numbers: the same for programs; all finite.
    """

    sentence: str
    numbers: Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class Hint:
    """A setting worth changing.

    Attributes:
        parameter: name of a hyperparameter.
        direction: `up` or `down` from its present value, or `set` to another one.
        value: what to set it to; None for `up` and `down`.
    """

    parameter: str
    direction: Literal["up", "down", "set"]
    value: ParamValue | None = None

    def to_json(self) -> dict[str, object]:
        """Return the hint's JSON shape; `value` stands there only where there is one."""
        shape: dict[str, object] = {"parameter": self.parameter, "direction": self.direction}
        return shape if self.value is None else {**shape, "value": self.value}


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about it.

    Attributes:
        sentence: for people; a suggestion of what to try, not a promise.
        hints: the settings among it, for programs; the first is the most likely to help.
    """

    sentence: str
    hints: tuple[Hint, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a trial's curves show.

    Attributes:
        kind: stable word for programs.
        title: a few words for people.
        evidence: what it was seen by.
        remedy: what to try.
    """

    kind: FindingKind
    title: str
    evidence: Evidence
    remedy: Remedy

    @property
    def severity(self) -> Severity:
        """Tell a problem from a hint and from good news."""
        return SEVERITIES[self.kind]

    def to_json(self) -> dict[str, object]:
        """Return the finding's JSON shape, without NaN or infinities."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "title": self.title,
            "evidence": {"sentence": self.evidence.sentence, "numbers": dict(self.evidence.numbers)},
            "remedy": {"sentence": self.remedy.sentence, "hints": [hint.to_json() for hint in self.remedy.hints]},
        }
