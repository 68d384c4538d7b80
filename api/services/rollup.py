"""Points of trials that are over, moved from rows into blocks, and thinned out once they are old.

A block holds the same points as its rows in a fraction of their room, and is read many times as fast. Moving is split
so that nobody waits for it: points are read and packed outside of any write, and one short transaction puts a few
blocks into the place of some thousand rows. A process that is killed at any moment leaves either rows or blocks.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.services.overviews import bin_width, summarise
from api.transaction import Ledger
from db import blocks, curves
from db.blocks import Block
from db.packing import Points, pack

BLOCK_POINTS = 4096
MOVED_POINTS = 16 * BLOCK_POINTS
"""Points that one transaction moves, at most (a curve of fewer is moved at once)."""
N_BINS = 32
"""Bins of a block's overview, at most (and one that is cut)."""
FULL_POINTS = 4096
"""Curves of more points are thinned out by `thin_old`, to less than this."""
_SERIES_AT_ONCE = 500
_ROUND_S = 1.0  # other work of the loop waits meanwhile


@dataclass(frozen=True, slots=True)
class Retention:
    """What becomes of the points of trials that are over, each after so many seconds; 0: never.

    Attributes:
        pack_after_s: They are packed, which loses nothing.
        points_s: Of long curves only the extremes stay.
    """

    pack_after_s: float
    points_s: float = 0.0


def roll_up(ledger: Ledger, retention: Retention, round_s: float = _ROUND_S) -> int:
    """Pack what is to be packed and thin out what is old, for about `round_s` seconds.

    Returns:
        How many points were moved or dropped; 0 once there is nothing left.

    Effects:
        Transactions of some thousand points each.
    """
    ends_at = time.monotonic() + round_s
    n = 0
    while True:
        moved = _pack_some(ledger, retention.pack_after_s) if retention.pack_after_s else 0
        moved += _thin_some(ledger, retention.points_s) if retention.points_s and not moved else 0
        n += moved
        if not moved or time.monotonic() >= ends_at:
            return n


def make_blocks(series_id: int, points: Points) -> list[Block]:
    """Return points of a curve as blocks, in their order."""
    parts = (points.only(slice(first, first + BLOCK_POINTS)) for first in range(0, len(points), BLOCK_POINTS))
    return [_make_block(series_id, part) for part in parts]


def _make_block(series_id: int, points: Points) -> Block:
    first, last = int(points.steps[0]), int(points.steps[-1])
    width, overview = None, None
    if len(points) > 4 * N_BINS:
        width = bin_width(last - first, N_BINS)
        extremes = summarise(points, width)
        # Where many points are not finite, little would be saved.
        width, overview = (width, pack(extremes)) if 4 * len(extremes) < len(points) else (None, None)
    return Block(series_id, first, last, len(points), width, overview, pack(points))


def _pack_some(ledger: Ledger, older_than_s: float) -> int:
    """Move points of some curves, and return how many."""
    with ledger.read() as session:
        found = blocks.list_unpacked(session, older_than_s, _SERIES_AT_ONCE)
    n = 0
    for series_ids in _batches(found):
        with ledger.read() as session:
            points = curves.read_rows(session, series_ids, MOVED_POINTS)
        made = [block for series_id, part in points.items() for block in make_blocks(series_id, part)]
        n += _store(ledger, made)
        if n >= MOVED_POINTS:
            break
    return n


def _store(ledger: Ledger, made: Sequence[Block]) -> int:
    if not made:
        return 0
    try:
        with ledger.write() as tx:
            if not blocks.store_blocks(tx.session, made):
                raise _PackedElsewhere
    except _PackedElsewhere:
        return 0
    return sum(block.n_points for block in made)


def _batches(found: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Cut curves, each with its number of points, into groups of about as many points as one transaction moves."""
    batch: list[int] = []
    n = 0
    for series_id, n_points in found:
        if batch and n + n_points > MOVED_POINTS:
            yield batch
            batch, n = [], 0
        batch.append(series_id)
        n += n_points
    if batch:
        yield batch


def _thin_some(ledger: Ledger, older_than_s: float) -> int:
    """Thin out one curve, and return how many points were dropped."""
    with ledger.read() as session:
        found = blocks.list_packed(session, FULL_POINTS, older_than_s, 1)
        points = curves.list_points(session, [series_id for series_id, _ in found])
    dropped = 0
    for series_id, n_points in found:
        kept = summarise(points[series_id], bin_width(int(points[series_id].steps[-1])))
        with ledger.write() as tx:
            if blocks.replace_all(tx.session, series_id, n_points, make_blocks(series_id, kept)):
                dropped += n_points - len(kept)
    return dropped


class _PackedElsewhere(Exception):
    """Another process moved the same points: this one's transaction is undone."""
