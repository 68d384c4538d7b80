"""Writes to the trials of Optuna's studies. Every function is one transaction; what it returns is stored.

A trial of Optuna's is known by its `distributions`, which no trial of our own has. It is open while it is WAITING or
RUNNING; nothing here changes one that is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, func, insert, select, update

from db.lifecycle import FINISHED_TRIALS, OPEN_TRIALS, TrialState, trial_sources
from db.optuna_events import store_events, study_event, trial_event
from db.optuna_link import Link
from db.tables import StudyRow, TrialAttrRow, TrialRow
from db.types import Json, utc_now

_IS_OPEN = (
    TrialRow.id == bindparam("the_id"),
    TrialRow.distributions.is_not(None),
    TrialRow.state.in_([state.value for state in OPEN_TRIALS]),
)
_TAKE_NUMBERS = (
    update(StudyRow)
    .where(StudyRow.id == bindparam("the_id"), StudyRow.kind == "optuna", StudyRow.deleted_at.is_(None))
    .values(next_number=StudyRow.next_number + bindparam("the_n", type_=Integer()), rev=StudyRow.rev + 1)
    .returning(StudyRow.next_number, StudyRow.rev, StudyRow.name, StudyRow.state)
)
_BUMP_REV = (
    update(StudyRow)
    .where(StudyRow.id == bindparam("the_id"))
    .values(rev=StudyRow.rev + 1)
    .returning(StudyRow.rev, StudyRow.name, StudyRow.state)
)
_START_NEW = insert(TrialRow).values(started_at=utc_now()).returning(TrialRow.id)
_INSERT = insert(TrialRow).returning(TrialRow.id, TrialRow.number, sort_by_parameter_order=True)
_START = (
    update(TrialRow)
    .where(TrialRow.id == bindparam("the_id"), TrialRow.distributions.is_not(None))
    .where(TrialRow.state == TrialState.WAITING)
    .values(state=TrialState.RUNNING, started_at=utc_now())
    .returning(TrialRow.study_id, TrialRow.number)
)
_SET_VALUES = update(TrialRow).where(*_IS_OPEN).returning(TrialRow.study_id, TrialRow.number)
_STATE = select(TrialRow.state, TrialRow.distributions.is_(None), StudyRow.deleted_at.is_not(None)).where(
    TrialRow.id == bindparam("the_id"), StudyRow.id == TrialRow.study_id
)
_DRAFT = select(TrialRow.study_id, TrialRow.number, TrialRow.params, TrialRow.distributions).where(*_IS_OPEN)


def _setting(count: Any) -> Any:
    # A parameter is added to what the caller saw last: where somebody else added one meanwhile, no row matches.
    return (
        update(TrialRow)
        .where(*_IS_OPEN, count(TrialRow.distributions) == bindparam("the_n", type_=Integer()))
        .values(params=bindparam("the_params", type_=Json), distributions=bindparam("the_entries", type_=Json))
        .returning(TrialRow.id)
    )


_SET_PARAMS = {True: _setting(func.json_array_length), False: _setting(func.jsonb_array_length)}


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
    """How a trial ends, or what it is worth so far."""

    state: TrialState
    value: float | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


def start_new_trial(link: Link, study_id: int) -> tuple[int, int] | None:
    """Store a running trial without parameters; return its id and number, None where the study takes none.

    Effects:
        One trial, one event.
    """
    with link.write() as connection:
        row = connection.execute(_TAKE_NUMBERS, {"the_id": study_id, "the_n": 1}).one_or_none()
        if row is None:
            return None
        number = row.next_number - 1
        values = {"study_id": study_id, "number": number, "state": TrialState.RUNNING, **_COMMON}
        trial_id: int = connection.execute(_START_NEW, values).scalar_one()
        store_events(connection, [trial_event(study_id, trial_id, number, TrialState.RUNNING, None)])
    return trial_id, number


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
    store_events(connection, [*events, study_event(study_id, row.name, row.state, row.rev)])
    return ids


def find_draft(link: Link, trial_id: int) -> Draft | None:
    """Return what an open trial of Optuna's has been given so far."""
    rows = link.fetch(_DRAFT, {"the_id": trial_id})
    return Draft(*rows[0]) if rows else None


def set_params(link: Link, trial_id: int, draft: Draft, n_before: int) -> bool:
    """Store a trial's parameters if it is open and had `n_before` of them. Returns whether it was and had."""
    values = {
        "the_id": trial_id,
        "the_n": n_before,
        "the_params": dict(draft.params),
        "the_entries": list(draft.entries),
    }
    return bool(link.run(_SET_PARAMS[link.database.is_sqlite], values))


def start_trial(link: Link, trial_id: int) -> bool:
    """Move a waiting trial to RUNNING. Returns whether it was waiting: of two who try, one does it."""
    with link.write() as connection:
        row = connection.execute(_START, {"the_id": trial_id}).one_or_none()
        if row is None:
            return False
        store_events(connection, [trial_event(row.study_id, trial_id, row.number, TrialState.RUNNING, None)])
    return True


def end_trial(link: Link, study_id: int, trial_id: int, ending: Ending) -> bool:
    """Give an open trial of Optuna's a state and values. Returns whether it was open and may go there.

    Effects:
        The study's `rev` grows; events of the trial and the study.
    """
    values: dict[str, Any] = {"state": ending.state, "value": ending.value, "values": dict(ending.values)}
    with link.write() as connection:
        study = connection.execute(_BUMP_REV, {"the_id": study_id}).one()
        if ending.state in FINISHED_TRIALS:
            values |= {"finished_at": utc_now(), "finished_rev": study.rev}
        statement = _SET_VALUES.where(TrialRow.state.in_({*trial_sources(ending.state), ending.state}))
        row = connection.execute(statement.values(values), {"the_id": trial_id}).one_or_none()
        if row is None:
            connection.rollback()
            return False
        notice = trial_event(study_id, trial_id, row.number, ending.state, ending.value)
        store_events(connection, [notice, study_event(study_id, study.name, study.state, study.rev)])
    return True


def find_state(link: Link, trial_id: int) -> tuple[TrialState, bool] | None:
    """Return a trial's state and whether it is of our own workers; None where there is no such trial."""
    rows = link.fetch(_STATE, {"the_id": trial_id})
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
