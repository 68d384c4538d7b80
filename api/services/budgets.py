"""When a study has spent or reached enough, beyond its number of trials and its wall time.

A study that has is stopped as its owner would stop it: nothing starts any more, and what runs is asked to end at its
next report and keeps what it reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from db import studies
from db.budgets import Holding, count_since_best, list_holdings
from db.records import StudyRecord

GPU = "gpu"


def reached_enough(session: Session, study: StudyRecord) -> str | None:
    """Return why the results of a study are enough; None where they are not."""
    if study.kind != "native":
        return None
    budget = study.spec["budget"]
    target, patience = budget.get("target"), budget.get("patience")
    if target is not None:
        best = studies.find_best_trial(session, study)
        if best is not None and best.value is not None and _is_reached(best.value, target, study.direction):
            return f"trial {best.number} reached the target of {target:g} with {best.value:g}"
    if patience is not None and count_since_best(session, study.id, study.direction) >= patience:
        return f"none of the last {patience} trials was better than the best one before them"
    return None


def has_hours(study: StudyRecord) -> bool:
    """Tell whether a study's budget counts the hours of slots."""
    budget = study.spec.get("budget", {})
    return budget.get("worker_hours") is not None or budget.get("gpu_hours") is not None


def spent_hours(session: Session, study: StudyRecord) -> str | None:
    """Return which of a study's budgets of hours is used up; None where none is."""
    budget = study.spec["budget"]
    holdings = list_holdings(session, study.id)
    on_gpus = [one for one in holdings if any(is_gpu_queue(queue) for queue in one.queues)]
    for name, held in (("worker_hours", holdings), ("gpu_hours", on_gpus)):
        limit = budget.get(name)
        if limit is not None and count_hours(held) >= limit:
            return f"the budget of {limit:g} {name} is used up"
    return None


def is_gpu_queue(queue: str) -> bool:
    """Tell whether a queue's name says that its workers train on GPUs: `gpu`, or a word of it as in `gpu-h200`."""
    return GPU in queue.replace("_", "-").split("-")


def count_hours(holdings: Iterable[Holding]) -> float:
    """Return for how many hours slots were held.

    Attempts that train together in a slot hold it once: of each slot it is the length of the union of their times.
    """
    by_place: dict[object, list[tuple[datetime, datetime]]] = {}
    for one in holdings:
        by_place.setdefault(one.place, []).append((one.start, one.end))
    return sum(_covered_s(stretches) for stretches in by_place.values()) / 3600


def _covered_s(stretches: Sequence[tuple[datetime, datetime]]) -> float:
    covered_s, reached = 0.0, None
    for start, end in sorted(stretches):
        begin = start if reached is None else max(start, reached)
        covered_s += max(0.0, (end - begin).total_seconds())
        reached = end if reached is None else max(reached, end)
    return covered_s


def _is_reached(value: float, target: float, direction: str) -> bool:
    return value >= target if direction == "maximize" else value <= target
