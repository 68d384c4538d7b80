"""What advice is made from, and what it looks like."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from search.parameters import ParamValue
from search.space import SearchSpace
from search.types import Direction, PastTrial

AdviceKind: TypeAlias = Literal[
    "too_few_trials",
    "parameter_at_bound",
    "more_epochs",
    "more_data",
    "larger_budget",
    "converged",
    "parameter_without_effect",
]


@dataclass(frozen=True, slots=True)
class AdviceRequest:
    """Everything advice depends on.

    Attributes:
        space: The study's.
        directions: One an objective, in the order of the trials' values.
        history: The study's trials, in any order and state; COMPLETE ones count, if they fit the space.
        findings: By trial number, the kinds of what its diagnosis found, such as `overfitting`; of as many trials as
            have one.
        fixed: The study's fixed hyperparameters.
        limits: By parameter, the least and the greatest value that the model accepts; absent where there is no limit.
        n_trials: The study's budget; None without one.
    """

    space: SearchSpace
    directions: tuple[Direction, ...]
    history: Sequence[PastTrial] = ()
    findings: Mapping[int, frozenset[str]] = field(default_factory=dict)
    fixed: Mapping[str, ParamValue] = field(default_factory=dict)
    limits: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    n_trials: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the study to change.

    Attributes:
        field: Its dotted path, such as `search_space.learning_rate` or `fixed.epochs`.
        value: What to put there, in its JSON shape; None to take the entry out.
    """

    field: str
    value: object


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing worth changing about a study.

    Attributes:
        kind: Stable word for programs.
        title: A few words for people.
        evidence: What was seen, in one sentence.
        numbers: The same for programs; all finite.
        action: What to do, in one or two sentences.
        changes: The same for programs; a copy of the study with these changes is the advised one. Empty where the
            study's entries cannot express it.
    """

    kind: AdviceKind
    title: str
    evidence: str
    numbers: Mapping[str, int | float]
    action: str
    changes: tuple[Change, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the advice's JSON shape, without NaN or infinities."""
        return {
            "kind": self.kind,
            "title": self.title,
            "evidence": {"sentence": self.evidence, "numbers": dict(self.numbers)},
            "action": {
                "sentence": self.action,
                "changes": [{"field": change.field, "value": change.value} for change in self.changes],
            },
        }
