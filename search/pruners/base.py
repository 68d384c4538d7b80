"""What every pruner is."""

from __future__ import annotations

from typing import Protocol

from search.options import Option
from search.types import Direction, PruneDecision, PruneRequest


class Pruner(Protocol):
    """Decides whether a running trial is worth going on. Holds no state: all a decision depends on is in the request.

    Attributes:
        name: As a study names it.
        meaning: One sentence for documentation and form.
        needs_history: Whether decisions depend on other trials; where not, callers need not load them.
        options: What a study may set beside the name.
    """

    @property
    def name(self) -> str: ...
    @property
    def meaning(self) -> str: ...
    @property
    def needs_history(self) -> bool: ...
    @property
    def options(self) -> tuple[Option, ...]: ...

    def check(self, directions: tuple[Direction, ...]) -> None:
        """Refuse objectives this pruner cannot compare trials by.

        Raises:
            PrunerError: With the reason; field `pruner.name`.
        """

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge `request.trial` at its last reported step.

        Raises:
            OptionError: Where `request.options` were not checked and hold a bad value.
        """
