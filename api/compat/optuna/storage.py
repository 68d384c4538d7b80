"""Optuna's `BaseStorage` on our tables: `optuna.create_study(storage=TunewellStorage(url))`.

What a method has stored when it returns is committed: other processes see it at once, and a killed one loses nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from optuna.distributions import BaseDistribution, check_distribution_compatibility
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from api.compat.optuna.entries import Entry, make_entry, show_shape, show_value
from api.compat.optuna.freezing import copied, end_of, thaw
from api.compat.optuna.history import History
from api.compat.optuna.pending import Pending
from api.compat.optuna.study_storage import StudyStorage, open_database, translated
from db import optuna_reports, optuna_studies, optuna_trials
from db.engine import Database
from db.lifecycle import FINISHED_TRIALS
from db.optuna_history import find_change, find_study_of
from db.optuna_reports import Curve
from db.optuna_trials import Draft


class NativeStudyError(UpdateFinishedTrialError):
    """A study that Tunewell's own workers run is read here, and changed through Tunewell's API."""

    def __init__(self) -> None:
        super().__init__(
            "this study is run by Tunewell's workers: Optuna's tools read it, and its trials are added and stopped "
            "through Tunewell's API, SDK or command line"
        )


class TunewellStorage(StudyStorage):
    """Trials of both kinds of studies; only those of Optuna's studies can be written.

    Threads can share it. After a fork, a process makes its own; pickling it does just that.

    Args:
        database_url: SQLAlchemy URL of Tunewell's database. A SQLite file is made where there is none.
        database: The same, where it is open already; it stays open.
    """

    def __init__(self, database_url: str, *, database: Database | None = None) -> None:
        super().__init__(database or open_database(database_url), is_shared=database is not None)
        self._url = database_url
        self._finished: dict[int, FrozenTrial] = {}
        self._drafts: dict[int, Draft] = {}
        self._pending: dict[int, Pending] = {}

    def __reduce__(self) -> tuple[type[TunewellStorage], tuple[str]]:
        return TunewellStorage, (self._url,)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a running trial, or store `template_trial` as it is but for its number.

        Raises:
            KeyError: There is no such study.
            NativeStudyError: Our own workers run it.
        """
        if template_trial is not None:
            return self.add_trials(study_id, [template_trial])[0]
        with translated():
            made = optuna_trials.start_new_trial(self._link, study_id)
        if made is None:
            self._refuse_study(study_id)
        trial_id, number = made
        self._drafts[trial_id] = Draft(study_id, number, {}, ())
        return trial_id

    def add_trials(self, study_id: int, trials: Sequence[FrozenTrial]) -> list[int]:
        """Store trials as they are but for their numbers, all or none of them, and return their ids.

        Raises:
            KeyError: There is no such study.
            NativeStudyError: Our own workers run it.
        """
        history = self._history(study_id)
        new = [thaw(trial, history.metrics) for trial in trials]
        with translated(), self._link.bulk() as connection:
            ids = optuna_trials.insert_trials(connection, study_id, new)
            if ids is not None:
                curves = [(trial_id, one.points) for trial_id, one in zip(ids, new, strict=True) if one.points]
                optuna_reports.insert_curves(connection, history.metrics[0], curves)
        if ids is None:
            self._refuse_study(study_id)
        for trial in trials:
            self._note_shapes(history, trial.distributions)
        return ids

    def set_trial_param(
        self, trial_id: int, param_name: str, param_value_internal: float, distribution: BaseDistribution
    ) -> None:
        """Store a parameter of an open trial.

        Raises:
            KeyError: There is no such trial.
            UpdateFinishedTrialError: It has ended, or our own workers run it.
            ValueError: The study samples the parameter in another way.
        """
        draft = self._draft(trial_id)
        history = self._history(draft.study_id)
        self._check_distribution(history, trial_id, param_name, distribution)
        entry = make_entry(param_name, param_value_internal, distribution)
        shown = show_value(distribution.to_external_repr(param_value_internal))
        while not self._add_param(trial_id, draft, (param_name, shown), entry):
            draft = self._draft(trial_id)  # somebody else has added one meanwhile
        history.known.setdefault(param_name, distribution)
        self._note_shapes(history, {param_name: distribution})

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Sequence[float] | None = None) -> bool:
        """Move an open trial to another state. To RUNNING: of several who try, one gets True.

        Raises:
            KeyError: There is no such trial.
            UpdateFinishedTrialError: It has ended, or our own workers run it.
            ValueError: It waits and is told how it ended, or has more or fewer values than the study has objectives.
        """
        if state is TrialState.RUNNING:
            return self._start(trial_id)
        draft = self._draft(trial_id)
        ending = end_of(state, values, self._history(draft.study_id).metrics)
        pending = self._pending.pop(trial_id, None)
        if pending is not None:
            ending = replace(ending, rest=pending.take())
        with translated():
            is_moved = optuna_trials.end_trial(self._link, draft, trial_id, ending)
        self._drafts.pop(trial_id, None)
        if not is_moved:
            self._refuse(trial_id, f"a trial that waits does not become {state.name}: start it first")
        return True

    def set_trial_intermediate_value(self, trial_id: int, step: int, intermediate_value: float) -> None:
        """Store an intermediate value of an open trial, or replace the one at that step.

        Raises:
            KeyError: There is no such trial.
            UpdateFinishedTrialError: It has ended, or our own workers run it.
        """
        draft, value = self._draft(trial_id), float(intermediate_value)
        curve = Curve(draft.study_id, trial_id, self._history(draft.study_id).metrics[0])
        pending = self._pending.setdefault(trial_id, Pending(curve, draft.number))
        notice = pending.add(step, value, time.monotonic())
        with translated():
            point = (step, value, int(time.time() * 1000))
            is_stored = optuna_reports.store_value(self._link, curve, point, notice)
        if not is_stored:
            self._pending.pop(trial_id, None)
            self._refuse(trial_id)

    def set_trial_user_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store what a user notes about an open trial.

        Raises:
            KeyError: There is no such trial.
            UpdateFinishedTrialError: It has ended, or our own workers run it.
        """
        self._set_trial_attr(trial_id, key, value, is_system=False)

    def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
        """Store what Optuna notes about an open trial.

        Raises:
            KeyError: There is no such trial.
            UpdateFinishedTrialError: It has ended, or our own workers run it.
        """
        self._set_trial_attr(trial_id, key, value, is_system=True)

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """Return a trial as it is now.

        Raises:
            KeyError: There is no such trial.
        """
        finished = self._finished.get(trial_id)
        if finished is not None:
            return finished
        history = self._history(self._study_of(trial_id))
        with translated():
            found = find_change(self._link, trial_id, history.metrics[0])
        if found is None:
            raise KeyError(f"there is no trial with id {trial_id}")
        (trial,) = history.freezer.freeze(found)
        if trial.state.is_finished():
            self._finished[trial_id] = trial
        return trial

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study by number, those in one of `states` or all.

        Raises:
            KeyError: There is no such study.
        """
        trials = self._refreshed(study_id).list_trials(states)
        return [copied(trial) for trial in trials] if deepcopy else trials

    def _refreshed(self, study_id: int) -> History:
        history = self._history(study_id)
        with translated():
            is_there = history.refresh(self._link)
        if not is_there:
            self._histories.pop(study_id, None)
            raise KeyError(f"there is no study with id {study_id}")
        return history

    def _draft(self, trial_id: int) -> Draft:
        draft = self._drafts.get(trial_id)
        if draft is None:
            with translated():
                draft = optuna_trials.find_draft(self._link, trial_id)
            if draft is None:
                self._refuse(trial_id)
            self._drafts[trial_id] = draft
        return draft

    def _study_of(self, trial_id: int) -> int:
        draft = self._drafts.get(trial_id)
        if draft is not None:
            return draft.study_id
        with translated():
            study_id = find_study_of(self._link, trial_id)
        if study_id is None:
            raise KeyError(f"there is no trial with id {trial_id}")
        return study_id

    def _add_param(self, trial_id: int, draft: Draft, shown: tuple[str, Any], entry: Entry) -> bool:
        params, entries = dict([*draft.params.items(), shown]), (*draft.entries, entry)
        changed = Draft(draft.study_id, draft.number, params, entries)
        with translated():
            is_set = optuna_trials.set_params(self._link, trial_id, changed, len(draft.entries))
        if is_set:
            self._drafts[trial_id] = changed
        else:
            self._drafts.pop(trial_id, None)
        return is_set

    def _check_distribution(self, history: History, trial_id: int, name: str, new: BaseDistribution) -> None:
        if name not in history.known:
            self._refreshed(history.study.id)
        known = history.known.get(name, new)
        try:
            check_distribution_compatibility(known, new)
        except ValueError:
            self._drafts.pop(trial_id, None)
            self._draft(trial_id)  # raises where the trial has ended, which is what the caller is to hear first
            raise

    def _note_shapes(self, history: History, distributions: dict[str, BaseDistribution]) -> None:
        """Let the study's search space, as the API shows it, have the parameters that are sampled."""
        new = {name: one for name, one in distributions.items() if name not in history.shown}
        if not new:
            return
        shapes = {name: shape for name, one in new.items() if (shape := show_shape(name, one)) is not None}
        with translated():
            optuna_studies.add_shapes(self._link, history.study.id, shapes)
        history.shown |= new.keys()

    def _start(self, trial_id: int) -> bool:
        with translated():
            if optuna_trials.start_trial(self._link, trial_id):
                return True
            found = optuna_trials.find_state(self._link, trial_id)
        if found is None or found[1] or found[0] in FINISHED_TRIALS:
            self._refuse(trial_id)
        return False

    def _set_trial_attr(self, trial_id: int, key: str, value: Any, *, is_system: bool) -> None:
        text = json.dumps(value)
        with translated():
            is_set = optuna_studies.set_trial_attr(self._link, trial_id, key, text, is_system=is_system)
        if not is_set:
            self._refuse(trial_id)

    def _refuse_study(self, study_id: int) -> NoReturn:
        self._find_study(study_id)
        raise NativeStudyError

    def _refuse(self, trial_id: int, rule: str = "") -> NoReturn:
        with translated():
            found = optuna_trials.find_state(self._link, trial_id)
        if found is None:
            raise KeyError(f"there is no trial with id {trial_id}")
        state, is_native = found
        if is_native:
            raise NativeStudyError
        if state in FINISHED_TRIALS or not rule:
            raise UpdateFinishedTrialError(f"trial {trial_id} has ended ({state}) and does not change any more")
        raise ValueError(rule)
