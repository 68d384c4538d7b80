"""Writes to the trials of Optuna's studies. Every function is one transaction; what it returns is stored.

A trial of Optuna's is known by its `distributions`, which no trial of our own has. It is open while it is WAITING or
RUNNING; nothing here changes one that is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Float,
    Integer,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB

from db.lifecycle import FINISHED_TRIALS, OPEN_TRIALS, TrialState, trial_sources
from db.metric_tables import MetricSeriesRow
from db.optuna_events import Payload, notices, storing, study_event, trial_event
from db.optuna_link import Link
from db.optuna_runner import default_of
from db.tables import StudyRow, TrialAttrRow, TrialRow
from db.types import Json, utc_now


def is_open(parameter: str) -> tuple[ColumnElement[bool], ...]:
    """Return what holds for an open trial of Optuna's whose id is the parameter of that name."""
    return (
        TrialRow.id == bindparam(parameter, type_=BigInteger),
        TrialRow.distributions.is_not(None),
        TrialRow.state.in_([literal(state.value) for state in OPEN_TRIALS]),
    )


_IS_OPEN = is_open("the_id")
_MAYBE = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")
_TAKE_NUMBERS = (
    update(StudyRow)
    .where(StudyRow.id == bindparam("the_id"), StudyRow.kind == "optuna", StudyRow.deleted_at.is_(None))
    .values(next_number=StudyRow.next_number + bindparam("the_n", type_=Integer()), rev=StudyRow.rev + 1)
    .returning(StudyRow.id, StudyRow.next_number, StudyRow.rev, StudyRow.name, StudyRow.state)
)
_BUMP_REV = (
    update(StudyRow)
    .where(StudyRow.id == bindparam("the_study", type_=BigInteger))
    .values(rev=StudyRow.rev + 1)
    .returning(StudyRow.id, StudyRow.rev, StudyRow.name, StudyRow.state)
)
_NEW = insert(TrialRow)
_INSERT = _NEW.returning(TrialRow.id, sort_by_parameter_order=True)
_START_NEW = _NEW.values(
    study_id=bindparam("the_study"),
    number=bindparam("the_number"),
    state=TrialState.RUNNING,
    source="optuna",
    params={},
    distributions=[],
    started_at=utc_now(),
).returning(TrialRow.id)


def _starting_at_once() -> Executable:
    numbered = _TAKE_NUMBERS.cte("numbered")
    known: dict[str, Any] = {
        "study_id": numbered.c.id,
        "number": numbered.c.next_number - 1,
        "state": literal(TrialState.RUNNING.value),
        "source": literal("optuna"),
        "params": literal({}, Json),
        "distributions": literal([], Json),
        "started_at": utc_now(),
    }
    # Inside of another statement nobody fills in what a column has by default.
    known |= {
        column.name: literal(default_of(column), column.type)
        for column in TrialRow.__table__.c
        if column.name not in known and column.default is not None and not column.default.is_clause_element
    }
    new = _NEW.from_select(list(known), select(*known.values())).returning(TrialRow.id, TrialRow.number).cte("new")
    shown = func.jsonb_build_object(
        "study_id", bindparam("the_id", type_=BigInteger), "trial_id", new.c.id, "number", new.c.number,
        "state", literal_column("'RUNNING'"), "value", null(), "step", null(), "n_steps", null(),
    )  # fmt: skip
    return select(new.c.id, new.c.number).add_cte(notices("trial", new, new.c.id, shown))


_START_NEW_AT_ONCE = _starting_at_once()
_START = (
    update(TrialRow)
    .where(TrialRow.id == bindparam("the_id"), TrialRow.distributions.is_not(None))
    .where(TrialRow.state == TrialState.WAITING)
    .values(state=TrialState.RUNNING, started_at=utc_now())
    .returning(TrialRow.study_id, TrialRow.number)
)


def _ending(target: TrialState, rev: Any) -> Any:
    sources = [state.value for state in {*trial_sources(target), target}]
    times = {"finished_at": utc_now(), "finished_rev": rev} if target in FINISHED_TRIALS else {}
    furthest = select(func.max(MetricSeriesRow.latest_step)).where(MetricSeriesRow.trial_id == TrialRow.id)
    return (
        update(TrialRow)
        .where(*_IS_OPEN, TrialRow.state.in_([literal(state) for state in sources]))
        .values(state=target, value=bindparam("the_value", type_=Float), values=bindparam("the_values", type_=Json))
        .values(step=furthest.correlate(TrialRow).scalar_subquery(), **times)
        .returning(TrialRow.id, TrialRow.number)
    )


