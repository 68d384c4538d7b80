"""Asks ahead: while workers train, suggestions that take long to compute wait already.

A prepared suggestion is an ordinary waiting trial. When a trial ends, what waits was computed without its result: it is
computed again, and replaced where nobody has claimed it meanwhile. A worker never waits for that: what is not renewed
in time has seen one result less, as if one more trial ran beside it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence, Set
from dataclasses import dataclass

from api.asks.asker import Asker, is_slow
from api.asks.history import Snapshot, params_key
from api.asks.plans import plan_of
from api.asks.proposals import Asked, Chain, Proposal, request_for
from api.services.batches import are_as_seen, insert_proposal, learning_limit
from api.services.settle import announce_trial
from api.transaction import Ledger, Tx
from db import history, studies, workers
from db.events import NewEvent
from db.lifecycle import StudyState, TrialState
from db.records import StudyRecord, TrialRecord

_PATIENCE_S = 60.0
# With one trial at a time the next suggestion would never see the last result: such a study asks when it claims.
_MIN_PARALLEL = 2
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shelf:
    """What a study should have waiting.

    Attributes:
        renewed: Waiting trials to compute again, in the order of their cells: the sampler's last ones.
        n_new: How many to add.
    """

    renewed: Sequence[TrialRecord]
    n_new: int


class Preparer:
    """Keeps suggestions of slow samplers waiting; runs on a thread of its own until closed.

    Args:
        ledger: Where studies are read and trials stored.
        asker: Asks.
    """

    def __init__(self, ledger: Ledger, asker: Asker) -> None:
        self._ledger = ledger
        self._asker = asker
        self._changed = threading.Condition()
        self._due: dict[int, None] = {}
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="prepare", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End, and the asker with it, which ends what is being computed."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._asker.close()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def listen(self, events: Sequence[NewEvent]) -> None:
        """Note which studies' trials began or ended. Returns at once."""
        due = {event.study_id for event in events if event.kind == "trial" and event.study_id is not None}
        if due:
            with self._changed:
                self._due.update(dict.fromkeys(due))
                self._changed.notify()

    def prepare(self, study_id: int) -> int:
        """Bring one study's waiting suggestions up to date, and return how many trials were stored or renewed."""
        with self._ledger.read() as session:
            study = studies.find_study(session, study_id)
            if study is None or not _is_wanted(study) or not plan_of(study).learns:
                return 0
            n_slots = workers.count_slots(session, study.queue)
            snapshot = self._asker.histories.read(session, study)
        shelf = plan_shelf(snapshot, n_slots, self._asker.room(study_id))
        if not (shelf.renewed or shelf.n_new) or not _is_slow(snapshot):
            return 0
        # Not in turn with claims: one that finds nothing waiting asks by itself, and then this was in vain.
        asked = compute(self._asker, snapshot, shelf)
        with self._ledger.write() as tx:
            return store(tx, asked, shelf)

    def _run(self) -> None:
        while (study_id := self._next()) is not None:
            try:
                self.prepare(study_id)
            except Exception:  # claims ask for themselves; the loop must outlive a database that is away
                if not self._is_closing:
                    log.exception("suggestions of study %s were not prepared", study_id)

    def _next(self) -> int | None:
        with self._changed:
            self._changed.wait_for(lambda: self._due or self._is_closing)
            if self._is_closing:
                return None
            study_id = next(iter(self._due))
            del self._due[study_id]
            return study_id


def plan_shelf(snapshot: Snapshot, n_slots: int, n_at_once: int) -> Shelf:
    """Return what a study should have waiting.

    So many as slots could claim, or one worker that trains several at once; within the study's parallelism and budget.
    Renewed are the sampler's last trials as far back as they wait and never ran, where a trial has ended since they
    were computed. One before them may have been seen by a trial that has started, which could not be computed again if
    the other was replaced: it stays as it is.

    Args:
        snapshot: The study.
        n_slots: Of the workers that serve it.
        n_at_once: How many trials a worker takes.
    """
    study = snapshot.study
    n_waiting = sum(one.state is TrialState.WAITING and one.paused_step is None for one in snapshot.open)
    n_wanted = min(max(n_slots, min(n_at_once, learning_limit(study.n_trials))), study.max_parallel)
    n_new = max(0, n_wanted - n_waiting) if n_slots else 0
    if study.end_number is not None:
        n_new = max(0, min(n_new, study.end_number - study.next_number))
    last = _last_waiting(study, snapshot.open)
    is_stale = any((one.seen or {}).get("rev", -1) < snapshot.last_end for one in last)
    return Shelf(last if is_stale else (), n_new)


