"""No pruning: every trial runs to its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from search.pruners.base import BasePruner
from search.types import Direction, PruneDecision, PruneRequest


class NonePruner(BasePruner):
    """Lets every trial go on."""

    name: ClassVar[str] = "none"
    meaning: ClassVar[str] = "Every trial runs to its end."
    needs_history: ClassVar[bool] = False

    def check(self, directions: tuple[Direction, ...]) -> None:
        """Accept all objectives."""

    def steps_needed(self, request: PruneRequest) -> Sequence[int]:
        """Need nothing."""
        return []

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Let the trial go on."""
        return PruneDecision("continue", "this study does not prune")
