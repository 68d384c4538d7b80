"""Named queries on studies."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    bindparam,
    func,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from db.lifecycle import ENDED_STUDIES, StudyState, TrialState, study_sources
from db.records import StudyRecord, TrialRecord, fetch_all, find_one, select_record
from db.tables import ArtifactRow, StudyRow, TrialRow
from db.turns import Claimable
from db.types import UtcDateTime, has_violation, utc_now

# Statements of the hot path are built once: building one costs several times what running it does.
_BY_ID = select_record(StudyRecord).where(StudyRow.id == bindparam("the_ref"))
_BY_NAME = select_record(StudyRecord).where(StudyRow.name == bindparam("the_ref"))
_LOCK = select_record(StudyRecord).where(StudyRow.id == bindparam("the_id")).with_for_update(key_share=True)
_LOCK_NOW = (
    select_record(StudyRecord)
    .where(StudyRow.id == bindparam("the_id"))
    .with_for_update(key_share=True, skip_locked=True)
)
_TAKE_NUMBER = (
    update(StudyRow)
    .where(StudyRow.id == bindparam("the_id"))
    .values(
        next_number=StudyRow.next_number + 1,
        next_cell=StudyRow.next_cell + bindparam("the_cells", type_=Integer()),
    )
    .returning(StudyRow.next_number - 1, StudyRow.next_cell - 1)
)
_BUMP_REV = (
    update(StudyRow).where(StudyRow.id == bindparam("the_id")).values(rev=StudyRow.rev + 1).returning(StudyRow.rev)
)
_COUNT = (
    select(TrialRow.study_id, TrialRow.state, func.count())
    .where(TrialRow.study_id.in_(bindparam("the_studies", expanding=True)))
    .group_by(TrialRow.study_id, TrialRow.state)
)
_COUNT_OWN = _COUNT.where(TrialRow.confirms.is_(None))


def insert_study(session: Session, values: Mapping[str, Any], *, timeout_s: float | None) -> int:
    """Store a study and return its id.

    Raises:
        IntegrityError: The name is taken.
    """
    deadline = None if timeout_s is None else utc_now(timeout_s)
    statement = insert(StudyRow).values(**values, deadline_at=deadline).returning(StudyRow.id)
    return session.execute(statement).scalar_one()


def find_study(session: Session, ref: int | str, *, with_deleted: bool = False) -> StudyRecord | None:
    """Return a study by id (int) or by name (str)."""
    statement = _BY_ID if isinstance(ref, int) else _BY_NAME
    return find_one(session, StudyRecord, statement if with_deleted else statement.where(_alive()), {"the_ref": ref})


def lock_study(session: Session, study_id: int, *, wait: bool = True) -> StudyRecord | None:
    """Return the study and hold its row until the transaction ends.

    Whatever changes the set or the states of a study's trials takes this lock first, so that all take locks in one
    order: study, attempt, trial. SQLite's write transaction is the lock already.

    Returns:
        None where there is no such study, or, with `wait=False`, where another transaction holds it.
    """
    return find_one(session, StudyRecord, _LOCK if wait else _LOCK_NOW, {"the_id": study_id})


def list_names(session: Session, limit: int) -> list[str]:
    """Return the names of the newest studies."""
    statement = select(StudyRow.name).where(_alive()).order_by(StudyRow.id.desc()).limit(limit)
    return list(session.execute(statement).scalars())


def list_open_studies(session: Session, states: Collection[StudyState]) -> list[StudyRecord]:
    """Return the studies in one of `states`, oldest first."""
    statement = select_record(StudyRecord).where(_alive(), StudyRow.state.in_(states)).order_by(StudyRow.id)
    return fetch_all(session, StudyRecord, statement)


def list_claimable(session: Session, queues: Sequence[str], gpu_memory_bytes: int) -> list[Claimable]:
    """Return running studies of `queues` that may have work, at most 200.

    Args:
        session: Open transaction.
        queues: Which are served.
        gpu_memory_bytes: The memory of the GPU that would train it; 0 for none.
    """
    values = {"the_queues": list(queues), "the_bytes": gpu_memory_bytes}
    return [Claimable(*row) for row in session.execute(_claimable(), values)]


def count_runnable(session: Session) -> dict[str, int]:
    """Return by queue how many trials could start now if there were slots."""
    n_running = _count_in(TrialState.RUNNING)
    n_waiting = _count_in(TrialState.WAITING)
    n_counted = StudyRow.next_number - StudyRow.n_confirmations
    left = func.coalesce(StudyRow.n_trials, n_counted + StudyRow.max_parallel) - n_counted
    statement = select(StudyRow.queue, StudyRow.max_parallel - n_running, n_waiting, StudyRow.is_exhausted, left).where(
        _alive(), _for_workers(), StudyRow.state == StudyState.RUNNING, _in_time()
    )
    runnable: dict[str, int] = {}
    for queue, room, waiting, is_exhausted, n_left in session.execute(statement):
        n = min(room, waiting + (0 if is_exhausted else max(0, n_left)))
        if n > 0:
            runnable[queue] = runnable.get(queue, 0) + n
    return runnable


def list_overdue(session: Session) -> list[int]:
    """Return ids of studies whose wall time is used up and that were not told to stop yet."""
    statement = select(StudyRow.id).where(
        _alive(), StudyRow.state.in_((StudyState.RUNNING, StudyState.PAUSED)), ~_in_time()
    )
    return list(session.execute(statement).scalars())


def is_overdue(session: Session, study_id: int) -> bool:
    """Tell whether a study's wall time is used up."""
    statement = select(StudyRow.id).where(StudyRow.id == study_id, ~_in_time())
    return session.execute(statement).one_or_none() is not None


