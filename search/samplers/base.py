"""What every sampler is."""

from __future__ import annotations

from typing import Protocol

from search.options import Option
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest


class Sampler(Protocol):
    """Proposes parameters for trials. Holds no state: all a suggestion depends on is in the request.

    Attributes:
        name: As a study names it.
        meaning: One sentence for documentation and form.
        learns: Whether suggestions depend on the history; where not, callers need not load it.
        options: What a study may set beside the name.
    """

    @property
    def name(self) -> str: ...
    @property
    def meaning(self) -> str: ...
    @property
    def learns(self) -> bool: ...
    @property
    def options(self) -> tuple[Option, ...]: ...

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse a space this sampler cannot search.

        Args:
            space: The study's.
            n_trials: The study's budget; None without one.

        Raises:
            SamplerError: With the reason; a field below `search_space` or `sampler`.
        """

    def n_cells(self, space: SearchSpace) -> int | None:
        """Count the trials this sampler can propose; None without an end.

        Raises:
            SamplerError: As `check`.
        """

    def suggest(self, request: SuggestRequest) -> Suggestion | None:
        """Propose parameters for the trial `request.number`; None when nothing is left to propose.

        Raises:
            SamplerError: As `check`.
            OptionError: Where `request.options` were not checked and hold a bad value.
        """
