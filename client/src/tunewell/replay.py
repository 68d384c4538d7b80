"""Suggestions that the server computed again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ReplayedTrial:
    """A trial that the sampler proposed, and what it proposes for it now.

    Attributes:
        trial_id: Of the trial.
        number: In its study.
        status: `same`, `different`, or `unknown` where it cannot be computed again.
        reason: What is different, or why it is unknown.
        note: How the suggestion came about, as stored.
        note_again: The same, computed again; None where nothing came out.
        params: As stored.
        params_again: Computed again; None where nothing came out.
    """

    trial_id: int
    number: int
    status: str
    reason: str
    note: str
    note_again: str | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    params_again: Mapping[str, Any] | None = None
