"""Whether a study can be run: every rule, checked before anything is stored."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from api.errors import Invalid
from api.schemas.base import ParamValue
from api.schemas.studies import StudyCreate, StudySpec
from api.services.dataset_facts import dataset_of
from api.services.objectives import check_limits, check_objectives, check_outcome_constraints
from api.services.scripts import (
    check_command,
    check_no_program,
    check_objectives_of_script,
    check_script,
    fixed_params,
    queue_of,
)
from models import catalogue
from search import pruners, samplers
from search.errors import SearchError
from search.parameters.lists import SEPARATOR
from search.samplers.random import check_satisfiable
from search.space import SearchSpace, parse_space

_DEFAULT_FOLDS = 5
_RACING_NEEDS = 3  # with two repeats there is nothing left to save once both have run
_SPEC_FIELDS = frozenset(StudySpec.model_fields)
_COUNTED = frozenset({"grid", "manual"})  # samplers that draw nothing, so that constraints may be as tight as one likes


@contextmanager
def refusals() -> Iterator[None]:
    """Turn the refusals of `search` and `models.catalogue` into the API's own."""
    try:
        yield
    except (SearchError, catalogue.CatalogueError) as error:
        raise Invalid(error.code, error.message, error.field, error.hint) from error


def complete_spec(body: StudyCreate) -> StudySpec:
    """Return what is to be stored: the study as asked for, with every default and the seed filled in.

    Raises:
        Invalid: Whatever rule the study breaks; see the refusals of `search` and `models.catalogue`.
    """
    with refusals():
        is_script = body.code == "script"
        (check_script if is_script else _check_model)(body)
        space = parse_space(_given_space(body), constraints=body.constraints)
        spec = StudySpec.model_validate({**_given(body), "search_space": space.to_json()})
        if is_script:
            spec.resources.queue = queue_of(body.resources, has_command=body.command is not None)
        (_check_script_spec if is_script else _check_network_spec)(spec)
        sampler = _complete_sampler(spec)
        pruner = _complete_pruner(spec)
        evaluation = _complete_evaluation(spec)
        _check_repeats(spec)
        budget = _complete_budget(body, spec)
        samplers.get_sampler(spec.sampler.name).check(space, budget["n_trials"])
        if spec.sampler.name not in _COUNTED:
            check_satisfiable(space)
    update = {"sampler": sampler, "pruner": pruner, "budget": budget, "evaluation": evaluation}
    return StudySpec.model_validate({**spec.model_dump(), **update})


def _check_network_spec(spec: StudySpec) -> None:
    catalogue.check_space(catalogue.get_model(spec.model), spec.search_space, field="search_space")
    _check_names(spec)
    _check_combinations(spec)
    check_objectives(spec)
    check_outcome_constraints(spec)


def _check_script_spec(spec: StudySpec) -> None:
    _check_names(spec)
    check_objectives_of_script(spec)
    check_command(spec)
    check_outcome_constraints(spec)
    if len(spec.objectives) > 1:
        check_limits(spec.objectives, spec.budget.model_dump())


def space_of(spec: StudySpec) -> SearchSpace:
    """Return a study's search space with its constraints."""
    return _read_space(json.dumps([spec.search_space, spec.constraints]))


@lru_cache(maxsize=128)
def _read_space(text: str) -> SearchSpace:
    # Reading a space costs more than most of what is asked of it, and a study's rarely changes.
    shapes, constraints = json.loads(text)
    return parse_space(shapes, constraints=constraints)


