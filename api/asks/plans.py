"""What a study's suggestions depend on, beside its trials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from api.schemas.base import ParamValue
from api.schemas.studies import StudySpec
from api.services.specs import check_combination, network_params, sampler_options, space_of
from db.records import StudyRecord
from models import catalogue
from search import samplers
from search.samplers import Sampler
from search.space import SearchSpace
from search.types import Direction

_ASKED = ("search_space", "constraints", "sampler", "objectives")


@dataclass(frozen=True, slots=True)
class Plan:
    """A study as its sampler sees it.

    Attributes:
        spec: The study's settings.
        space: What is searched.
        sampler: Proposes.
        digest: Of all settings that a suggestion depends on; a suggestion made under another one cannot be repeated.
        base: By flat parameter, what it is in a trial that has no value for it: what the study assumes or fixes, or the
            model's default. Lists without a value are left out.
        is_finite: Whether the space holds finitely many parameter sets, so that the same may well come twice.
        n_cells: How many trials the sampler can propose, each another one; None without an end, 0 for none at all.
    """

    spec: StudySpec
    space: SearchSpace
    sampler: Sampler
    digest: str
    base: Mapping[str, ParamValue]
    is_finite: bool
    n_cells: int | None

    @property
    def seed(self) -> int:
        """The study's seed."""
        assert self.spec.sampler.seed is not None
        return self.spec.sampler.seed

    @property
    def directions(self) -> tuple[Direction, ...]:
        """One an objective."""
        return tuple(objective.direction for objective in self.spec.objectives)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The objectives' names."""
        return tuple(objective.metric for objective in self.spec.objectives)

    @property
    def options(self) -> dict[str, object]:
        """The sampler's options."""
        return sampler_options(self.spec)

    @property
    def learns(self) -> bool:
        """Whether suggestions depend on other trials."""
        return self.sampler.learns

    @property
    def reuses(self) -> bool:
        """Whether a parameter set that was trained before takes the earlier result."""
        return self.spec.repeats.duplicates == "reuse"

    def complete(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return all hyperparameters of the network that a trial's parameters make, defaults and fixed ones too."""
        return network_params(self.spec, params)

    def fill(self, params: Mapping[str, ParamValue]) -> Mapping[str, ParamValue]:
        """Return a trial's parameters with what others of the space were for it, so that it is a point of the space.

        A trial from before a parameter was added has no value for it, but was trained with one.
        """
        lacking = {name: self.base[name] for name in self.space if name not in params and name in self.base}
        if not lacking:
            return params
        extra = {name: value for name, value in params.items() if name not in self.space}
        return {**self.space.active({**lacking, **params}), **extra}

    def fits(self, params: Mapping[str, ParamValue]) -> bool:
        """Tell whether a trial could have been proposed as it is, parameters that were added since left aside."""
        found = self.space.project(self.fill(params))
        return found is not None and params.keys() <= found.keys()

    def structure(self, params: Mapping[str, ParamValue]) -> Hashable:
        """Return what trials that train together have in common; those of scripts train alone, whatever they are."""
        if self.spec.code == "script":
            return None
        return catalogue.structure_key(catalogue.get_model(self.spec.model), self.complete(params))

    def refusal(self, params: Mapping[str, ParamValue]) -> str | None:
        """Return why parameters make no network together; None where they make one."""
        try:
            check_combination(self.spec, params)
        except catalogue.CatalogueError as error:
            return f"not trained: {error.message} {error.hint}".strip()
        return None


def plan_of(study: StudyRecord) -> Plan:
    """Return the plan of a study of our own; those of other tools have none."""
    return _plan(json.dumps(study.spec, sort_keys=True))


def plan_for(spec: StudySpec) -> Plan:
    """Return the plan of a study that is about to be stored."""
    return _plan(json.dumps(spec.model_dump(mode="json"), sort_keys=True))


@lru_cache(maxsize=256)
def _plan(text: str) -> Plan:
    # Reading and checking a study costs more than most suggestions, and a study rarely changes.
    shapes = json.loads(text)
    spec = StudySpec.model_validate(shapes)
    asked = json.dumps({key: shapes.get(key) for key in _ASKED}, sort_keys=True)
    space = space_of(spec)
    sampler = samplers.get_sampler(spec.sampler.name)
    return Plan(
        spec=spec,
        space=space,
        sampler=sampler,
        base=_base(spec, space),
        digest=hashlib.sha256(asked.encode()).hexdigest()[:16],
        is_finite=space.size() is not None,
        n_cells=sampler.n_cells(space),
    )


def _base(spec: StudySpec, space: SearchSpace) -> dict[str, ParamValue]:
    hyperparameters = {} if spec.code == "script" else catalogue.get_model(spec.model).hyperparameters
    defaults = {name: one.default for name, one in hyperparameters.items()}
    values = {**defaults, **spec.fixed, **spec.assumed}
    base = {name: values[name] for name in space if name in values}
    for group, one in space.lists:
        base.update(one.split(group, values.get(group)))
    return base
