"""The median rule: stop a trial that has never been as good as half of the others were at this step."""

from __future__ import annotations

from typing import ClassVar

from search.options import Option
from search.pruners.percentile import COMPARISON, PercentilePruner
from search.pruners.settings import Settings


class MedianPruner(PercentilePruner):
    """Compares the trial's best value so far with the median of completed trials at the same step.

    The percentile rule with half of the trials.
    Source: Golovin et al., Google Vizier, KDD 2017, section 3.2.2; the rule of `optuna.pruners.MedianPruner`.
    """

    name: ClassVar[str] = "median"
    meaning: ClassVar[str] = (
        "Stops a trial whose best value so far is worse than the median of completed trials at its step."
    )
    options: ClassVar[tuple[Option, ...]] = COMPARISON

    def share(self, settings: Settings) -> float:
        """Return a half."""
        return 0.5

    def rule(self, settings: Settings) -> str:
        """Return the bar in words."""
        return "the median"
