"""Whose turn it is: priority first, then equal parts for owners, then each study's part of its owner's.

Where many slots train, those who hold too few of them are next. Where few do, all hold none whenever one asks, and how
often each was served decides: stride scheduling.

Source: Waldspurger and Weihl, "Stride Scheduling: Deterministic Proportional-Share Resource Management", 1995,
section 2.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from db.turns import Claimable, Held


@dataclass(frozen=True, slots=True)
class Turn:
    """A study that may be served, and how far it is served if it is; None where nobody competes with it."""

    study_id: int
    turns: float | None = None


def order_turns(candidates: Iterable[Claimable], held: Sequence[Held]) -> list[Turn]:
    """Return studies in the order in which a slot is to serve them.

    Args:
        candidates: Those that may have work.
        held: The slots that studies hold, also of those that may not have any more.
    """
    by_priority: dict[int, list[Claimable]] = defaultdict(list)
    for one in candidates:
        by_priority[one.priority].append(one)
    of_studies = {one.study_id: one.n_slots for one in held}
    of_owners: dict[str, int] = defaultdict(int)
    for other in held:
        of_owners[other.owner] += other.n_slots
    ordered = (_order_equals(by_priority[priority], of_studies, of_owners) for priority in sorted(by_priority)[::-1])
    return [turn for turns in ordered for turn in turns]


def _order_equals(
    equals: Sequence[Claimable], of_studies: Mapping[int, int], of_owners: Mapping[str, int]
) -> list[Turn]:
    strides = _strides(equals)
    # Who is new, or had nothing to do for long, begins about where the others are: nothing is to be made up for.
    floor = max(one.turns for one in equals) - max(strides.values())
    begun = {one.study_id: max(one.turns, floor) for one in equals}

    def place(one: Claimable) -> tuple[float, float, float, int]:
        n_own, n_owners = of_studies.get(one.study_id, 0), of_owners.get(one.owner, 0)
        return n_owners, n_own / one.share, begun[one.study_id], one.study_id

    return [Turn(one.study_id, begun[one.study_id] + strides[one.study_id]) for one in sorted(equals, key=place)]


def _strides(equals: Sequence[Claimable]) -> dict[int, float]:
    """Return by how much each study moves on when it is served; an owner's studies share what one alone would get."""
    totals: dict[str, float] = defaultdict(float)
    for one in equals:
        totals[one.owner] += one.share
    return {one.study_id: totals[one.owner] / one.share for one in equals}
