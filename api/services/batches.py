"""Which trials of a study one claim hands out: those that can train together, as lanes of one program.

Trials of equal structure (`models.catalogue.structure_key`) differ in numbers alone. The first trial of a claim sets
the structure; a trial of another one stays WAITING with its number and its parameters, and is claimed next, oldest
first. Paused trials that a pruner promotes come before all others.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from api.asks.history import params_key
from api.asks.plans import Plan, plan_of
from api.asks.proposals import EXTRA, Asked, Need, Proposal, propose_plainly
from api.services.admission import Admission, Room, admit_alone, admit_structure
from api.services.promotion import find_paused
from api.services.reuse import find_results, is_going_round, may_come_twice, reuse_result
from api.services.scripts import is_script
from api.services.settle import announce_trial, cancel_waiting
from api.transaction import Tx
from db import studies, trials
from db.lifecycle import TrialState
from db.records import StudyRecord, TrialRecord

# How many trials may wait for each place of a claim. Grid and random search lose nothing by proposing early, and the
# further they look, the fuller the batches; but every trial that waits is a row that a stop of the study must cancel.
LOOK_AHEAD = 4
# A sampler that learns sees nothing of a batch until it ends. With an eighth of the budget in each it is still asked at
# least eight times with new results; half the budget in one batch would be random search.
LEARNING_SHARE = 8
# The same for a study without a budget: as many lanes as pay on a CPU.
UNLIMITED_BATCH = 16
# A sampler that proposes so many parameter sets in a row that all have a result has nothing new to say.
SAME_AGAIN = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """What a claim finds in a study.

    Attributes:
        trials: Waiting trials of one structure, for the caller to start.
        need: What to ask the sampler for, outside of the transaction; None where nothing is lacking, or nothing left.
        has_news: Whether trials ended right here, so that more can start than before.
        admission: What the trials are promised of the worker's device; None where it told of none.
    """

    trials: Sequence[TrialRecord]
    need: Need | None = None
    has_news: bool = False
    admission: Admission | None = None


def take_batch(
    tx: Tx, study: StudyRecord, n_max: int, asked: Asked | None, *, is_slow: bool = False, device: Room | None = None
) -> Taken:
    """Return at most `n_max` waiting trials of one structure, storing what was proposed. The caller holds the lock.

    Args:
        tx: The transaction.
        study: The study, locked.
        n_max: How many trials the worker takes.
        asked: What its sampler proposed; dropped where the study has gone on since.
        is_slow: Whether asking takes long: then a worker starts with what waits, and does not ask for the rest.
        device: What the worker's device has; None where it told of none.

    Effects:
        Stores suggested trials, also some that are not returned; fails those that make no network, and completes those
        whose parameters have a result; marks the study as exhausted where its sampler is.
    """
    n_running = studies.count_trials(tx.session, [study.id])[study.id].get(TrialState.RUNNING, 0)
    room = min(n_max, study.max_parallel - n_running)
    if room <= 0:
        return Taken(())
    plan = plan_of(study)
    batch = _Batch(tx, study, plan, room, device)
    batch.offer_waiting()
    if batch.is_short or batch.is_full or batch.is_confirming or study.is_exhausted or batch.n_most <= 0:
        return batch.taken()
    if not plan.learns:
        batch.fill()
        return batch.taken()
    batch.room = min(batch.room, learning_limit(study.n_trials))
    if batch.is_full or (is_slow and batch.trials):
        return batch.taken()
    if asked is None or not asked.fits(study, plan.digest) or not are_as_seen(tx, asked.waiting):
        return batch.taken(batch.need)
    n_stored = batch.store(asked.proposals)
    if asked.is_exhausted and n_stored == len(asked.proposals):
        _exhaust(tx, study, plan, asked.failure)
        return batch.taken()
    # All that was proposed may have ended right here.
    return batch.taken(None if batch.trials or batch.n_most <= 0 else batch.need)


def are_as_seen(tx: Tx, before: Sequence[TrialRecord], *, is_waiting: bool = False) -> bool:
    """Tell whether no trial's parameters were replaced since, and, if `is_waiting`, none was claimed or ended.

    A suggestion that saw parameters which are nowhere any more could not be computed again.
    """
    now = [trials.find_trial(tx.session, one.id) for one in before]
    return all(
        one is not None and one.seen == old.seen and (not is_waiting or (one.state, one.n_attempts) == (old.state, 0))
        for one, old in zip(now, before, strict=True)
    )


def learning_limit(n_trials: int | None) -> int:
    """Return how many trials of one claim a sampler that learns may leave running, given the study's budget."""
    return UNLIMITED_BATCH if n_trials is None else max(1, n_trials // LEARNING_SHARE)


class _Batch:
    """Trials of one structure, until its places are taken."""

    def __init__(self, tx: Tx, study: StudyRecord, plan: Plan, room: int, device: Room | None) -> None:
        self.room = room
        self._device = device
        self._n_refused = 0
        self._is_kept_free = False
        self.structure: Hashable = None
        self.trials: list[TrialRecord] = []
        self._tx = tx
        self._study = study
        self._plan = plan
        self._n_parked = 0
        self._n_stored = 0
        self._n_ended = 0

    @property
    def is_full(self) -> bool:
        return len(self.trials) >= self.room or self.is_short

    @property
    def is_short(self) -> bool:
        """Whether the device had no memory for what there is: then more proposals would only wait, too."""
        return self._n_refused > 0 and not self.trials

    @property
    def is_confirming(self) -> bool:
        """Whether its trials confirm others: no other kind joins them, for a worker treats these differently."""
        return bool(self.trials) and self.trials[0].confirms is not None

    @property
    def need(self) -> Need:
        """What to ask a sampler for that learns."""
        return Need(self._study.id, self.room - len(self.trials), self.structure)

    @property
    def n_most(self) -> int:
        """How many proposals may still be stored."""
        n_ahead = LOOK_AHEAD * self.room - self._n_parked - len(self.trials)
        if self._study.end_number is None:
            return n_ahead
        return min(n_ahead, self._study.end_number - self._study.next_number - self._n_stored)

    def taken(self, need: Need | None = None) -> Taken:
        """Return what came of it; a study whose sampler only repeats itself is exhausted now."""
        if self._n_ended and not self.trials and is_going_round(self._tx, self._study, SAME_AGAIN):
            reason = f"the last {SAME_AGAIN} suggestions all had parameters with a result"
            studies.update_study(self._tx.session, self._study.id, {"is_exhausted": True, "state_reason": reason})
            need = None
        if self.is_short:
            need = None
        # Fewer than would fit are promised less.
        admission = self._admit(self.trials[0], len(self.trials)) if self.trials else None
        return Taken(self.trials, need, has_news=self._n_ended > 0, admission=admission)

    def offer_waiting(self) -> None:
        """Take what waits and fits: what was promoted, then the rest, oldest first."""
        for trial in find_paused(self._tx, self._study).promotable:
            self._offer(trial)
        waiting = trials.list_ready(self._tx.session, self._study.id, LOOK_AHEAD * self.room)
        fresh = [one for one in waiting if one.n_attempts == 0 and self._may_reuse(one)]
        known = find_results(self._tx, self._study, [one.params for one in fresh])
        ids = {one.id for one in fresh}
        for trial in waiting:
            if trial.id not in ids or not self._end_known(trial, known):
                self._offer(trial)

    def _may_reuse(self, trial: TrialRecord) -> bool:
        is_wanted_again = trial.confirms is not None or trial.origin is not None
        return not is_wanted_again and may_come_twice(self._plan, self._study, trial.source)

    def fill(self) -> None:
        """Ask a sampler that does not learn, until the places are taken."""
        place = 0
        while not self.is_full and self.n_most > 0 and place < LOOK_AHEAD * self.room + EXTRA:
            n = min(self.room - len(self.trials), self.n_most)
            asked = propose_plainly(self._study, self._plan, place, n)
            self.store(asked.proposals)
            place += len(asked.proposals)
            if asked.is_exhausted:
                _exhaust(self._tx, self._study, self._plan, asked.failure)
                return

    def store(self, proposals: Sequence[Proposal]) -> int:
        """Store proposals as trials and take those that fit, until the places are taken. Returns how many it stored."""
        can_repeat = may_come_twice(self._plan, self._study)
        known = find_results(self._tx, self._study, [one.params for one in proposals] if can_repeat else ())
        for place, one in enumerate(proposals):
            if self.n_most <= 0 or (self._plan.learns and self.is_full):
                return place
            trial = insert_proposal(self._tx, self._study, one)
            self._n_stored += 1
            if one.refusal is not None:
                cancel_waiting(self._tx, trial, one.refusal)
                self._n_ended += 1
            elif not self._end_known(trial, known) and not self._offer(trial):
                announce_trial(self._tx, trial)
        return len(proposals)

    def _end_known(self, trial: TrialRecord, known: Mapping[str, TrialRecord]) -> bool:
        """End a trial whose parameters have a result. Returns whether it did."""
        result = known.get(params_key(trial.params)) if known else None
        is_ended = result is not None and reuse_result(self._tx, trial, result)
        self._n_ended += is_ended
        return is_ended

    def _offer(self, trial: TrialRecord) -> bool:
        """Take a trial that fits. Returns whether it does."""
        structure = self._plan.structure(trial.params)
        is_taken = self._open(trial, structure) if not self.trials else self._joins(trial, structure)
        if is_taken:
            self.trials.append(trial)
        else:
            self._n_parked += 1
        return is_taken

    def _open(self, trial: TrialRecord, structure: Hashable) -> bool:
        """Let a trial be the first, which sets what others must share, if the device has memory for it."""
        if self.room <= 0 or self._is_kept_free:
            return False
        found = self._admit(trial, self.room)
        if found is not None and not found.n_trials:
            self._n_refused += 1
            # Others that pass by would keep it waiting for ever.
            self._is_kept_free = trial.is_alone
            return False
        self.structure = structure
        most = self.room if found is None else found.n_trials
        self.room = min(self.room, 1 if trial.is_alone else most)
        return True

    def _joins(self, trial: TrialRecord, structure: Hashable) -> bool:
        is_same_kind = self.is_confirming == (trial.confirms is not None)
        return not self.is_full and is_same_kind and not trial.is_alone and structure == self.structure

    def _admit(self, trial: TrialRecord, n_max: int) -> Admission | None:
        if self._device is None:
            return None
        if trial.is_alone:
            return admit_alone(self._device)
        if is_script(self._study):  # what a command takes is not ours to measure, so that its slot is all that counts
            return Admission(n_max)
        return admit_structure(self._tx, self._device, self._study, self._plan.structure(trial.params), n_max)


def insert_proposal(tx: Tx, study: StudyRecord, proposal: Proposal) -> TrialRecord:
    """Store a proposal as a waiting trial. The caller holds the study's lock, and the number is the next one."""
    number, cell = studies.take_number(tx.session, study.id, is_cell=True)
    assert (number, cell) == (proposal.number, proposal.cell), "the study's lock was not held"
    values = {
        "study_id": study.id,
        "number": number,
        "cell": cell,
        "state": TrialState.WAITING,
        "source": "sampler",
        **proposal.columns,
    }
    return trials.insert_trial(tx.session, values)


def _exhaust(tx: Tx, study: StudyRecord, plan: Plan, failure: str) -> None:
    # A manual study waits for its owner; a sampler that has run out is done.
    if plan.n_cells != 0:
        reason = {"state_reason": f"the sampler has no more suggestions: {failure}"} if failure else {}
        studies.update_study(tx.session, study.id, {"is_exhausted": True, **reason})