def network_params(spec: StudySpec, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
    """Return all hyperparameters of the network that a trial's parameters make, defaults and fixed ones too.

    Args:
        spec: The study.
        params: The trial's, as stored: flat and active.

    Raises:
        CatalogueError: What `catalogue.complete_params` raises.
    """
    if spec.code == "script":
        return fixed_params(spec, params)
    return dict(catalogue.complete_params(catalogue.get_model(spec.model), _given_values(spec, params)))


def _given_values(spec: StudySpec, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
    """Return what is set of the network: by the study, and by a trial, also one from before the space was changed."""
    return {**spec.assumed, **spec.fixed, **join_lists(params)}


def join_lists(params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
    """Return a trial's parameters with each list as its text, whether or not the space still has the list."""
    whole = {name: value for name, value in params.items() if "." not in name}
    for name, length in params.items():
        group, _, part = name.rpartition(".")
        if part == "length" and isinstance(length, int):
            whole[group] = SEPARATOR.join(str(params[f"{group}.{place}"]) for place in range(1, length + 1))
    return dict(sorted(whole.items()))


def check_params(spec: StudySpec, params: Mapping[str, ParamValue]) -> None:
    """Refuse parameters that do not fit the study's space, or make no network together with what the study fixes.

    Raises:
        Invalid: With the parameter's name in `field`.
    """
    with refusals():
        space_of(spec).check(params, under="params")
        check_combination(spec, params)


def check_combination(spec: StudySpec, params: Mapping[str, ParamValue]) -> None:
    """Refuse parameters, each inside the space, that make no network together with what the study fixes.

    Raises:
        CatalogueError: `impossible_combination`.
    """
    if spec.code == "script":
        return
    catalogue.check_combination(catalogue.get_model(spec.model), _given_values(spec, params), dataset_of(spec))


def n_grid_cells(spec: StudySpec) -> int | None:
    """Return the size of the study's grid; None for samplers without one."""
    if spec.sampler.name != "grid":
        return None
    return samplers.get_sampler("grid").n_cells(space_of(spec))


def sampler_options(spec: StudySpec) -> dict[str, Any]:
    """Return the sampler's options, without its name and seed."""
    return {key: value for key, value in spec.sampler.model_dump().items() if key not in {"name", "seed"}}


def _given(body: StudyCreate) -> dict[str, Any]:
    return {key: value for key, value in body.model_dump().items() if key in _SPEC_FIELDS}


def _check_model(body: StudyCreate) -> None:
    check_no_program(body)
    model = catalogue.get_model(body.model)
    catalogue.metrics_for(body.model, dataset_of(body))
    catalogue.check_params(model, body.fixed, field="fixed")
    catalogue.check_params(model, body.assumed, field="assumed")
    # Names first: a misspelt parameter deserves its suggestion even where its range is wrong as well.
    for name in body.search_space if body.search_space != "default" else ():
        if name not in model.hyperparameters:
            raise catalogue.unknown_name("parameter", name, model.hyperparameters, f"search_space.{name}")


def _given_space(body: StudyCreate) -> Mapping[str, Any]:
    """Return the space asked for; the text "default" is what the model suggests for the data and the fixed values."""
    if body.search_space != "default":
        return body.search_space
    fixed = {name: value for name, value in body.fixed.items() if value is not None}
    return catalogue.suggest_space(catalogue.get_model(body.model), dataset_of(body), fixed)


def _check_names(spec: StudySpec) -> None:
    both = sorted(set(spec.fixed) & set(spec.search_space))
    if both:
        raise Invalid(
            "parameter_twice",
            f"{both[0]!r} stands in both fixed and search_space",
            f"fixed.{both[0]}",
            "keep it in one of the two",
        )
    needless = sorted(set(spec.assumed) - set(spec.search_space))
    if needless:
        raise Invalid(
            "assumed_unsearched",
            f"{needless[0]!r} stands in assumed, but not in search_space",
            f"assumed.{needless[0]}",
            "what all trials have in common belongs in fixed",
        )


def _check_combinations(spec: StudySpec) -> None:
    model = catalogue.get_model(spec.model)
    catalogue.check_space_combinations(model, spec.fixed, spec.search_space, dataset_of(spec))


def _complete_sampler(spec: StudySpec) -> dict[str, Any]:
    given = spec.sampler.model_dump(exclude={"name"})
    options = samplers.check_options(spec.sampler.name, given)
    seed = options["seed"] if options["seed"] is not None else secrets.randbelow(2**31)
    return {"name": spec.sampler.name, **options, "seed": seed}


def _complete_pruner(spec: StudySpec) -> dict[str, Any]:
    options = pruners.check_options(spec.pruner.name, spec.pruner.model_dump(exclude={"name"}))
    pruners.get_pruner(spec.pruner.name).check(tuple(objective.direction for objective in spec.objectives))
    return {"name": spec.pruner.name, **options}


def _complete_evaluation(spec: StudySpec) -> dict[str, Any]:
    method, folds = spec.evaluation.method, spec.evaluation.folds
    if method == "holdout":
        if folds is not None:
            raise Invalid(
                "folds_unused",
                f"folds is {folds}, but the method is holdout, which has none",
                "evaluation.folds",
                'leave folds out, or set "method" to "k_fold"',
            )
        return {"method": method, "folds": None}
    n_folds = folds or _DEFAULT_FOLDS
    catalogue.check_folds(dataset_of(spec), n_folds)
    return {"method": method, "folds": n_folds}


def _check_repeats(spec: StudySpec) -> None:
    if spec.repeats.racing and spec.repeats.n < _RACING_NEEDS:
        raise Invalid(
            "too_few_repeats",
            f"racing compares repeats, and n is {spec.repeats.n}: it needs at least {_RACING_NEEDS}",
            "repeats.n",
            f'set "n" to {_RACING_NEEDS} or more, or "racing" to false',
        )


def _complete_budget(body: StudyCreate, spec: StudySpec) -> dict[str, Any]:
    budget = spec.budget.model_dump()
    # A grid ends by itself, a manual study when its owner says so: only samplers without an end get a default.
    if "n_trials" not in body.budget.model_fields_set and spec.sampler.name in {"grid", "manual"}:
        budget["n_trials"] = None
    return budget
