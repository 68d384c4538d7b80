"""Fewer points of a curve, with its minima, maxima and non-finite points all still there. Pure, in whole arrays.

A curve is cut into bins; of each the first minimum and the first maximum of its finite points stay, and the first NaN,
the first infinity and the first negative infinity. What a bin keeps is therefore what a bin of several such bins would
have kept of all points: curves may be thinned twice. Source: the extremes of M4 (Jugel et al., VLDB 2014, section 4).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


def extremes(bins: NDArray[Any], values: Floats) -> Flags:
    """Say which points stay.

    Args:
        bins: Which bin each point is in, length n; points of a bin stand together.
        values: Length n.

    Returns:
        A flag a point, length n; at most five of a bin are set.
    """
    if len(values) == 0:
        return np.zeros(0, dtype=np.bool_)
    starts = np.flatnonzero(np.concatenate(([True], bins[1:] != bins[:-1])))
    group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(values))))
    finite = np.isfinite(values)
    keep = np.zeros(len(values), dtype=np.bool_)
    for filled, pick in ((np.inf, np.minimum), (-np.inf, np.maximum)):
        masked = np.where(finite, values, filled)
        keep |= _first_of(group, finite & (masked == pick.reduceat(masked, starts)[group]))
    if not finite.all():
        for is_kind in (np.isnan, np.isposinf, np.isneginf):
            keep |= _first_of(group, is_kind(values))
    return keep


def apart(bins: NDArray[Any], values: Floats, n_rows: int) -> Flags:
    """Say which points of a cloud stay: the extremes of each bin, and the first point of each place that is seen apart.

    Args:
        bins: Which bin each point is in, length n; points of a bin stand together.
        values: Length n, finite.
        n_rows: Into so many rows the range of the values is cut.

    Returns:
        A flag a point, length n.
    """
    keep = extremes(bins, values)
    if len(values) == 0:
        return keep
    low, high = values.min(), values.max()
    rows = np.floor((values - low) / (high - low) * n_rows) if 0 < high - low < np.inf else np.zeros(len(values))
    keep[np.unique(bins.astype(np.int64) * (n_rows + 1) + rows.astype(np.int64), return_index=True)[1]] = True
    return keep


def column_width(span: float, n_columns: int) -> float:
    """Return the least power of two by which at most `n_columns` columns (plus a cut one) cover `span`.

    Columns of such a width begin at multiples of it, so wider ones are made of whole narrower ones.

    Args:
        span: Of the x axis, finite and at least 0.
        n_columns: At least 1.
    """
    least = span / n_columns
    return math.ldexp(1.0, math.ceil(math.log2(least))) if least > 0 else 0.0


def round_digits(values: Floats, digits: int = 7) -> Floats:
    """Round to significant digits: 7 are what a 32-bit float has, and what training works with."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        places = np.where(np.isfinite(values) & (values != 0), digits - 1 - np.floor(np.log10(np.abs(values))), 0.0)
        scale = 10.0 ** np.abs(places)
        rounded = np.where(places >= 0, np.round(values * scale) / scale, np.round(values / scale) * scale)
    return np.where(np.isfinite(rounded) & (np.abs(places) <= 22), rounded, values)


def _first_of(group: Ints, flags: Flags) -> Flags:
    """Keep the first flag of each group."""
    places = np.flatnonzero(flags)
    is_first = np.concatenate(([True], group[places][1:] != group[places][:-1])) if len(places) else flags[:0]
    found = np.zeros(len(flags), dtype=np.bool_)
    found[places[is_first]] = True
    return found
