"""Named queries that list studies: chosen by conditions, ordered, a page at a time."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import Session

from db.lifecycle import TrialState
from db.records import StudyRecord, fetch_all, select_record
from db.studies import escape_like
from db.tables import StudyRow, TrialRow
from db.types import has_violation

StudyOrder = Literal["created", "name", "state", "owner", "best", "trials"]


@dataclass(frozen=True, slots=True)
class Condition:
    """What studies of a list have in common.

    Attributes:
        field: One of `TEXT_FIELDS`, `NUMBER_FIELDS`, `TIME_FIELDS`, "tag", or "" for name, notes and tags together.
        operator: "=", "~" (contains), ">", ">=", "<" or "<="; texts and tags know the first two.
        values: It holds where it does for any of them.
        is_negated: Whether it must not hold.
    """

    field: str
    operator: str
    values: tuple[Any, ...]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class StudyList:
    """Which studies a list shows, in which order.

    `after_key` and `after_id` are the ordering value and the id of the last study of the page before.
    """

    conditions: Sequence[Condition] = ()
    is_archived: bool | None = False
    order_by: StudyOrder = "created"
    descending: bool = True
    after_key: Any = None
    after_id: int | None = None


def _number_of(state: TrialState) -> ColumnElement[Any]:
    counted = select(func.count()).where(TrialRow.study_id == StudyRow.id, TrialRow.state == state)
    return counted.correlate(StudyRow).scalar_subquery()


def _best(order: ColumnElement[Any]) -> ColumnElement[Any]:
    # The index on (study, state, value) gives the first that nothing speaks against.
    best = (
        select(TrialRow.value)
        .where(TrialRow.study_id == StudyRow.id, TrialRow.state == TrialState.COMPLETE, TrialRow.value.is_not(None))
        .where(TrialRow.confirms.is_(None), not_(has_violation(TrialRow.outcome_constraints)))
        .order_by(order)
        .limit(1)
    )
    return best.correlate(StudyRow).scalar_subquery()


_BEST: ColumnElement[Any] = case(
    (StudyRow.direction == "maximize", _best(TrialRow.value.desc())), else_=_best(TrialRow.value.asc())
)
TEXT_FIELDS: Mapping[str, ColumnElement[Any]] = {
    "name": StudyRow.name.expression,
    "notes": StudyRow.notes.expression,
    "owner": StudyRow.owner.expression,
    "queue": StudyRow.queue.expression,
    "kind": StudyRow.kind.expression,
    "state": StudyRow.state.expression,
    "model": StudyRow.spec["model"].as_string(),
    "dataset": StudyRow.spec["dataset"].as_string(),
    "sampler": StudyRow.spec[("sampler", "name")].as_string(),
    "pruner": StudyRow.spec[("pruner", "name")].as_string(),
    "metric": StudyRow.spec[("objectives", 0, "metric")].as_string(),
}
NUMBER_FIELDS: Mapping[str, ColumnElement[Any]] = {
    "id": StudyRow.id.expression,
    "best": _BEST,
    "trials": StudyRow.next_number - StudyRow.n_confirmations,
    "running": _number_of(TrialState.RUNNING),
    "failed": _number_of(TrialState.FAIL),
}
TIME_FIELDS: Mapping[str, ColumnElement[Any]] = {
    "created": StudyRow.created_at.expression,
    "finished": StudyRow.finished_at.expression,
}
_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operators.eq,
    ">": operators.gt,
    ">=": operators.ge,
    "<": operators.lt,
    "<=": operators.le,
}
_ORDERS: Mapping[StudyOrder, ColumnElement[Any]] = {
    "created": StudyRow.id.expression,
    "name": StudyRow.name.expression,
    "state": StudyRow.state.expression,
    "owner": StudyRow.owner.expression,
    "best": _BEST,
    "trials": NUMBER_FIELDS["trials"],
}


def list_studies(session: Session, wanted: StudyList, limit: int) -> list[StudyRecord]:
    """Return a page of studies that are not deleted. Studies without an ordering value come last."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement = select_record(StudyRecord).where(StudyRow.deleted_at.is_(None))
    if wanted.is_archived is not None:
        archived = StudyRow.archived_at.is_not(None)
        statement = statement.where(archived if wanted.is_archived else not_(archived))
    for condition in wanted.conditions:
        statement = statement.where(_holds(condition, is_sqlite))
    return fetch_all(session, StudyRecord, _order(statement, wanted).limit(limit))


