"""Shows Optuna the trials a sampler has seen, without copying them through a storage.

Optuna's samplers read trials from a study. Adding 10,000 trials to one takes seconds; this module builds the frozen
trials directly and lends them to a study that only reads.
"""

from __future__ import annotations

import math
from collections.abc import Container, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from search.parameters import CategoricalParameter, IntParameter, Parameter
from search.space import SearchSpace
from search.types import Direction, PastTrial

_STATES = {
    "COMPLETE": TrialState.COMPLETE,
    "FAIL": TrialState.COMPLETE,
    "PRUNED": TrialState.PRUNED,
    "RUNNING": TrialState.RUNNING,
}


def to_optuna(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Return the space as Optuna's distributions, ordered by name."""
    return {name: _distribution(parameter) for name, parameter in space.parameters}


def _distribution(parameter: Parameter) -> BaseDistribution:
    if isinstance(parameter, CategoricalParameter):
        return CategoricalDistribution(parameter.choices)
    if isinstance(parameter, IntParameter):
        return IntDistribution(parameter.low, parameter.last, log=parameter.log, step=parameter.step)
    distribution = FloatDistribution(parameter.low, parameter.last, log=parameter.log)
    # Set afterwards: given a step, the constructor moves a `high` whose rounding left it an ulp off the lattice, and
    # so may lose the last point.
    distribution.step = parameter.step
    return distribution


def to_frozen_trials(
    space: SearchSpace, directions: tuple[Direction, ...], history: Sequence[PastTrial], number: int
) -> list[FrozenTrial]:
    """Return the trials of `history` that count, as Optuna's, ordered by number.

    FAIL trials become complete ones of the worst value, so that what failed is not proposed again; with constraints on
    outcomes it breaks them too.

    Args:
        space: Trials with an active parameter missing or outside are left out; parameters it does not have are dropped.
        directions: One an objective; trials with another number of values are left out.
        history: Any order. WAITING trials are left out; with several objectives PRUNED ones too.
        number: Of the trial that is asked for; left out.
    """
    distributions = to_optuna(space)
    n_constraints = max((len(trial.constraints) for trial in history), default=0)
    frozen = (
        _freeze(trial, space, directions, distributions, n_constraints)
        for trial in sorted(history, key=lambda trial: trial.number)
        if trial.number != number
    )
    return [trial for trial in frozen if trial is not None]


def _freeze(
    trial: PastTrial,
    space: SearchSpace,
    directions: tuple[Direction, ...],
    distributions: dict[str, BaseDistribution],
    n_constraints: int,
) -> FrozenTrial | None:
    state = _STATES.get(trial.state)
    if state is None or (state is TrialState.PRUNED and len(directions) > 1):
        return None
    values = _values(trial, directions)
    if state is TrialState.COMPLETE and values is None:
        return None
    params = space.project(trial.params)
    if params is None:
        return None
    if space.is_conditional:
        distributions = {name: distributions[name] for name in params}
    last_step = max(trial.intermediate, default=None)
    return FrozenTrial(
        number=trial.number, state=state, value=None, values=values, params=params, distributions=distributions,
        intermediate_values={} if last_step is None else {last_step: trial.intermediate[last_step]},
        datetime_start=None, datetime_complete=None, user_attrs={}, trial_id=trial.number,
        system_attrs=_constraints(trial, n_constraints) if state is TrialState.COMPLETE else {},
    )  # fmt: skip


def _values(trial: PastTrial, directions: tuple[Direction, ...]) -> list[float] | None:
    if trial.state == "FAIL":
        return [_rank(math.nan, direction) for direction in directions]
    if trial.state != "COMPLETE" or trial.values is None or len(trial.values) != len(directions):
        return None
    return [_rank(value, direction) for value, direction in zip(trial.values, directions, strict=True)]


def _constraints(trial: PastTrial, n_constraints: int) -> dict[str, object]:
    """Return the attribute in which Optuna keeps constraints; what is not known counts as broken."""
    if not n_constraints:
        return {}
    known = trial.constraints if len(trial.constraints) == n_constraints else (math.inf,) * n_constraints
    return {"constraints": known}


def _rank(value: float, direction: Direction) -> float:
    """Put NaN behind every number: Optuna would forget such a trial, and propose its like again."""
    if not math.isnan(value):
        return value
    return math.inf if direction == "minimize" else -math.inf


class _SeenTrials(optuna.storages.InMemoryStorage):
    """Lends a list of trials to one study and keeps nothing."""

    def __init__(self, directions: tuple[Direction, ...], trials: list[FrozenTrial]) -> None:
        super().__init__()
        self._seen_directions = [StudyDirection[direction.upper()] for direction in directions]
        self._seen_trials = trials

    def get_study_id_from_name(self, study_name: str) -> int:
        return 0

    def get_study_directions(self, study_id: int) -> list[StudyDirection]:
        return self._seen_directions

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        return [trial for trial in self._seen_trials if states is None or trial.state in states]

    def get_study_system_attrs(self, study_id: int) -> dict[str, object]:
        return {}

    def set_study_system_attr(self, study_id: int, key: str, value: object) -> None:
        """Drop it: what a sampler would remember is computed from the trials."""

    def set_trial_system_attr(self, trial_id: int, key: str, value: object) -> None:
        """Drop it: parameters of running trials reach the next ask through their rows."""


def open_study(directions: tuple[Direction, ...], trials: list[FrozenTrial], sampler: BaseSampler) -> optuna.Study:
    """Return a study that reads `trials` and stores nothing; `sampler` is to be asked with it, not the study."""
    storage = _SeenTrials(directions, trials)
    return optuna.Study(study_name="seen", storage=storage, sampler=sampler, pruner=optuna.pruners.NopPruner())
