"""Several objectives: which trials no other one beats, and how much they dominate together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.insight.fronts import box_of
from search.types import Direction

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Volume:
    """The hypervolume that some outcomes dominate, and the outcome up to which it is measured.

    Attributes:
        value: At least 0; the product of the objectives' units.
        reference: One number an objective: beyond the worst of all outcomes by a tenth of their spread.
    """

    value: float
    reference: tuple[float, ...]


def pareto_places(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> list[int]:
    """Return the places of the outcomes that no other one dominates, best first objective first.

    An outcome dominates another if it is nowhere worse and somewhere better; so equal outcomes are on the front
    together, in the order given. Takes n log n steps for two objectives, n times the size of the front for more.

    Args:
        values: (n, m) finite; one outcome a row.
        directions: (m,) one an objective.
    """
    if not len(values):
        return []
    losses = _losses(values, directions)  # (n, m)
    order = np.lexsort(losses.T[::-1])  # (n,) stable: only an earlier outcome can dominate a later one
    kept = _sweep(losses[order]) if len(directions) <= 2 else _peel(losses[order])
    return [int(place) for place in order[kept]]


def hypervolume(
    values: Sequence[Sequence[float]], front: Sequence[int], directions: Sequence[Direction]
) -> Volume | None:
    """Return the hypervolume of a front; None without an outcome.

    Args:
        values: (n, m) finite; all outcomes, which set the reference.
        front: Places of those on the front.
        directions: (m,) one an objective.

    Source: While, Bradstreet, Barone: A Fast Way of Calculating Exact Hypervolumes, IEEE TEC 16, 2012 (Optuna's WFG).
    """
    if not len(values):
        return None
    # Optuna takes a tenth of a second to import, which those who only sort need not wait for.
    from optuna._hypervolume import compute_hypervolume

    losses = _losses(values, directions)  # (n, m)
    _, reference = box_of(losses)  # (m,)
    corner = np.where(_is_highest(directions), -reference, reference)  # (m,)
    volume = compute_hypervolume(losses[list(front)], reference)
    return Volume(float(volume), tuple(float(number) for number in corner))


def thin(places: Sequence[int], limit: int) -> list[int]:
    """Return at most `limit` of the places, evenly spaced, the first and the last among them."""
    if len(places) <= limit:
        return list(places)
    chosen = np.linspace(0, len(places) - 1, limit).round().astype(int)
    return [places[place] for place in chosen]


def _losses(values: Sequence[Sequence[float]], directions: Sequence[Direction]) -> Floats:
    given = np.asarray(values, dtype=np.float64)  # (n, m)
    return np.where(_is_highest(directions), -given, given)


def _is_highest(directions: Sequence[Direction]) -> npt.NDArray[np.bool_]:
    return np.array([direction == "maximize" for direction in directions])


def _sweep(losses: Floats) -> list[int]:
    """Return the places on the front of (n, 1) or (n, 2) losses in lexicographic order."""
    kept: list[int] = []
    for place, loss in enumerate(losses.tolist()):
        if not kept or loss[-1] < losses[kept[-1], -1] or loss == losses[kept[-1]].tolist():
            kept.append(place)
    return kept


def _peel(losses: Floats) -> list[int]:
    """Return the places on the front of (n, m) losses in lexicographic order: each one takes away what it dominates."""
    kept: list[int] = []
    rest = np.arange(len(losses))  # (k,)
    while len(rest):
        first = losses[rest[0]]  # (m,)
        is_equal = (losses[rest] == first).all(axis=1)  # (k,)
        kept.extend(int(place) for place in rest[is_equal])
        rest = rest[(losses[rest] < first).any(axis=1)]
    return kept