def is_past(session: Session, moment: datetime) -> bool:
    """Tell whether a moment has passed by the database's clock."""
    return bool(session.execute(select(literal(moment, UtcDateTime()) <= utc_now())).scalar_one())


def list_of_model(session: Session, model: str, dataset: str | None, limit: int) -> list[StudyRecord]:
    """Return studies of our own of one network, and on one data set unless that is None, newest first."""
    statement = select_record(StudyRecord).where(_alive(), _native(), StudyRow.spec["model"].as_string() == model)
    if dataset is not None:
        named = StudyRow.spec["dataset"].as_string()  # `name@version` for data that somebody brought
        statement = statement.where(or_(named == dataset, named.startswith(f"{dataset}@", autoescape=True)))
    return fetch_all(session, StudyRecord, statement.order_by(StudyRow.id.desc()).limit(limit))


def update_study(session: Session, study_id: int, values: Mapping[str, Any]) -> None:
    """Change columns of a study; its `rev` grows.

    Raises:
        IntegrityError: The new name is taken.
    """
    session.execute(update(StudyRow).where(StudyRow.id == study_id).values(**values, rev=StudyRow.rev + 1))


def delete_study(session: Session, study_id: int) -> None:
    """Hide a study; its rows stay."""
    update_study(session, study_id, {"deleted_at": utc_now()})


def archive_study(session: Session, study_id: int, *, is_archived: bool) -> None:
    """Put a study out of the way of lists, or back."""
    update_study(session, study_id, {"archived_at": utc_now() if is_archived else None})


def move_study(session: Session, study_id: int, target: StudyState, reason: str = "") -> bool:
    """Move a study to `target` if the lifecycle allows it from where it is. Returns whether it moved."""
    statement = (
        update(StudyRow)
        .where(StudyRow.id == study_id, StudyRow.state.in_(study_sources(target)))
        .values(
            state=target,
            state_reason=reason,
            rev=StudyRow.rev + 1,
            finished_at=utc_now() if target in ENDED_STUDIES else None,
        )
        .returning(StudyRow.id)
    )
    return session.execute(statement).one_or_none() is not None


def take_number(session: Session, study_id: int, *, is_cell: bool) -> tuple[int, int | None]:
    """Take the next trial number of a locked study, and the sampler's next cell if `is_cell`."""
    number, cell = session.execute(_TAKE_NUMBER, {"the_id": study_id, "the_cells": int(is_cell)}).one()
    return number, (cell if is_cell else None)


def bump_rev(session: Session, study_id: int) -> int:
    """Count one more change of a study and return the new count."""
    rev: int = session.execute(_BUMP_REV, {"the_id": study_id}).scalar_one()
    return rev


def count_trials(
    session: Session, study_ids: Collection[int], *, with_confirmations: bool = True
) -> dict[int, dict[TrialState, int]]:
    """Return by study how many trials are in which state; states without trials are left out."""
    statement = _COUNT if with_confirmations else _COUNT_OWN
    counts: dict[int, dict[TrialState, int]] = {study_id: {} for study_id in study_ids}
    for study_id, state, n in session.execute(statement, {"the_studies": list(study_ids)}):
        counts[study_id][TrialState(state)] = n
    return counts


