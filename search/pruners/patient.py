"""Patient: let another pruner stop a trial only once the trial has not improved for some steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from search.objectives import best_value
from search.options import Option
from search.pruners.base import BasePruner, Pruner
from search.pruners.extrapolation import ExtrapolationPruner
from search.pruners.median import MedianPruner
from search.pruners.none import NonePruner
from search.pruners.percentile import PercentilePruner
from search.pruners.settings import Choice, OptionValue, Settings, resolve_settings
from search.pruners.threshold import ThresholdPruner
from search.types import PruneDecision, PruneRequest

# Those that can judge at any step. A rung is judged once, so a pruner with rungs could not be asked again later.
_WRAPPED: Mapping[str, Pruner] = {
    one.name: one
    for one in (NonePruner(), MedianPruner(), PercentilePruner(), ThresholdPruner(), ExtrapolationPruner())
}


class PatientPruner(BasePruner):
    """Asks the pruner named by `wrapped`, whose options stand beside, once `patience` steps brought no improvement.

    With `wrapped` `none`, a trial that does not improve is stopped for that alone. Steps are those reported.
    Source: The rule of `optuna.pruners.PatientPruner`; Prechelt, Early Stopping - But When?, 1998.
    """

    name: ClassVar[str] = "patient"
    meaning: ClassVar[str] = "Lets another pruner stop a trial only after `patience` steps without an improvement."
    options: ClassVar[tuple[Option, ...]] = (
        Option(
            "patience", "int", 5, 0, 2**31 - 1, "Reported steps without an improvement before a trial may be stopped."
        ),
        Option("min_delta", "float", 0.0, 0.0, 1e15, "How much worse than before counts as no worse."),
    )
    choices: ClassVar[tuple[Choice, ...]] = (
        Choice("wrapped", "median", tuple(_WRAPPED), "The pruner that decides then; its own options stand beside."),
    )

    def resolve(self, given: Mapping[str, object]) -> dict[str, OptionValue]:
        """Return the settings of this pruner and of the wrapped one.

        Raises:
            OptionError: `unknown_option`, `invalid_option`, or a rule of the wrapped pruner.
        """
        inner = _WRAPPED[str(self.choices[0].check(given.get("wrapped")))]
        values = resolve_settings(
            (*self.options, *inner.options), (*self.choices, *inner.choices), given, f"patient' around '{inner.name}"
        )
        inner.resolve(_of(inner, values))
        return values

    def steps_needed(self, request: PruneRequest) -> Sequence[int] | None:
        """Need what the wrapped pruner needs, as soon as the trial has stopped improving."""
        settings = self.settings(request.options)
        return self._inner(settings).steps_needed(_inward(request, settings)) if _stalls(request, settings) else []

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge whether the trial still improves, and if not, ask the wrapped pruner.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        settings = self.settings(request.options)
        if not _stalls(request, settings):
            n = settings.whole("patience")
            return PruneDecision("continue", f"not all of the last {n + 1} steps are worse than before")
        inner = self._inner(settings)
        if inner.name == "none":
            return PruneDecision("prune", f"no improvement in more than {settings.whole('patience')} steps")
        return inner.decide(_inward(request, settings))

    def _inner(self, settings: Settings) -> Pruner:
        return _WRAPPED[settings.word("wrapped")]


def _of(inner: Pruner, values: Mapping[str, OptionValue]) -> dict[str, object]:
    names = {*(one.name for one in inner.options), *(one.name for one in inner.choices)}
    return {name: value for name, value in values.items() if name in names}


def _inward(request: PruneRequest, settings: Settings) -> PruneRequest:
    inner = _WRAPPED[settings.word("wrapped")]
    return PruneRequest(
        request.trial,
        request.directions,
        request.history,
        _of(inner, settings.values),
        request.n_steps,
        request.judged_to,
        request.can_pause,
    )


def _stalls(request: PruneRequest, settings: Settings) -> bool:
    """Tell whether the last `patience` + 1 reported steps are all worse than the best before, by over `min_delta`."""
    own, n = request.trial.intermediate, settings.whole("patience") + 1
    steps = sorted(own)
    if len(steps) <= n:
        return False
    before = best_value((own[step] for step in steps[:-n]), request.directions[0])
    after = best_value((own[step] for step in steps[-n:]), request.directions[0])
    if before is None or after is None:
        return after is None
    sign = -1.0 if request.directions[0] == "minimize" else 1.0
    return sign * after + settings.number("min_delta") < sign * before