def compute(asker: Asker, snapshot: Snapshot, shelf: Shelf) -> Asked:
    """Compute what a shelf lacks, outside of any transaction.

    The trials that are renewed keep their numbers; each proposal sees the ones before it as running. The first that has
    a result already, or makes no network, is the last one: it is for a claim to deal with.
    """
    study, plan = snapshot.study, snapshot.plan
    hidden = frozenset(one.number for one in shelf.renewed)
    chain = Chain(asker, snapshot, time.monotonic() + _PATIENCE_S, hidden)
    known = snapshot.known if plan.reuses else frozenset()
    places = [(one.number, one.cell or 0) for one in shelf.renewed]
    places += [(study.next_number + place, study.next_cell + place) for place in range(shelf.n_new)]
    kept: list[Proposal] = []
    while len(kept) < len(places):
        n = _run_length(places[len(kept) :])
        made = chain.ask(*places[len(kept)], n)
        sound = [one for one in made if _is_sound(one, known)]
        kept += sound
        if not made or len(sound) < len(made):
            break
    return Asked(study, plan.digest, tuple(kept))


def store(tx: Tx, asked: Asked, shelf: Shelf) -> int:
    """Store what was computed, if the study is where it was. Returns how many trials it wrote.

    Effects:
        Replaces parameters and what was seen of waiting trials that never ran, all of them or none; adds waiting
        trials within the budget.
    """
    study = studies.lock_study(tx.session, asked.study.id)
    if study is None or not _is_wanted(study) or not asked.fits(study, plan_of(study).digest):
        return 0
    n_renewed = len(shelf.renewed)
    if len(asked.proposals) < max(n_renewed, 1) or not are_as_seen(tx, shelf.renewed, is_waiting=True):
        return 0
    for before, proposal in zip(shelf.renewed, asked.proposals[:n_renewed], strict=True):
        after = history.replace_waiting(tx.session, before.id, proposal.columns)
        assert after is not None, "the study's lock was not held"
        announce_trial(tx, after)
    added = [one for one in asked.proposals[n_renewed:] if study.end_number is None or one.number < study.end_number]
    for proposal in added:
        announce_trial(tx, insert_proposal(tx, study, proposal))
    studies.bump_rev(tx.session, study.id)
    return n_renewed + len(added)


def _is_wanted(study: StudyRecord) -> bool:
    is_ours = study.kind == "native" and study.deleted_at is None
    is_going_on = study.state is StudyState.RUNNING and not study.is_exhausted
    return is_ours and is_going_on and study.max_parallel >= _MIN_PARALLEL


def _is_slow(snapshot: Snapshot) -> bool:
    study, plan = snapshot.study, snapshot.plan
    request = request_for(study, plan, study.next_number, study.next_cell, snapshot.finished)
    return is_slow(plan.sampler, request)


def _is_sound(proposal: Proposal, known: Set[str]) -> bool:
    is_new = params_key(proposal.params) not in known
    return is_new and proposal.refusal is None and "fallback" not in proposal.seen


def _run_length(places: Sequence[tuple[int, int]]) -> int:
    """Return how many of the first places follow each other without a gap: those can be asked for at once."""
    number, cell = places[0]
    length = 1
    while length < len(places) and places[length] == (number + length, cell + length):
        length += 1
    return length


def _last_waiting(study: StudyRecord, open_trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return the sampler's last trials as far back as they wait and never ran, the first of them first."""
    by_cell = {one.cell: one for one in open_trials if one.state is TrialState.WAITING and one.n_attempts == 0}
    found = []
    for cell in range(study.next_cell - 1, -1, -1):
        if cell not in by_cell:
            break
        found.append(by_cell[cell])
    return found[::-1]
