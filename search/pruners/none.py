"""No pruning: every trial runs to its end."""

from __future__ import annotations

from typing import Final

from search.options import Option
from search.types import Direction, PruneDecision, PruneRequest


class NonePruner:
    """Lets every trial go on."""

    name: Final = "none"
    meaning: Final = "Every trial runs to its end."
    needs_history: Final = False
    options: tuple[Option, ...] = ()

    def check(self, directions: tuple[Direction, ...]) -> None:
        """Accept all objectives."""

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Let the trial go on."""
        return PruneDecision(False, "this study does not prune")
