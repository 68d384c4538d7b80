"""Changes of a study's budget while it runs, or after it has ended."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.errors import Conflict, Invalid
from api.schemas.studies import StudyUpdate
from api.services.objectives import check_limits
from db.lifecycle import ENDED_STUDIES, StudyState
from db.records import StudyRecord

# What ends a study: where one of these is changed, one that has ended may go on.
_ENDS = frozenset({"n_trials", "timeout_s", "worker_hours", "gpu_hours", "target", "patience"})
_SHORT_FORMS = ("n_trials", "max_parallel")


def changed_limits(study: StudyRecord, body: StudyUpdate) -> dict[str, Any]:
    """Return the limits that a request sets, by name.

    Raises:
        Invalid: `given_twice`, or `needs_one_objective`.
        Conflict: `budget_lowered`: fewer trials than were granted, or than there are.
    """
    given = {} if body.budget is None else body.budget.model_dump(exclude_unset=True)
    for name in _SHORT_FORMS:
        value = getattr(body, name)
        if value is None:
            continue
        if name in given:
            raise Invalid("given_twice", f"{name} stands in the request twice", f"budget.{name}", "give it once")
        given[name] = value
    if given.get("n_trials") is not None:
        _check_raised(study, given["n_trials"], "n_trials" if body.n_trials is not None else "budget.n_trials")
    check_limits(study.spec["objectives"], given)
    return given


def columns_of(study: StudyRecord, limits: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a study's row, but for its spec, that follow from its limits."""
    values = {name: limits[name] for name in _SHORT_FORMS if name in limits}
    if "timeout_s" in limits:
        seconds = limits["timeout_s"]
        values["deadline_at"] = None if seconds is None else study.created_at + timedelta(seconds=seconds)
    return values


def changed_turn(body: StudyUpdate) -> dict[str, Any]:
    """Return what a request changes of whose turn it is, by name."""
    return {} if body.resources is None else body.resources.model_dump(exclude_unset=True)


def columns_of_resources(resources: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of a study's row that follow from what is given of its resources."""
    return {name: resources[name] for name in ("queue", "priority", "share", "gpu_memory_bytes") if name in resources}


def may_go_on(before: StudyRecord, after: StudyRecord, limits: dict[str, Any]) -> bool:
    """Tell whether new limits leave something to do for a study that has ended."""
    has_left = after.end_number is None or after.next_number < after.end_number
    return before.state in ENDED_STUDIES and has_left and bool(_ENDS & limits.keys())


def may_confirm(before: StudyRecord, limits: dict[str, Any]) -> bool:
    """Tell whether new limits ask a study that has ended with a result to train its best trials again."""
    return before.state is StudyState.COMPLETE and limits.get("confirm") is not None


def _check_raised(study: StudyRecord, n_trials: int, field: str) -> None:
    least = study.next_number - study.n_confirmations if study.n_trials is None else study.n_trials
    if n_trials < least:
        now = f"unlimited, with {least} trials so far" if study.n_trials is None else str(least)
        message = f"n_trials is {now}: {n_trials} would be fewer, and it can only be raised"
        raise Conflict("budget_lowered", message, field, "stop the study to end it sooner")
