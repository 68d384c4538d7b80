"""What a study's objectives ask of its other settings, and of a trial's result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from api.errors import Invalid
from api.schemas.studies import StudySpec
from db.records import StudyRecord
from db.types import encode_float
from models import catalogue

MAX_OBJECTIVES = 4
_OF_ONE_VALUE = ("target", "patience")  # limits that compare single values


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
        info = catalogue.get_metric(spec.model, spec.dataset, objective.metric, field=field)
        if objective.metric in names:
            message = f"{objective.metric!r} stands among the objectives twice"
            raise Invalid("objective_twice", message, field, "name each metric once")
        names.add(objective.metric)
        # The first one is measured after every epoch, whatever it is, because it chooses the epoch whose weights stay.
        if place and not info.is_per_epoch and _is_of_members(spec):
            raise Invalid(
                "objective_not_measured",
                f"{objective.metric!r} is measured of one finished network, and a trial trains several here",
                field,
                "put it first, choose a metric that is reported after every epoch, or train once on the holdout",
            )


def _is_of_members(spec: StudySpec) -> bool:
    return spec.evaluation.method == "k_fold" or (spec.repeats.n > 1 and spec.repeats.choose != "best")


def _needs_one(why: str, field: str, hint: str) -> Invalid:
    return Invalid("needs_one_objective", f"{why}, and the study has several objectives", field, hint)
