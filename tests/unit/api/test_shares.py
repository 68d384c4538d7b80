"""Whose turn it is: by priority, by what owners and studies hold, and by how often each was served."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from api.services.shares import order_turns
from db.turns import Claimable, Held


def a_study(study_id: int, owner: str = "ann", *, priority: int = 0, share: float = 1.0) -> Claimable:
    return Claimable(study_id, owner, priority, share, 0.0)


def served(studies: Sequence[Claimable], n: int) -> Counter[int]:
    """Serve one slot so often, which never holds anything when it asks."""
    known = {one.study_id: one for one in studies}
    counts: Counter[int] = Counter()
    for _ in range(n):
        turn = order_turns(known.values(), [])[0]
        assert turn.turns is not None
        known[turn.study_id] = replace(known[turn.study_id], turns=turn.turns)
        counts[turn.study_id] += 1
    return counts


def filled(studies: Sequence[Claimable], n_slots: int) -> Counter[int]:
    """Fill so many slots, none of which is given back."""
    held: Counter[int] = Counter()
    owners = {one.study_id: one.owner for one in studies}
    for _ in range(n_slots):
        turns = order_turns(studies, [Held(study, owners[study], n) for study, n in held.items()])
        held[turns[0].study_id] += 1
    return held


def test_a_higher_priority_comes_first_whatever_it_holds() -> None:
    studies = [a_study(1), a_study(2, priority=1), a_study(3, priority=-1)]
    assert [turn.study_id for turn in order_turns(studies, [Held(2, "ann", 50)])] == [2, 1, 3]


def test_slots_are_held_in_proportion_to_shares() -> None:
    assert filled([a_study(1, share=2.0), a_study(2), a_study(3, share=0.5)], 14) == {1: 8, 2: 4, 3: 2}


def test_owners_hold_equally_many_slots_whatever_their_studies_ask_for() -> None:
    studies = [*(a_study(n, "ann", share=100.0) for n in (1, 2, 3)), a_study(4, "bob")]
    assert filled(studies, 12) == {1: 2, 2: 2, 3: 2, 4: 6}


def test_what_an_owner_holds_of_studies_without_work_counts() -> None:
    turns = order_turns([a_study(1, "ann"), a_study(2, "bob")], [Held(9, "ann", 3), Held(2, "bob", 2)])
    assert [turn.study_id for turn in turns] == [2, 1]


def test_one_slot_serves_studies_in_turns_by_their_shares() -> None:
    assert served([a_study(1), a_study(2, share=2.0)], 30) == {1: 10, 2: 20}


def test_one_slot_serves_owners_equally_often() -> None:
    counts = served([*(a_study(n, "ann") for n in (1, 2, 3)), a_study(4, "bob")], 60)
    assert (counts[4], sum(counts.values()) - counts[4]) == (30, 30)


def test_who_comes_late_makes_up_for_nothing() -> None:
    old, new = replace(a_study(1), turns=1000.0), a_study(2)
    assert served([old, new], 20) in ({1: 9, 2: 11}, {1: 10, 2: 10})


def test_the_older_study_comes_first_where_all_else_is_equal() -> None:
    assert [turn.study_id for turn in order_turns([a_study(2), a_study(1)], [])] == [1, 2]
    assert order_turns([], []) == []
