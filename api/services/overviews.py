"""Overviews of long curves, which are made once a trial is over.

A chart of a thousand curves of ten thousand points would read ten million rows, which takes many seconds; their
overviews are a thousand rows, and say all that such a chart can show.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from api.services.thinning import column_width, extremes
from db import curves
from db.packing import Points

N_BINS = 512
"""Bins of an overview, at most (and one that begins before the first step)."""
MAX_MADE = 20
"""Overviews made in one round of the reconcile loop: they may take a fifth of a second together."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What is stored of a curve; a bin holds `bin_steps` steps."""

    series_id: int
    bin_steps: int
    content: bytes


def stream_overviews(session: Session, series_ids: Collection[int]) -> Iterator[tuple[int, Points]]:
    """Yield curve and points of the overviews there are of some curves."""
    if series_ids:
        for series_id, content in curves.stream_overviews(session, series_ids):
            yield series_id, unpack(content)


def find_missing(session: Session, limit: int = MAX_MADE) -> list[Overview]:
    """Make overviews of long curves that lack one though their trials are over, and return them."""
    latest = dict(curves.list_without_overview(session, limit))
    widths = {series_id: bin_width(step) for series_id, step in latest.items()}
    return [
        Overview(one.series_id, widths[one.series_id], pack(summarise(one.points, widths[one.series_id])))
        for one in curves.stream_points(session, list(latest))
    ]


def store(session: Session, made: Sequence[Overview]) -> None:
    """Store overviews, each in the place of the one there is.

    Effects: writes a row a curve.
    """
    for one in made:
        curves.store_overview(session, one.series_id, one.bin_steps, one.content)


def bin_width(latest_step: int, n_bins: int = N_BINS) -> int:
    """Return how many steps each of `n_bins` bins holds of steps 0 to `latest_step`: a power of two, at least 1."""
    return max(1, int(column_width(latest_step + 1, n_bins)))


def summarise(points: Points, width: int) -> Points:
    """Return the first and the last point of a curve and the extremes of each `width` steps."""
    keep = extremes(points.steps // width, points.values)
    keep[[0, -1]] = True
    return points.only(keep)


def pack(points: Points) -> bytes:
    """Return three columns of equal length, one after the other, little-endian, 8 bytes a number."""
    columns = ((points.steps, "<i8"), (points.values, "<f8"), (points.at_ms, "<i8"))
    return b"".join(column.astype(kind).tobytes() for column, kind in columns)


def unpack(content: bytes) -> Points:
    """Read what `pack` wrote."""
    n = len(content) // 24
    return Points(
        np.frombuffer(content, "<i8", n).astype(np.int64, copy=False),
        np.frombuffer(content, "<f8", n, 8 * n).astype(np.float64, copy=False),
        np.frombuffer(content, "<i8", n, 16 * n).astype(np.int64, copy=False),
    )
