"""Manual tuning: people add the trials."""

from __future__ import annotations

from typing import Final

from search.options import SEED, Option
from search.samplers.base import OneByOne
from search.space import SearchSpace
from search.types import SuggestRequest


class ManualSampler(OneByOne):
    """Never proposes; a study with it runs the trials that are added to it."""

    name: Final = "manual"
    meaning: Final = "Proposes nothing: runs the trials you add."
    learns: Final = False
    options: tuple[Option, ...] = (SEED,)

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Accept every space, an empty one too: it holds what people give."""

    def n_cells(self, space: SearchSpace) -> int:
        """Return 0: there is nothing to propose."""
        return 0

    def suggest(self, request: SuggestRequest) -> None:
        """Propose nothing."""
        return None
