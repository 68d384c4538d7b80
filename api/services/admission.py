"""How many trials a device has memory for, from what trainings of their structure took of it before.

A trial of a structure that the study has not trained yet is given a device that nothing of ours runs on, and there it
learns how many lanes fit; or, beside others, twice of what one lane of any other structure took. From then on the most
that any training of the structure took, and something on top, is what the next ones are promised. See
docs/decisions/0024-admission-by-measured-memory.md.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from sqlalchemy.orm import Session

from api.asks.plans import Plan, plan_of
from api.schemas.work import ClaimDevice, MemoryPeak
from api.transaction import Tx
from db import memory
from db.records import StudyRecord, TrialRecord

MARGIN_PERCENT = 10
"""What a process is promised over what was measured: allocators cut memory into blocks, and no run is like another."""

GUESS = 2
"""A structure that is new gets this many times what one lane of the study's largest took, where others run already."""


@dataclass(frozen=True, slots=True)
class Room:
    """What a device has for one more process.

    Attributes:
        uuid: The device.
        total_bytes: Its memory.
        free_bytes: What nobody uses, less what is promised to processes that have not taken it yet.
        is_idle: Whether nothing of ours runs on it.
    """

    uuid: str
    total_bytes: int
    free_bytes: int
    is_idle: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """What a device takes of a structure.

    Attributes:
        n_trials: At most so many together; 0 for none now.
        promised_bytes: What is kept free for them.
        limit_bytes: What their process may take; None for all there is.
    """

    n_trials: int
    promised_bytes: int = 0
    limit_bytes: int | None = None


NONE = Admission(0)


def read_room(session: Session, device: ClaimDevice) -> Room:
    """Return what a device has for one more process."""
    promised = memory.find_promised(session, device.uuid)
    unpromised = max(0, device.memory_bytes - promised.n_bytes)
    free = unpromised if device.free_bytes is None else min(unpromised, device.free_bytes)
    return Room(device.uuid, device.memory_bytes, free, is_idle=promised.n_attempts == 0)


def admit(
    room: Room, peaks: Mapping[int, int], n_max: int, n_members: int = 1, largest_bytes: int | None = None
) -> Admission:
    """Return how many trials of a structure a device takes.

    Args:
        room: What the device has.
        peaks: The most bytes that lanes of the structure took, by their number; empty for a structure not seen yet.
        n_max: At most so many trials.
        n_members: Trainings of each trial, which are a lane each. They need not all fit: those that do not, wait.
        largest_bytes: The most that one lane of any structure of the study took; None before any did.
    """
    if not peaks:
        return Admission(n_max, room.total_bytes) if room.is_idle else _guess(room, largest_bytes)
    n_lanes = max((n for n in range(1, n_max * n_members + 1) if _promise(peaks, n) <= room.free_bytes), default=0)
    if n_lanes:
        n_trials = max(1, n_lanes // n_members)
        promised = _promise(peaks, min(n_lanes, n_trials * n_members))
        return Admission(n_trials, promised, promised)
    # Alone it needs no margin: nobody is there whom it could crowd out.
    return Admission(1, room.total_bytes) if room.is_idle and need_bytes(peaks, 1) <= room.free_bytes else NONE


def admit_alone(room: Room) -> Admission:
    """Return whether a device takes a trial for which memory ran out before: nobody else may be there."""
    return Admission(1, room.total_bytes) if room.is_idle else NONE


def _guess(room: Room, largest_bytes: int | None) -> Admission:
    # Its process may take no more than that: a wrong guess costs a second attempt, and its neighbours nothing.
    guessed = GUESS * (largest_bytes or 0)
    return Admission(1, guessed, guessed) if 0 < guessed <= room.free_bytes else NONE


def need_bytes(peaks: Mapping[int, int], n_lanes: int) -> int:
    """Return what some lanes will take at most: a line through what was measured nearest, never falling.

    Args:
        peaks: The most bytes that were taken, by number of lanes; not empty.
        n_lanes: How many.
    """
    # More lanes never take less; where they seem to, the larger figure counts for both.
    lanes = sorted(peaks)
    known = list(zip(lanes, accumulate((peaks[n] for n in lanes), max), strict=True))
    above = next((place for place, (n, _) in enumerate(known) if n >= n_lanes), None)
    if above == 0:
        return known[0][1]  # fewer than ever measured: they take no more than those
    if above is not None:
        (n_low, low), (n_high, high) = known[above - 1], known[above]
        return math.ceil(low + (high - low) * (n_lanes - n_low) / (n_high - n_low))
    n_last, last = known[-1]
    # From one measurement alone: as if all of it grew with the lanes.
    n_first, first = known[-2] if len(known) > 1 else (0, 0)
    return math.ceil(last + (last - first) / (n_last - n_first) * (n_lanes - n_last))


def admit_structure(tx: Tx, room: Room, study: StudyRecord, structure: Hashable, n_max: int) -> Admission:
    """Return how many trials of a structure a device takes, by what the study knows.

    Args:
        tx: The transaction.
        room: What the device has.
        study: The study.
        structure: What the trials share.
        n_max: At most so many.
    """
    peaks = memory.find_peaks(tx.session, study.id, digest_of(structure))
    largest_bytes = None if peaks or room.is_idle else memory.find_largest(tx.session, study.id)
    spec = plan_of(study).spec
    return admit(room, peaks, n_max, spec.repeats.n * (spec.evaluation.folds or 1), largest_bytes)


def digest_of(structure: Hashable) -> str:
    """Return a short text that stands for a structure: names and values in the catalogue's order."""
    return hashlib.sha256(repr(structure).encode()).hexdigest()[:16]


def learn(tx: Tx, attempt_id: int, plan: Plan, trial: TrialRecord, reported: list[MemoryPeak]) -> bool:
    """Keep what an attempt's process took, and let others have what it does not need.

    Args:
        tx: The transaction.
        attempt_id: The attempt.
        plan: Its study's.
        trial: Its trial.
        reported: The most that was taken with so many lanes, where that is known anew.

    Returns:
        Whether something became free.

    Effects:
        Stores peaks of the structure and of the attempt; may shrink what its process is promised.
    """
    peaks = {one.n_lanes: one.peak_bytes for one in reported}
    most = max(peaks.values())
    memory.note_peaks(tx.session, trial.study_id, digest_of(plan.structure(trial.params)), peaks)
    memory.note_attempt(tx.session, attempt_id, most)
    return not trial.is_alone and memory.shrink_promise(tx.session, attempt_id, with_margin(most))


def with_margin(n_bytes: int) -> int:
    """Return what is promised to a process that took so much before."""
    return n_bytes + -(-n_bytes * MARGIN_PERCENT // 100)


def _promise(peaks: Mapping[int, int], n_lanes: int) -> int:
    return with_margin(need_bytes(peaks, n_lanes))
