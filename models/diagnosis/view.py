"""Curves made ready for the rules: unknown points left out, outliers tamed, levels and trends read off.

All rules read a curve through the functions below, so that one odd epoch never decides anything.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from models.diagnosis.curves import Curves, Divergence

LAST_EPOCHS = 3
"""Epochs whose median is called the level a curve ended at: one odd epoch among three does not count."""
LARGEST = 1e30
"""Values beyond are taken for this one: no rule tells them apart, and sums and squares of them stay finite."""
LEAST_REFERENCE = 1e-9
"""Targets with less entropy than this, in nats, are constant: shares of it would mean nothing."""


@dataclass(frozen=True, slots=True)
class Curve:
    """The known, finite points of one metric.

    Attributes:
        epochs: from 1, increasing.
        values: one an epoch, finite.
    """

    epochs: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    @property
    def level(self) -> float:
        """Return the median of the last epochs; needs at least one point."""
        return median(self.values[-LAST_EPOCHS:])

    def smooth(self) -> "Curve":
        """Replace each value by the median of itself and its neighbours, an end by its neighbour's; needs 3 points."""
        inner = [median(self.values[i - 1 : i + 2]) for i in range(1, len(self) - 1)]
        return Curve(self.epochs, (*inner[:1], *inner, *inner[-1:])) if inner else self

    def tail(self, n: int) -> "Curve":
        """Return the last `n` points."""
        return Curve(self.epochs[-n:], self.values[-n:])

    def fall(self) -> float:
        """Return by how much the last third lies below the first third, by their medians; 0 below three points.

        Of a short curve a third is a single point, so smooth the curve before cutting it.
        """
        third = len(self) // 3
        return median(self.values[:third]) - median(self.values[-third:]) if third else 0.0

    def jitter(self) -> float:
        """Return the median distance of a value from the middle of its neighbours; 0 below three points."""
        v = self.values
        return median([abs(v[i] - (v[i - 1] + v[i + 1]) / 2) for i in range(1, len(v) - 1)]) if len(v) > 2 else 0.0

    def at(self, epoch: int) -> float | None:
        """Return the value of an epoch, or None where it is not known."""
        return dict(zip(self.epochs, self.values, strict=True)).get(epoch)


@dataclass(frozen=True, slots=True)
class View:
    """What the rules look at.

    Attributes:
        facts: as they were given.
        curves: by name; those without any finite point are left out.
        n_seen: epochs of which anything is known.
        reference: loss of knowing nothing, above 0; None where not known.
        broken: first value that is not finite; None where all are.
    """

    facts: Curves
    curves: Mapping[str, Curve]
    n_seen: int
    reference: float | None
    broken: Divergence | None

    def curve(self, name: str) -> Curve:
        """Return a curve, without points where it is missing."""
        return self.curves.get(name, Curve())

    @property
    def is_whole(self) -> bool:
        """Whether all planned epochs were run."""
        return self.n_seen >= self.facts.n_epochs

    def skill(self, accuracy: float) -> float | None:
        """Return an accuracy's share of the way from always naming the commonest class to never being wrong."""
        reference = self.facts.reference_accuracy
        if reference is None or not 0 <= reference < 1:
            return None
        return (accuracy - reference) / (1 - reference)

    def explained(self, loss: float) -> float:
        """Return the share of the reference that a loss leaves behind: 1 for a loss of 0, 0 for knowing nothing."""
        assert self.reference is not None, "a rule asks for shares of a reference that it has not looked at"
        return 1 - loss / self.reference


def look(curves: Curves) -> View:
    """Make curves ready for the rules."""
    kept = {name: _known_points(values) for name, values in curves.metrics.items()}
    return View(
        facts=curves,
        curves={name: curve for name, curve in kept.items() if len(curve)},
        n_seen=max((len(values) for values in curves.metrics.values()), default=0),
        reference=_usable(curves.reference_loss),
        broken=_first_broken(curves.metrics),
    )


def _known_points(values: Sequence[float | None]) -> Curve:
    points = [(i + 1, value) for i, value in enumerate(values) if value is not None and math.isfinite(value)]
    return Curve(tuple(epoch for epoch, _ in points), tuple(max(-LARGEST, min(value, LARGEST)) for _, value in points))


def _usable(reference: float | None) -> float | None:
    return reference if reference is not None and LEAST_REFERENCE <= reference <= LARGEST else None


def _first_broken(metrics: Mapping[str, Sequence[float | None]]) -> Divergence | None:
    # Ratios may be 0 / 0 in a network that is merely dead; a loss or a norm may not.
    found = [
        (epoch, name, value)
        for name, values in sorted(metrics.items())
        if name.endswith("_loss") or name == "grad_norm"
        for epoch, value in enumerate(values, start=1)
        if value is not None and not math.isfinite(value)
    ]
    if not found:
        return None
    epoch, name, value = min(found, key=lambda item: item[:2])
    return Divergence(epoch, reason=f"{name} became {value} in epoch {epoch}.")
