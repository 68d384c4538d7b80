"""Several objectives: the dominated hypervolume, as a number and as it grew."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from search.insight.units import Floats

N_PROBES = 1_000
"""Places of the box that are looked at to follow a hypervolume; it is then right to 0.03."""
ROOM = 0.1
"""The reference lies so much beyond the worst value of each objective, as a share of their spread: else the ends of a
front would count for nothing."""


def hypervolume(losses: Floats, reference: Floats) -> float:
    """Return the volume that some points dominate, below a reference point; exact.

    Args:
        losses: (n, m) points, less being better; those beyond the reference count for nothing.
        reference: (m,) the worst corner.

    Source: While et al., A Faster Algorithm for Calculating Hypervolume, IEEE TEC 10, 2006 (slicing by objectives).
    """
    inside = losses[(losses < reference).all(axis=1)]
    if not len(inside):
        return 0.0
    if len(reference) == 1:
        return float(reference[0] - inside.min())
    ordered = front_of(inside)
    ordered = ordered[np.argsort(ordered[:, -1], kind="stable")]
    edges = np.append(ordered[:, -1], reference[-1])  # (k + 1,)
    slices = (
        (edges[place + 1] - edges[place]) * hypervolume(ordered[: place + 1, :-1], reference[:-1])
        for place in range(len(ordered))
        if edges[place + 1] > edges[place]
    )
    return math.fsum(slices)


def front_of(losses: Floats) -> Floats:
    """Return the (k, m) points, each once, that no other of (n, m) dominates, in lexicographic order."""
    kept: list[Floats] = []
    for point in np.unique(losses, axis=0):  # in this order only an earlier point can dominate
        if not kept or not (np.stack(kept) <= point).all(axis=1).any():
            kept.append(point)
    return np.stack(kept) if kept else losses[:0]


def box_of(losses: Floats) -> tuple[Floats, Floats]:
    """Return the ideal and the reference point of (n, m) finite losses."""
    ideal, worst = losses.min(axis=0), losses.max(axis=0)
    spread = np.where(worst > ideal, worst - ideal, 1.0)
    return ideal, worst + ROOM * spread


def progress(
    losses: Floats, expected: Floats, after: npt.NDArray[np.int64], seed: int
) -> tuple[Floats, Floats, Floats]:
    """Follow the hypervolume over trials, as a share of its box: the study, random search, and the trials shuffled.

    A place of the box is dominated after k draws unless each of them fails to dominate it; so chances do for the two
    expectations what counting does for the study.

    Args:
        losses: (n, m) finite, in order of time.
        expected: (q, m) what random points would have come to.
        after: (k,) numbers of trials.
        seed: Of the places that are looked at.

    Returns:
        Three times (k,), from 0 to 1.
    """
    ideal, reference = box_of(losses)
    drawn = np.random.default_rng(seed).random((N_PROBES, losses.shape[1]))
    probes = ideal + drawn * (reference - ideal)  # (p, m)
    dominates = (losses[:, None, :] <= probes).all(axis=2)  # (n, p)
    first = np.where(dominates.any(axis=0), dominates.argmax(axis=0), len(losses))  # (p,)
    study = (first[None, :] < after[:, None]).mean(axis=1)  # (k,)
    share = (expected[:, None, :] <= probes).all(axis=2).mean(axis=0)  # (p,)
    random = 1 - ((1 - share) ** after[:, None].astype(np.float64)).mean(axis=1)  # (k,)
    n_good = dominates.sum(axis=0)  # (p,)
    shuffled = 1 - np.array([_chance_of_none(len(losses), n_good, int(k)).mean() for k in after])  # (k,)
    return study, random, shuffled


def _chance_of_none(n: int, n_good: npt.NDArray[np.int64], k: int) -> Floats:
    """Return (p,) the chance that k of n trials, drawn by lot, hold none of the good ones: C(n - g, k) / C(n, k)."""
    chances = np.array([math.comb(n - good, k) / math.comb(n, k) for good in range(int(n_good.max(initial=0)) + 1)])
    found: Floats = chances[n_good]
    return found
