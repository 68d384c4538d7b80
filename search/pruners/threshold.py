"""Threshold: stop a trial whose objective leaves a range that is known to be hopeless outside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from search.errors import OptionError
from search.options import Option
from search.pruners.base import BasePruner
from search.pruners.settings import OptionValue
from search.pruners.steps import is_due
from search.types import PruneDecision, PruneRequest

_GREATEST = 1e15


class ThresholdPruner(BasePruner):
    """Stops a trial whose last value is NaN, below `lower` or above `upper`; other trials don't matter.

    Source: The rule of `optuna.pruners.ThresholdPruner`.
    """

    name: ClassVar[str] = "threshold"
    meaning: ClassVar[str] = "Stops a trial whose value at a step is below `lower`, above `upper` or no number."
    needs_history: ClassVar[bool] = False
    options: ClassVar[tuple[Option, ...]] = (
        Option("lower", "float", None, -_GREATEST, _GREATEST, "A value below this one stops the trial."),
        Option("upper", "float", None, -_GREATEST, _GREATEST, "A value above this one stops the trial."),
        Option("n_warmup_steps", "int", 0, 0, 2**31 - 1, "Steps during which no trial is stopped."),
        Option("interval_steps", "int", 1, 1, 2**31 - 1, "Steps from one decision to the next."),
    )

    def resolve(self, given: Mapping[str, object]) -> dict[str, OptionValue]:
        """Return every setting; at least one bound must be there, and `lower` must not exceed `upper`.

        Raises:
            OptionError: `unknown_option`, `invalid_option`, `needs_bound` or `lower_above_upper`.
        """
        values = super().resolve(given)
        lower, upper = values["lower"], values["upper"]
        if lower is None and upper is None:
            message = "the pruner 'threshold' has neither a lower nor an upper bound"
            raise OptionError("needs_bound", message, "pruner.lower", "give lower, upper or both")
        if isinstance(lower, int | float) and isinstance(upper, int | float) and lower > upper:
            message = f"lower is {lower:g} and upper {upper:g}: no value lies between"
            raise OptionError("lower_above_upper", message, "pruner.lower", f"at most {upper:g}")
        return values

    def steps_needed(self, request: PruneRequest) -> Sequence[int]:
        """Need nothing of other trials."""
        return []

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge the trial's last value.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        settings, own = self.settings(request.options), request.trial.intermediate
        if not own:
            return PruneDecision("continue", "nothing has been reported yet")
        step, n_warmup = max(own), settings.whole("n_warmup_steps")
        if step < n_warmup:
            return PruneDecision("continue", f"step {step} is within the {n_warmup} warm-up steps")
        if not is_due(request, n_warmup, settings.whole("interval_steps")):
            return PruneDecision("continue", f"step {step} is between two decisions")
        lower, upper = settings.find_number("lower"), settings.find_number("upper")
        fault = _fault(own[step], -math.inf if lower is None else lower, math.inf if upper is None else upper)
        if fault is None:
            return PruneDecision("continue", f"value {own[step]:.6g} at step {step} is within its bounds")
        return PruneDecision("prune", f"value {own[step]:.6g} at step {step} {fault}")


def _fault(value: float, lower: float, upper: float) -> str | None:
    if math.isnan(value):
        return "is no number"
    if value < lower:
        return f"is below the lower bound {lower:.6g}"
    if value > upper:
        return f"is above the upper bound {upper:.6g}"
    return None
