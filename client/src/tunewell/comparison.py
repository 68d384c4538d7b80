"""Trials of any studies beside each other, and in what they differ."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tunewell.environments import Environment
from tunewell.records import Objective, ParamValue, Trial


@dataclass(frozen=True, slots=True)
class ComparedStudy:
    """What the compared trials of one study have in common."""

    study_id: int
    name: str
    dataset: str | None = None
    model: str | None = None
    sampler: str = ""
    fixed: Mapping[str, ParamValue] = field(default_factory=dict)
    objectives: tuple[Objective, ...] = ()


@dataclass(frozen=True, slots=True)
class ComparedPlace:
    """A worker on which one of the trials ran last; `environment` is None where it did not say."""

    worker_id: int
    worker_name: str
    host: str
    worker_version: str = ""
    environment: Environment | None = None


@dataclass(frozen=True, slots=True)
class ComparedCurve:
    """One curve, down-sampled: minima, maxima and non-finite points survive. `steps` and `values` are equally long."""

    n_points: int
    steps: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class ComparedTrial:
    """One of the trials.

    Attributes:
        ref: As the server was asked for it, `STUDY:NUMBER`.
        trial: The whole of it.
        worker_id: Of its place; None before it ran, and where no worker of the server's ran it.
        curve: Of the comparison's metric; None where it has no point of it.
    """

    ref: str
    trial: Trial
    worker_id: int | None = None
    curve: ComparedCurve | None = None

    @property
    def name(self) -> str:
        """`STUDY/NUMBER`, as commands take it."""
        return f"{self.trial.study_name or self.trial.study_id}/{self.trial.number}"


@dataclass(frozen=True, slots=True)
class Compared:
    """One property of all trials.

    Attributes:
        name: Of the property.
        values: One a trial, in the comparison's order; None for one that lacks it.
        best: Places of the best of them; empty where none is, or nobody knows which way is better.
    """

    name: str
    values: tuple[ParamValue, ...]
    best: frozenset[int] = frozenset()

    @property
    def is_same(self) -> bool:
        """Whether all trials agree."""
        return len({_key(value) for value in self.values}) <= 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """Trials in the order in which they were asked for.

    Attributes:
        metric: Whose curves these are; None where no trial was found.
        metrics: Names of all metrics that one of the trials has.
        studies: Of the trials.
        places: Where they ran.
        trials: Those that were found.
        missing: Asked for, and not there (any more).
    """

    metric: str | None
    metrics: tuple[str, ...]
    studies: tuple[ComparedStudy, ...]
    places: tuple[ComparedPlace, ...]
    trials: tuple[ComparedTrial, ...]
    missing: tuple[str, ...] = ()

    def parameters(self) -> tuple[Compared, ...]:
        """Return in which hyperparameters, data set and network the trials differ; what a study fixed counts too."""
        studies = {study.study_id: study for study in self.studies}
        settings = [_settings(studies.get(one.trial.study_id), one.trial) for one in self.trials]
        return _differing(_rows(settings))

    def values(self) -> tuple[Compared, ...]:
        """Return the final values of all metrics, the objectives' first, with the best of each objective."""
        ways = {one.metric: one.direction for study in self.studies for one in study.objectives}
        found = {row.name: row for row in _rows([one.trial.values for one in self.trials])}
        names = [*(name for name in ways if name in found), *sorted(found.keys() - ways.keys())]
        return tuple(_with_best(found[name], ways.get(name)) for name in names)

    def environments(self) -> tuple[Compared, ...]:
        """Return in what the places differ at which the trials ran last: code, packages, machine."""
        places = {place.worker_id: place for place in self.places}
        found = [None if one.worker_id is None else places.get(one.worker_id) for one in self.trials]
        return _differing(_rows([{} if place is None else _facts(place) for place in found]))


def _settings(study: ComparedStudy | None, trial: Trial) -> dict[str, ParamValue]:
    common = {} if study is None else {"dataset": study.dataset, "model": study.model, **study.fixed}
    return {**common, **trial.params}


def _facts(place: ComparedPlace) -> dict[str, ParamValue]:
    found: dict[str, ParamValue] = {
        "worker": place.worker_name,
        "host": place.host,
        "worker_version": place.worker_version,
    }
    if (env := place.environment) is not None:
        found |= {"commit": env.commit, "is_dirty": env.is_dirty, "branch": env.branch, "command": env.command}
        found |= {"python": env.python, "torch": env.torch, "platform": env.platform, "cpu": env.cpu}
        found |= {"n_cpus": env.n_cpus, "memory_bytes": env.memory_bytes, "gpus": ", ".join(env.gpus)}
        found |= {f"package {name}": env.packages[name] for name in sorted(env.packages)}
    return found


def _rows(columns: Sequence[Mapping[str, ParamValue]]) -> tuple[Compared, ...]:
    names = dict.fromkeys(name for column in columns for name in column)
    return tuple(Compared(name, tuple(column.get(name) for column in columns)) for name in names)


def _differing(rows: Iterable[Compared]) -> tuple[Compared, ...]:
    return tuple(row for row in rows if not row.is_same)


def _with_best(row: Compared, direction: str | None) -> Compared:
    finite = [value for value in row.values if isinstance(value, (int, float)) and math.isfinite(value)]
    if direction is None or len(finite) < 2 or row.is_same:
        return row
    best = max(finite) if direction == "maximize" else min(finite)
    return Compared(row.name, row.values, frozenset(place for place, value in enumerate(row.values) if value == best))


def _key(value: ParamValue) -> str:
    # Python takes 1 for True and NaN for unlike itself; 64 and 64.0 are one number.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return repr(float(value)) if is_number and value is not None else json.dumps(value)