def ordering_key(session: Session, study_id: int, order_by: StudyOrder) -> Any:
    """Return the value by which `list_studies` ordered a study."""
    return session.execute(select(_ORDERS[order_by]).where(StudyRow.id == study_id)).scalar_one()


def list_progress(session: Session, study_ids: Collection[int], n_parts: int) -> dict[int, list[float | None]]:
    """Return by study the best value that each part of its trials reached, by number; None for a part without one.

    Args:
        session: Open transaction.
        study_ids: The studies, each with one objective.
        n_parts: Into how many parts of equal size a study's numbers fall, at most; one query reads them all.
    """
    n_numbers = case((StudyRow.next_number > n_parts, StudyRow.next_number), else_=n_parts)
    results = (
        select(
            TrialRow.study_id,
            StudyRow.direction,
            (TrialRow.number * n_parts // n_numbers).label("part"),
            TrialRow.value,
        )
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .where(TrialRow.study_id.in_(list(study_ids)), TrialRow.state == TrialState.COMPLETE)
        .where(TrialRow.value.is_not(None), TrialRow.confirms.is_(None))
        .where(not_(has_violation(TrialRow.outcome_constraints)))
        .subquery()
    ).c
    best = case((results.direction == "maximize", func.max(results.value)), else_=func.min(results.value))
    statement = select(results.study_id, results.part, best).group_by(results.study_id, results.direction, results.part)
    found: dict[int, list[float | None]] = {study_id: [None] * n_parts for study_id in study_ids}
    for study_id, place, value in session.execute(statement):
        found[study_id][place] = value
    return found


def _holds(condition: Condition, is_sqlite: bool) -> ColumnElement[bool]:
    compare = _about_tags if condition.field == "tag" else _about_all if not condition.field else _about_column
    # Nothing is known of a missing value: it has no such value, so that `-finished>2026-01-01` finds what still runs.
    any_of = func.coalesce(or_(*[compare(condition, value, is_sqlite) for value in condition.values]), false())
    return not_(any_of) if condition.is_negated else any_of


def _about_column(condition: Condition, value: Any, _is_sqlite: bool) -> ColumnElement[bool]:
    field, operator = condition.field, condition.operator
    if field in TEXT_FIELDS:
        return _like(TEXT_FIELDS[field], value, is_part=operator == "~")
    column = NUMBER_FIELDS[field] if field in NUMBER_FIELDS else TIME_FIELDS[field]
    compared: ColumnElement[bool] = _COMPARE[operator](column, value)
    return compared


def _about_tags(condition: Condition, value: str, is_sqlite: bool) -> ColumnElement[bool]:
    each = func.json_each if is_sqlite else func.jsonb_array_elements_text
    tag = each(StudyRow.tags).table_valued("value", name="each_tag")
    matches = _like(cast(tag.c.value, String), value, is_part=condition.operator == "~")
    return select(literal(1)).select_from(tag).where(matches).correlate(StudyRow).exists()


def _about_all(condition: Condition, value: str, is_sqlite: bool) -> ColumnElement[bool]:
    texts = [_like(TEXT_FIELDS[name], value, is_part=True) for name in ("name", "notes")]
    return or_(*texts, _about_tags(condition, value, is_sqlite))


def _like(column: ColumnElement[Any], text: str, *, is_part: bool) -> ColumnElement[bool]:
    pattern = escape_like(text)
    return column.ilike(f"%{pattern}%" if is_part else pattern, escape="\\")


def _order(statement: Select[Any], wanted: StudyList) -> Select[Any]:
    column = _ORDERS[wanted.order_by]
    if wanted.after_id is not None:
        statement = statement.where(_after(column, wanted))
    direction = column.desc() if wanted.descending else column.asc()
    return statement.order_by(column.is_(None), direction, StudyRow.id.desc())


def _after(column: ColumnElement[Any], wanted: StudyList) -> ColumnElement[bool]:
    earlier = StudyRow.id < wanted.after_id
    if wanted.after_key is None:
        return and_(column.is_(None), earlier)
    beyond = column < wanted.after_key if wanted.descending else column > wanted.after_key
    return or_(beyond, and_(column == wanted.after_key, earlier), column.is_(None))
