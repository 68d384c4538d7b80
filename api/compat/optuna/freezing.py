"""From rows to Optuna's frozen trials and back.

Frozen trials are built directly: adding ten thousand to a study of Optuna's own takes seconds, this a few tenths.
Optuna's times are naive and local; ours are aware.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from api.compat.optuna.entries import make_entry, read_entries, show_value
from api.compat.optuna.spaces import covering
from db import lifecycle
from db.optuna_history import Changes, TrialRead
from db.optuna_trials import Ending, NewTrial
from db.types import decode_float, encode_float

_STATES = {state.name: state for state in TrialState}
_CONSTRAINTS = "constraints"  # the key under which Optuna's samplers look for them


class Freezer:
    """Turns rows of one study into frozen trials.

    Args:
        metrics: Names of the study's objectives, in their order.
        distributions: Of the parameters of our own studies; empty for Optuna's, whose trials carry them.
    """

    def __init__(self, metrics: Sequence[str], distributions: Mapping[str, BaseDistribution]) -> None:
        self._metrics = metrics
        self._distributions = distributions

    def freeze(self, changes: Changes) -> list[FrozenTrial]:
        """Return the trials of `changes`, in their order."""
        return [
            self._freeze(row, changes.attrs.get(row.id, ()), changes.points.get(row.id, {})) for row in changes.trials
        ]

    def _freeze(
        self, row: TrialRead, attrs: Sequence[tuple[bool, str, str]], points: Mapping[int, float]
    ) -> FrozenTrial:
        state, values = self._outcome(row)
        params, distributions = self._params(row)
        system = {key: json.loads(value) for is_system, key, value in attrs if is_system}
        if row.outcome_constraints is not None:
            system[_CONSTRAINTS] = [decode_float(value) for value in row.outcome_constraints]
        return FrozenTrial(
            number=row.number,
            state=state,
            value=None,
            values=values,
            datetime_start=_local(row.started_at),
            datetime_complete=_local(row.finished_at),
            params=params,
            distributions=distributions,
            user_attrs={key: json.loads(value) for is_system, key, value in attrs if not is_system},
            system_attrs=system,
            intermediate_values=dict(points),
            trial_id=row.id,
        )

    def _outcome(self, row: TrialRead) -> tuple[TrialState, list[float] | None]:
        state = _STATES[row.state]
        values = [decode_float(row.values[name]) for name in self._metrics if row.values.get(name) is not None]
        if len(values) < len(self._metrics) or state is TrialState.FAIL:
            values = []
        if state is TrialState.COMPLETE and (not values or any(math.isnan(value) for value in values)):
            return TrialState.FAIL, None  # what Optuna makes of a result that is no number
        return state, values or None

    def _params(self, row: TrialRead) -> tuple[dict[str, Any], dict[str, BaseDistribution]]:
        if row.distributions is not None:
            return read_entries(row.distributions)
        params = dict(row.params or {})
        return params, {name: covering(self._distributions.get(name), value) for name, value in params.items()}


def thaw(trial: FrozenTrial, metrics: Sequence[str]) -> NewTrial:
    """Return a frozen trial as it is stored.

    Args:
        trial: Any state. A time that its state calls for and that is missing is now, by this machine's clock.
        metrics: Names of the study's objectives, in their order.
    """
    ending = end_of(trial.state, trial.values, metrics)
    started_at, finished_at = trial.datetime_start, trial.datetime_complete
    if trial.state.is_finished() and finished_at is None:
        finished_at = datetime.now()  # noqa: DTZ005 - as naive and local as the times beside it
    columns = {
        "params": {name: show_value(value) for name, value in trial.params.items()},
        "distributions": [
            make_entry(name, distribution.to_internal_repr(trial.params[name]), distribution)
            for name, distribution in trial.distributions.items()
        ],
        "value": ending.value,
        "values": dict(ending.values),
        "started_at": _aware(started_at),
        "finished_at": _aware(finished_at) if trial.state.is_finished() else None,
    }
    attrs = [(is_system, key, json.dumps(value)) for is_system, some in _attrs(trial) for key, value in some.items()]
    return NewTrial(ending.state, columns, attrs, list(trial.intermediate_values.items()))


def end_of(state: TrialState, values: Sequence[float] | None, metrics: Sequence[str]) -> Ending:
    """Return a state and values of Optuna's as they are stored.

    Raises:
        ValueError: There are more or fewer values than objectives.
    """
    if values is not None and len(values) != len(metrics):
        raise ValueError(f"{len(values)} values were given; the study has {len(metrics)} objectives")
    numbers = [float(value) for value in values or ()]
    first = numbers[0] if numbers and math.isfinite(numbers[0]) else None
    shown = {name: encode_float(number) for name, number in zip(metrics, numbers, strict=bool(numbers))}
    return Ending(lifecycle.TrialState(state.name), first, shown)


def copied(trial: FrozenTrial) -> FrozenTrial:
    """Return a copy whose changes do not reach the original; distributions are shared, as nothing changes them."""
    return FrozenTrial(
        number=trial.number,
        state=trial.state,
        value=None,
        values=trial.values,
        datetime_start=trial.datetime_start,
        datetime_complete=trial.datetime_complete,
        params=dict(trial.params),
        distributions=dict(trial.distributions),
        user_attrs={key: _copied(value) for key, value in trial.user_attrs.items()},
        system_attrs={key: _copied(value) for key, value in trial.system_attrs.items()},
        intermediate_values=dict(trial.intermediate_values),
        trial_id=trial._trial_id,
    )


def _copied(value: Any) -> Any:
    # What came from JSON is one of these; copying it any other way costs several times as much.
    if isinstance(value, dict):
        return {key: _copied(one) for key, one in value.items()}
    return [_copied(one) for one in value] if isinstance(value, list) else value


def _attrs(trial: FrozenTrial) -> tuple[tuple[bool, Mapping[str, Any]], ...]:
    return (False, trial.user_attrs), (True, trial.system_attrs)


def _local(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone().replace(tzinfo=None)


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone()