def _ending_at_once(target: TrialState) -> Executable:
    bumped = _BUMP_REV.cte("bumped")
    # Reading from `bumped` makes the study's row the first that is locked, as everywhere.
    ended = _ending(target, bumped.c.rev).where(bumped.c.id == TrialRow.study_id).cte("ended")
    trial = notices("trial", ended, ended.c.id, bindparam("the_payload", type_=Json))
    rest = bindparam("the_rest", type_=_MAYBE)
    points = notices("metrics", ended, ended.c.id, rest, rest.is_not(None))
    shown = func.jsonb_build_object(
        "study_id", bumped.c.id, "name", bumped.c.name, "state", bumped.c.state, "rev", bumped.c.rev
    )
    return select(ended.c.id).add_cte(points, trial, notices("study", bumped, null(), shown))


_END = {target: _ending(target, bindparam("the_rev", type_=BigInteger)) for target in TrialState}
_END_AT_ONCE = {target: _ending_at_once(target) for target in TrialState}
_STATE = select(TrialRow.state, TrialRow.distributions.is_(None), StudyRow.deleted_at.is_not(None)).where(
    TrialRow.id == bindparam("the_id"), StudyRow.id == TrialRow.study_id
)
_DRAFT = select(TrialRow.study_id, TrialRow.number, TrialRow.params, TrialRow.distributions).where(*_IS_OPEN)


def _setting(count: Any, params: Any, entries: Any) -> Any:
    # A parameter is added to what the caller saw last: where somebody else added one meanwhile, no row matches.
    return (
        update(TrialRow)
        .where(*_IS_OPEN, count(TrialRow.distributions) == bindparam("the_n", type_=Integer()))
        .values(params=params, distributions=entries)
        .returning(TrialRow.id)
    )