def find_best_trial(session: Session, study: StudyRecord) -> TrialRecord | None:
    """Return the finished trial with the best value; of equals the one with the lower number.

    None also with several objectives, where no single trial need be best. A trial that breaks a constraint on outcomes
    is never best.
    """
    if len(study.directions) > 1:
        return None
    best = list_best_trials(session, study, 1)
    return best[0] if best else None


def list_best_trials(
    session: Session, study: StudyRecord, limit: int, *, with_network: bool = False
) -> list[TrialRecord]:
    """Return the finished trials with the best values, best first; of equals the one with the lower number first.

    With several objectives those with the best values of the first one. A trial that breaks a constraint on outcomes
    is none of them, nor is one that confirms another.

    Args:
        session: Open transaction.
        study: The study; its direction says what is best.
        limit: At most so many.
        with_network: Only trials that stored a network.
    """
    values = {"the_study": study.id, "the_limit": limit}
    return fetch_all(session, TrialRecord, _best(study.direction, with_network), values)


@cache
def _best(direction: str, with_network: bool) -> Select[Any]:
    statement = select_record(TrialRecord).where(
        TrialRow.study_id == bindparam("the_study"),
        TrialRow.state == TrialState.COMPLETE,
        TrialRow.value.is_not(None),
        TrialRow.confirms.is_(None),
        not_(has_violation(TrialRow.outcome_constraints)),
    )
    if with_network:
        stored = select(ArtifactRow.id).where(ArtifactRow.trial_id == TrialRow.id, ArtifactRow.kind == "network")
        statement = statement.where(stored.correlate(TrialRow).exists())
    order = TrialRow.value.desc() if direction == "maximize" else TrialRow.value.asc()
    return statement.order_by(order, TrialRow.number).limit(bindparam("the_limit", type_=Integer()))


@cache
def _claimable() -> Select[int, str, int, float, float]:
    n_running = _count_in(TrialState.RUNNING)
    n_waiting = _count_in(TrialState.WAITING)
    needed = func.coalesce(StudyRow.gpu_memory_bytes, 0)
    return (
        select(StudyRow.id, StudyRow.owner, StudyRow.priority, StudyRow.share, StudyRow.turns)
        .where(_alive(), _for_workers(), StudyRow.state == StudyState.RUNNING)
        .where(StudyRow.queue.in_(bindparam("the_queues", expanding=True)))
        .where(n_running < StudyRow.max_parallel, _in_time(), needed <= bindparam("the_bytes", type_=BigInteger()))
        .where(or_(n_waiting > 0, _may_suggest()))
        .order_by(StudyRow.priority.desc(), n_running / StudyRow.share, StudyRow.id)
        .limit(200)
    )


def _alive() -> ColumnElement[bool]:
    return StudyRow.deleted_at.is_(None)


def _native() -> ColumnElement[bool]:
    # The trials of other studies are run by the scripts that made them.
    return StudyRow.kind == "native"


def _for_workers() -> ColumnElement[bool]:
    # Scripts ask for trials of their study by its name. Studies from before there were such say nothing of code.
    code = StudyRow.spec["code"].as_string()
    has_command = StudyRow.spec["command"].as_string().is_not(None) & StudyRow.queue.like("%-commands")
    return _native() & or_(code.is_(None), code == "network", has_command)


def _in_time() -> ColumnElement[bool]:
    return or_(StudyRow.deadline_at.is_(None), StudyRow.deadline_at > utc_now())


def _may_suggest() -> ColumnElement[bool]:
    n_counted = StudyRow.next_number - StudyRow.n_confirmations
    budget_left = or_(StudyRow.n_trials.is_(None), n_counted < StudyRow.n_trials)
    return ~StudyRow.is_exhausted & budget_left


def _count_in(state: TrialState) -> ColumnElement[int]:
    counted = select(func.count()).where(TrialRow.study_id == StudyRow.id, TrialRow.state == state)
    return counted.correlate(StudyRow).scalar_subquery()


def escape_like(text: str) -> str:
    """Return `text` as part of a LIKE pattern that matches it literally, with `\\` as the escape."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
