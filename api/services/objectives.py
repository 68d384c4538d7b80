"""What a study's objectives ask of its other settings, and of a trial's result."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from api.errors import Invalid
from api.schemas.studies import OutcomeConstraint, StudySpec
from api.services.dataset_facts import dataset_of
from db.records import StudyRecord
from db.types import encode_float
from models import catalogue

MAX_OBJECTIVES = 4
_OF_ONE_VALUE = ("target", "patience", "confirm")  # what compares single values


def check_objectives(spec: StudySpec) -> None:
    """Refuse objectives that the model does not report, or that other settings cannot serve.

    Raises:
        Invalid: `too_many_objectives`, `objective_twice`, `objective_not_measured` or `needs_one_objective`.
        CatalogueError: `unknown_metric`.
    """
    if len(spec.objectives) > MAX_OBJECTIVES:
        raise Invalid(
            "too_many_objectives",
            f"{len(spec.objectives)} objectives were given: a study optimises one to {MAX_OBJECTIVES}",
            "objectives",
            "keep those that decide; the other metrics are recorded anyway",
        )
    _check_each(spec)
    if len(spec.objectives) > 1:
        check_limits(spec.objectives, spec.budget.model_dump())
        if spec.repeats.racing:
            raise _needs_one("racing compares repeats with the best trial", "repeats.racing", 'set "racing" to false')


def check_limits(objectives: Any, limits: Mapping[str, Any]) -> None:
    """Refuse limits that only a study of one objective has.

    Args:
        objectives: The study's.
        limits: Those that are given, by name.

    Raises:
        Invalid: `needs_one_objective`.
    """
    for name in _OF_ONE_VALUE if len(objectives) > 1 else ():
        if limits.get(name) is not None:
            raise _needs_one(f"{name} compares single values", f"budget.{name}", "leave it out, or keep one objective")


def check_outcome_constraints(spec: StudySpec) -> None:
    """Refuse constraints on outcomes that no trial will have, or without a limit.

    Raises:
        Invalid: `one_limit` or `constraint_not_measured`.
        CatalogueError: `unknown_metric`.
    """
    for place, one in enumerate(spec.outcome_constraints):
        field = f"outcome_constraints.{place}"
        _check_limit(one, field)
        if spec.code == "script":
            continue
        info = catalogue.get_outcome(spec.model, dataset_of(spec), one.metric, field=f"{field}.metric")
        if one.metric != spec.objectives[0].metric and not _is_known_of_all(info) and _is_of_members(spec):
            message = f"{one.metric!r} is measured of one finished network, and a trial trains several here"
            hint = "constrain a metric that is reported after every epoch, or train once on the holdout"
            raise Invalid("constraint_not_measured", message, f"{field}.metric", hint)


def outcomes_of(study: StudyRecord) -> tuple[str, ...]:
    """Return the names of all metrics that a finished trial is judged by: objectives, then what is constrained."""
    constrained = (one["metric"] for one in study.spec.get("outcome_constraints", ()))
    return tuple(dict.fromkeys([*metrics_of(study), *constrained]))


def violations_of(constraints: Sequence[Mapping[str, Any]], values: Mapping[str, float]) -> list[float | str] | None:
    """Return by how much an outcome breaks each of a study's constraints, as `TrialRow` keeps it; None without any.

    At most 0 where the constraint holds. Relative to the limit (to 1 where that is 0), so that samplers may add up
    those of metrics with different units; infinite for a metric that is missing or not finite.
    """
    return [encode_float(_violation(one, values.get(one["metric"]))) for one in constraints] or None


def _violation(constraint: Mapping[str, Any], value: float | None) -> float:
    if value is None or not math.isfinite(value):
        return math.inf
    at_most = constraint["at_most"]
    limit = constraint["at_least"] if at_most is None else at_most
    excess = limit - value if at_most is None else value - limit
    return float(excess / abs(limit) if limit else excess)


def metrics_of(study: StudyRecord) -> tuple[str, ...]:
    """Return the names of the metrics that a study optimises, in its order."""
    return tuple(objective["metric"] for objective in study.spec["objectives"])


def no_value(metric: str, value: float | None) -> str:
    """Say why a trial without a finite value of an objective has no result."""
    return f"the objective {metric} " + ("was never reported" if value is None else f"is {encode_float(value)}")


def _check_each(spec: StudySpec) -> None:
    names: set[str] = set()
    for place, objective in enumerate(spec.objectives):
        field = f"objectives.{place}.metric"
        info = catalogue.get_outcome(spec.model, dataset_of(spec), objective.metric, field=field)
        if info in catalogue.COST_METRICS and not place:
            message = f"{info.name!r} is known when a network is finished, and the first objective chooses its epoch"
            raise Invalid("cost_first", message, field, "put what the network learns first, such as val_loss")
        if objective.metric in names:
            message = f"{objective.metric!r} stands among the objectives twice"
            raise Invalid("objective_twice", message, field, "name each metric once")
        names.add(objective.metric)
        # The first one is measured after every epoch, whatever it is, because it chooses the epoch whose weights stay.
        if place and not _is_known_of_all(info) and _is_of_members(spec):
            raise Invalid(
                "objective_not_measured",
                f"{objective.metric!r} is measured of one finished network, and a trial trains several here",
                field,
                "put it first, choose a metric that is reported after every epoch, or train once on the holdout",
            )


def _check_limit(constraint: OutcomeConstraint, field: str) -> None:
    if (constraint.at_most is None) != (constraint.at_least is None):
        return
    is_bare = constraint.at_most is None
    both = "neither at_most nor at_least" if is_bare else "both at_most and at_least"
    hint = 'such as {"at_most": 100000}' if is_bare else "a range is two constraints"
    raise Invalid("one_limit", f"the constraint on {constraint.metric!r} has {both}: give one", field, hint)


def _is_known_of_all(info: catalogue.MetricInfo) -> bool:
    """Tell whether a metric is known also of a trial that trains several networks."""
    return info.is_per_epoch or info in catalogue.COST_METRICS


def _is_of_members(spec: StudySpec) -> bool:
    return spec.evaluation.method == "k_fold" or (spec.repeats.n > 1 and spec.repeats.choose != "best")


def _needs_one(why: str, field: str, hint: str) -> Invalid:
    return Invalid("needs_one_objective", f"{why}, and the study has several objectives", field, hint)