_PARAMS, _ENTRIES = bindparam("the_params", type_=Json), bindparam("the_entries", type_=Json)
# PostgreSQL is sent what is new; SQLite, which keeps JSON as text, all of it.
_SET_PARAMS = {
    True: _setting(func.json_array_length, _PARAMS, _ENTRIES),
    False: _setting(
        func.jsonb_array_length,
        TrialRow.params.op("||", return_type=Json)(_PARAMS),
        TrialRow.distributions.op("||", return_type=Json)(_ENTRIES),
    ),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """What an open trial has been given so far, as it is stored."""

    study_id: int
    number: int
    params: Mapping[str, Any]
    entries: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class NewTrial:
    """A trial that is stored as it is, with its times; see `TrialRow` for the columns.

    Attributes:
        columns: Of the trial, without its study, its number and what follows from its state.
        attrs: (whether it is Optuna's own, key, JSON text).
        points: (step, value) of the intermediate values.
    """

    state: TrialState
    columns: Mapping[str, Any]
    attrs: Sequence[tuple[bool, str, str]] = ()
    points: Sequence[tuple[int, float]] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a trial ends, or what it is worth so far; `rest` is a notice of points that nobody was told of yet."""

    state: TrialState
    value: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    rest: Payload | None = None


def start_new_trial(link: Link, study_id: int) -> tuple[int, int] | None:
    """Store a running trial without parameters; return its id and number, None where the study takes none.

    Effects:
        One trial, one event.
    """
    if not link.is_sqlite:
        rows = link.run(_START_NEW_AT_ONCE, {"the_id": study_id, "the_study": study_id, "the_n": 1})
        return (int(rows[0][0]), int(rows[0][1])) if rows else None
    with link.transaction() as execute:
        rows = execute(_TAKE_NUMBERS, {"the_id": study_id, "the_n": 1})
        if not rows:
            return None
        number = int(rows[0][1]) - 1
        ((trial_id,),) = execute(_START_NEW, {"the_study": study_id, "the_number": number})
        notice = trial_event(study_id, trial_id, number, TrialState.RUNNING, None)
        execute(storing(is_sqlite=link.is_sqlite), notice)
    return int(trial_id), number


def insert_trials(connection: Connection, study_id: int, new: Sequence[NewTrial]) -> list[int] | None:
    """Store trials without their points and return their ids; None where the study takes none.

    Effects:
        The trials, their attributes, one event for each and one for the study.
    """
    row = connection.execute(_TAKE_NUMBERS, {"the_id": study_id, "the_n": len(new)}).one_or_none()
    if row is None:
        return None
    first = row.next_number - len(new)
    rows = [_row(study_id, first + place, row.rev, trial) for place, trial in enumerate(new)]
    ids = [made.id for made in connection.execute(_INSERT, rows)]
    attrs = [
        {"trial_id": trial_id, "is_system": is_system, "key": key, "value": value}
        for trial_id, trial in zip(ids, new, strict=True)
        for is_system, key, value in trial.attrs
    ]
    if attrs:
        connection.execute(insert(TrialAttrRow), attrs)
    events = [
        trial_event(study_id, trial_id, one["number"], one["state"], one["value"])
        for trial_id, one in zip(ids, rows, strict=True)
    ]
    events.append(study_event(study_id, row.name, row.state, row.rev))
    connection.execute(storing(is_sqlite=connection.dialect.name == "sqlite"), events)
    return ids


def find_draft(link: Link, trial_id: int) -> Draft | None:
    """Return what an open trial of Optuna's has been given so far."""
    rows = link.run(_DRAFT, {"the_id": trial_id})
    return Draft(*rows[0]) if rows else None


def set_params(link: Link, trial_id: int, draft: Draft, n_before: int) -> bool:
    """Store a trial's parameters if it is open and had `n_before` of them. Returns whether it was and had."""
    entries = draft.entries if link.is_sqlite else draft.entries[n_before:]
    params = draft.params if link.is_sqlite else {name: draft.params[name] for name, *_ in entries}
    values = {"the_id": trial_id, "the_n": n_before, "the_params": dict(params), "the_entries": list(entries)}
    return bool(link.run(_SET_PARAMS[link.is_sqlite], values))


def start_trial(link: Link, trial_id: int) -> bool:
    """Move a waiting trial to RUNNING. Returns whether it was waiting: of two who try, one does it."""
    with link.transaction() as execute:
        rows = execute(_START, {"the_id": trial_id})
        if not rows:
            return False
        study_id, number = rows[0]
        notice = trial_event(study_id, trial_id, number, TrialState.RUNNING, None)
        execute(storing(is_sqlite=link.is_sqlite), notice)
    return True


def end_trial(link: Link, draft: Draft, trial_id: int, ending: Ending) -> bool:
    """Give an open trial of Optuna's a state and values. Returns whether it was open and may go there.

    Effects:
        The study's `rev` grows; events of the trial, of its points that nobody was told of yet, and of the study.
    """
    notice = trial_event(draft.study_id, trial_id, draft.number, ending.state, ending.value)
    values = {
        **notice,
        "the_id": trial_id,
        "the_value": ending.value,
        "the_values": dict(ending.values),
        "the_rest": ending.rest,
    }
    if not link.is_sqlite:
        return bool(link.run(_END_AT_ONCE[ending.state], values))
    with link.transaction() as execute:
        ((study_id, rev, name, state),) = execute(_BUMP_REV, {"the_study": draft.study_id})
        rows = execute(_END[ending.state], {**values, "the_rev": rev})
        if rows:
            rest = [] if ending.rest is None else [{**notice, "the_kind": "metrics", "the_payload": ending.rest}]
            for event in (*rest, notice, study_event(study_id, name, state, rev)):
                execute(storing(is_sqlite=True), event)
    return bool(rows)


def find_state(link: Link, trial_id: int) -> tuple[TrialState, bool] | None:
    """Return a trial's state and whether it is of our own workers; None where there is no such trial."""
    rows = link.run(_STATE, {"the_id": trial_id})
    if not rows or rows[0][2]:
        return None
    return TrialState(rows[0][0]), bool(rows[0][1])


_COMMON: dict[str, Any] = {"source": "optuna", "params": {}, "distributions": []}


def _row(study_id: int, number: int, rev: int, trial: NewTrial) -> dict[str, Any]:
    is_finished = trial.state in FINISHED_TRIALS
    known: dict[str, Any] = {**_COMMON, "value": None, "values": {}, "started_at": None, "finished_at": None}
    return {
        **known,
        **trial.columns,
        "study_id": study_id,
        "number": number,
        "state": trial.state,
        "finished_rev": rev if is_finished else None,
        "step": max((step for step, _ in trial.points), default=None),
    }
