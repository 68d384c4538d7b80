"""The trials of one study as Optuna's, kept up to date with what has changed since."""

from __future__ import annotations

import gc
import threading
from collections.abc import Container, Iterator
from contextlib import contextmanager, nullcontext

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from api.compat.optuna.freezing import Freezer
from api.compat.optuna.spaces import distributions_of
from db.optuna_history import Seen, find_change, list_changes
from db.optuna_link import Link
from db.optuna_studies import OptunaStudy

_OPEN = frozenset({TrialState.WAITING, TrialState.RUNNING})


class History:
    """A study and its trials. `refresh` reads; the other methods answer from what was read.

    Args:
        study: The study. Its objectives never change; a search space that is edited counts for what is read later.
    """

    def __init__(self, study: OptunaStudy) -> None:
        self.study = study
        self.metrics = [objective["metric"] for objective in study.spec["objectives"]]
        self.known: dict[str, BaseDistribution] = {}  # of each parameter of Optuna's, the first that was seen
        self.shown = set(study.spec["search_space"])  # the parameters that the API shows
        self.freezer = Freezer(self.metrics, {} if study.kind == "optuna" else distributions_of(study.spec))
        self._trials: dict[int, FrozenTrial] = {}
        self._open: dict[int, FrozenTrial] = {}
        self._rev = self._last_id = -1
        self._lock = threading.Lock()

    def refresh(self, link: Link) -> bool:
        """Read what has changed. Returns False where the study is no longer there."""
        with self._lock, nullcontext() if self._trials else _without_collector():
            seen = Seen(self.study.id, self.metrics[0], self._rev, self._last_id)
            changes = list_changes(link, seen)
            if changes is None:
                return False
            expected = {one._trial_id for one in self._open.values() if self._is_read_again(one)}
            self._keep(self.freezer.freeze(changes))
            self._rev = max([self._rev, *(row.finished_rev or -1 for row in changes.trials)])
            # A trial that ran and was handed back to wait is neither among the new nor among the running ones.
            for trial_id in expected - {row.id for row in changes.trials}:
                found = find_change(link, trial_id, self.metrics[0])
                self._keep(self.freezer.freeze(found) if found else [])
            return True

    def list_trials(self, states: Container[TrialState] | None) -> list[FrozenTrial]:
        """Return the trials in one of `states`, or all, by number."""
        with self._lock:
            if states is None:
                return list(self._trials.values())
            is_open_only = not any(state in states for state in TrialState if state not in _OPEN)
            among = [self._open[number] for number in sorted(self._open)] if is_open_only else self._trials.values()
            return [trial for trial in among if trial.state in states]

    def _is_read_again(self, trial: FrozenTrial) -> bool:
        return trial.state is TrialState.RUNNING or self.study.kind == "native"

    def _keep(self, trials: list[FrozenTrial]) -> None:
        # New trials have higher numbers than all before, and what a dict has keeps its place: it stays sorted.
        for trial in trials:
            self._trials[trial.number] = trial
            self._last_id = max(self._last_id, trial._trial_id)
            if trial.state in _OPEN:
                self._open[trial.number] = trial
            else:
                self._open.pop(trial.number, None)
            for name, distribution in trial.distributions.items():
                self.known.setdefault(name, distribution)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Keep Python's cycle collector away while a long study is read: it would take a third of the time, in vain.

    It looks at all new objects again and again, and none of them is garbage.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
