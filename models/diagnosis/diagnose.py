"""From a trial's curves to what they show: all rules asked, contradictions settled."""

from collections.abc import Callable, Mapping

from models.catalogue import ParamValue
from models.diagnosis.curves import Curves
from models.diagnosis.divergence import find_divergence
from models.diagnosis.findings import SEVERITIES, Finding, FindingKind, Hint, Remedy
from models.diagnosis.fit import find_good_fit, find_overfitting, find_underfitting
from models.diagnosis.generation import find_gan_collapse
from models.diagnosis.gradients import find_dead_relus, find_exploding_gradients, find_vanishing_gradients
from models.diagnosis.progress import find_noisy_validation, find_plateau, find_still_improving
from models.diagnosis.view import View, look

Rule = Callable[[View], Finding | None]

RULES: tuple[Rule, ...] = (
    find_divergence,
    find_gan_collapse,
    find_exploding_gradients,
    find_vanishing_gradients,
    find_dead_relus,
    find_overfitting,
    find_underfitting,
    find_noisy_validation,
    find_plateau,
    find_still_improving,
    find_good_fit,
)
"""A new rule is one function and one line here; each finds what it is named after, whatever the others find."""

_NOT_BESIDE_DIVERGENCE: tuple[FindingKind, ...] = (
    "vanishing_gradients",
    "overfitting",
    "underfitting",
    "noisy_validation",
    "plateau",
    "still_improving",
)
SILENCES: Mapping[FindingKind, tuple[FindingKind, ...]] = {
    "diverged": _NOT_BESIDE_DIVERGENCE,
    # No gradient passes a silent unit: that is why, and the remedies differ.
    "dead_relus": ("vanishing_gradients",),
    # A loss that leaves its plateau at the last moment is not on one.
    "still_improving": ("plateau",),
    # Its examples differ too little to judge anything else by.
    "gan_collapse": ("still_improving",),
    # More freedom or more epochs is the wrong advice for a network that learns by heart.
    "overfitting": ("underfitting", "plateau", "still_improving"),
}
"""What a finding explains or contradicts, and therefore takes out of the diagnosis."""

REST: tuple[FindingKind, ...] = tuple(kind for kind in SEVERITIES if SEVERITIES[kind] == "problem")
"""What spoils a good fit."""


def diagnose(curves: Curves) -> tuple[Finding, ...]:
    """Say what a trial's curves show.

    Never raises for any numbers, NaN and infinities included; where little is known it says little.

    Args:
        curves: of a trial that has ended, in whatever way.

    Returns:
        Findings that do not contradict each other, the most important first; empty if the curves show nothing.
    """
    view = look(curves)
    found = [finding for rule in RULES if (finding := rule(view)) is not None]
    kinds = {finding.kind for finding in found}
    silenced = {kind for finding in found for kind in SILENCES.get(finding.kind, ())}
    if not kinds.isdisjoint((*REST, "still_improving")):
        silenced.add("good_fit")
    return tuple(_fit_to_model(finding, curves.params) for finding in found if finding.kind not in silenced)


def _fit_to_model(finding: Finding, params: Mapping[str, ParamValue] | None) -> Finding:
    if params is None:
        return finding
    hints = tuple(hint for hint in finding.remedy.hints if _changes(hint, params))
    remedy = Remedy(finding.remedy.sentence, hints)
    return Finding(finding.kind, finding.title, finding.evidence, remedy)


def _changes(hint: Hint, params: Mapping[str, ParamValue]) -> bool:
    return hint.parameter in params and not (hint.direction == "set" and params[hint.parameter] == hint.value)
