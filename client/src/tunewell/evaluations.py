"""Evaluations and advice, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

ENDED_EVALUATION = frozenset({"COMPLETE", "FAIL"})


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Work on request that is no trial: `kind` is `test`, `baselines` or `ensemble`.

    Attributes:
        n_members: Networks of an ensemble; None for the others.
        reason: Why it failed.
        trial_ids: Whose networks take part, the best first.
        result: Metrics by name in the lists `networks` and `baselines` and under `ensemble`; None until COMPLETE.
        n_done: How much of `n_total` is done; None where nobody said.
        note: What is being done.
    """

    evaluation_id: int
    study_id: int
    kind: str
    state: str
    n_members: int | None = None
    reason: str = ""
    trial_ids: tuple[int, ...] = ()
    result: Mapping[str, Any] | None = None
    n_done: int | None = None
    n_total: int | None = None
    note: str = ""
    n_attempts: int = 0
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def is_ended(self) -> bool:
        """Whether there is a result, or will be none."""
        return self.state in ENDED_EVALUATION


@dataclass(frozen=True, slots=True)
class AdviceEvidence:
    """What advice rests on: in words, and in numbers by name."""

    sentence: str
    numbers: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a study to change: its dotted path, and what to put there (None: take it out)."""

    field: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Action:
    """What to do: in words, and as changes of the study, where those can say it."""

    sentence: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing worth changing about a study."""

    kind: str
    title: str
    evidence: AdviceEvidence
    action: Action
