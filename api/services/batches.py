"""Which trials of a study one claim hands out: those that can train together, as lanes of one program.

Trials of equal structure (`models.catalogue.structure_key`) differ in numbers alone. The first trial of a claim sets
the structure; a trial of another one stays WAITING with its number and its parameters, and is claimed next, oldest
first.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from api.schemas.studies import StudySpec
from api.services.settle import announce_trial, cancel_waiting
from api.services.specs import check_combination, sampler_options
from api.services.views import objective_of, spec_of
from api.transaction import Tx
from db import metrics, studies, trials
from db.lifecycle import OPEN_TRIALS, TrialState
from db.records import StudyRecord, TrialRecord
from models import catalogue
from search import samplers
from search.space import parse_space
from search.types import PastTrial, Suggestion, SuggestRequest

# How many trials may wait for each place of a claim. Grid and random search lose nothing by proposing early, and the
# further they look, the fuller the batches; but every trial that waits is a row that a stop of the study must cancel.
LOOK_AHEAD = 4
# A sampler that learns sees nothing of a batch until it ends. With an eighth of the budget in each it is still asked at
# least eight times with new results; half the budget in one batch would be random search.
LEARNING_SHARE = 8
# The same for a study without a budget: as many lanes as pay on a CPU.
UNLIMITED_BATCH = 16


def take_batch(tx: Tx, study: StudyRecord, n_max: int) -> list[TrialRecord]:
    """Return at most `n_max` waiting trials of one structure, suggesting what is missing. The caller starts them.

    Effects:
        Stores suggested trials, also some that are not returned, and fails those that make no network; marks the study
        as exhausted where its sampler is.
    """
    n_running = studies.count_trials(tx.session, [study.id])[study.id].get(TrialState.RUNNING, 0)
    room = min(n_max, study.max_parallel - n_running)
    if room <= 0:
        return []
    batch = _Batch(spec_of(study), room)
    waiting = trials.list_waiting(tx.session, study.id, LOOK_AHEAD * room)
    n_parked = sum(not batch.offer(trial) for trial in waiting)
    if not (batch.is_full or study.is_exhausted):
        _suggest(tx, study, batch, n_parked)
    return batch.trials


def past_trials(tx: Tx, study: StudyRecord) -> list[PastTrial]:
    """Return a study's trials as samplers see them: of pruned ones the curve as well, which is all they achieved.

    A trial that waits counts as running: its parameters are chosen, and must not be chosen again.
    """
    curves = metrics.list_intermediate(tx.session, study.id, objective_of(study), state=TrialState.PRUNED)
    return [as_past(trial, curves.get(trial.id, {})) for trial in trials.list_history(tx.session, study.id)]


def as_past(trial: TrialRecord, intermediate: Mapping[int, float]) -> PastTrial:
    """Return a stored trial as samplers and pruners see it, with as much of its curve as they need."""
    return PastTrial(
        number=trial.number,
        state="RUNNING" if trial.state in OPEN_TRIALS else trial.state.value,
        params=trial.params,
        values=None if trial.value is None else (trial.value,),
        intermediate=intermediate,
    )


def learning_limit(n_trials: int | None) -> int:
    """Return how many trials of one claim a sampler that learns may leave running, given the study's budget."""
    return UNLIMITED_BATCH if n_trials is None else max(1, n_trials // LEARNING_SHARE)


class _Batch:
    """Trials of one structure, until its places are taken."""

    def __init__(self, spec: StudySpec, room: int) -> None:
        self.spec = spec
        self.room = room
        self.trials: list[TrialRecord] = []
        self._model = catalogue.get_model(spec.model)
        self._key: Hashable = None

    @property
    def is_full(self) -> bool:
        return len(self.trials) >= self.room

    def offer(self, trial: TrialRecord) -> bool:
        """Take a trial that fits. Returns whether it does."""
        params = catalogue.complete_params(self._model, {**self.spec.fixed, **trial.params})
        key = catalogue.structure_key(self._model, params)
        if not self.trials:
            self._key = key
        if self.is_full or key != self._key:
            return False
        self.trials.append(trial)
        return True


def _suggest(tx: Tx, study: StudyRecord, batch: _Batch, n_parked: int) -> None:
    sampler = samplers.get_sampler(batch.spec.sampler.name)
    n_most = LOOK_AHEAD * batch.room - n_parked
    history: list[PastTrial] = []
    if sampler.learns:
        batch.room = min(batch.room, learning_limit(study.n_trials))
        history = [] if batch.is_full else past_trials(tx, study)
    if study.n_trials is not None:
        n_most = min(n_most, study.n_trials - study.next_number)
    for place in range(n_most):
        if batch.is_full:
            return
        request = _request(study, batch.spec, place, history)
        suggestion = sampler.suggest(request)
        if suggestion is None:
            # A manual study waits for its owner; a sampler that has run out is done.
            if sampler.n_cells(request.space) != 0:
                studies.update_study(tx.session, study.id, {"is_exhausted": True})
            return
        trial = _store(tx, study, suggestion, history if sampler.learns else None)
        if _refuse(tx, batch.spec, trial):
            continue
        if not batch.offer(trial):
            announce_trial(tx, trial)
            if sampler.learns:
                return  # with what this batch will have shown, the next suggestion is a better one
        history = [*history, as_past(trial, {})] if sampler.learns else history


def _refuse(tx: Tx, spec: StudySpec, trial: TrialRecord) -> bool:
    """Fail a trial whose parameters make no network together. Returns whether it did."""
    try:
        check_combination(spec, trial.params)
    except catalogue.CatalogueError as error:
        return cancel_waiting(tx, trial, f"not trained: {error.message} {error.hint}".strip())
    return False


def _request(study: StudyRecord, spec: StudySpec, place: int, history: Sequence[PastTrial]) -> SuggestRequest:
    assert spec.sampler.seed is not None
    return SuggestRequest(
        space=parse_space(spec.search_space),
        directions=tuple(objective.direction for objective in spec.objectives),
        seed=spec.sampler.seed,
        number=study.next_number + place,
        cell=study.next_cell + place,
        history=history,
        options=sampler_options(spec),
    )


def _store(tx: Tx, study: StudyRecord, suggestion: Suggestion, history: Sequence[PastTrial] | None) -> TrialRecord:
    number, cell = studies.take_number(tx.session, study.id, is_cell=True)
    seen = None
    if history is not None:
        seen = {"rev": study.rev, "running": [past.number for past in history if past.state == "RUNNING"]}
    values = {
        "study_id": study.id,
        "number": number,
        "cell": cell,
        "state": TrialState.WAITING,
        "source": "sampler",
        "params": dict(suggestion.params),
        "note": suggestion.note,
        "seen": seen,
    }
    return trials.insert_trial(tx.session, values)
