"""The live stream's share of what scripts of Optuna's do: the same messages as of our own workers' trials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import CTE, Connection, Insert, bindparam, cast, insert, literal, select, text
from sqlalchemy.types import BigInteger

from db.tables import EventRow
from db.types import Json


def store_events(connection: Connection, events: Sequence[dict[str, Any]]) -> None:
    """Append events, each made by `trial_event` or `study_event`; readers see them once the transaction commits."""
    connection.execute(_storing(connection.dialect.name == "sqlite"), list(events))


def store_metrics_event(connection: Connection, values: Mapping[str, Any]) -> None:
    """Append the notice of one new point, in `values` as `metrics_event` names them."""
    named = {name: values[name] for name in ("the_study", "the_trial", "the_payload")}
    connection.execute(_storing(connection.dialect.name == "sqlite"), {**named, "the_kind": "metrics"})


def metrics_event(source: CTE) -> Insert:
    """Return the insertion of a point's notice for each row of `source`, for PostgreSQL."""
    columns = (_xid(), literal("metrics"), *_bound("the_study", "the_trial"), bindparam("the_payload", type_=Json))
    names = ("xid", "kind", "study_id", "trial_id", "payload")
    return insert(EventRow).from_select(names, select(*columns).select_from(source))


def trial_event(study_id: int, trial_id: int, number: int, state: str, value: float | None) -> dict[str, Any]:
    """Return the notice that a trial is in a new state."""
    payload = {
        "study_id": study_id,
        "trial_id": trial_id,
        "number": number,
        "state": state,
        "value": value,
        "step": None,
        "n_steps": None,
    }
    return _event("trial", study_id, trial_id, payload)


def study_event(study_id: int, name: str, state: str, rev: int) -> dict[str, Any]:
    """Return the notice that a study changed."""
    return _event("study", study_id, None, {"study_id": study_id, "name": name, "state": state, "rev": rev})


def metrics_payload(ids: tuple[int, int, int], name: str, step: int, value: float | str) -> dict[str, Any]:
    """Return the notice of one new point; `ids` are those of study and trial, and the trial's number."""
    study_id, trial_id, number = ids
    return {
        "study_id": study_id,
        "trial_id": trial_id,
        "number": number,
        "step": step,
        "n_steps": None,
        "points": [[name, step, value]],
    }


def _event(kind: str, study_id: int, trial_id: int | None, payload: dict[str, Any]) -> dict[str, Any]:
    return {"the_kind": kind, "the_study": study_id, "the_trial": trial_id, "the_payload": payload}


@cache
def _storing(is_sqlite: bool) -> Insert:
    study_id, trial_id = _bound("the_study", "the_trial")
    return insert(EventRow).values(
        xid=literal(0) if is_sqlite else _xid(),
        kind=bindparam("the_kind"),
        study_id=study_id,
        trial_id=trial_id,
        payload=bindparam("the_payload", type_=Json),
    )


def _xid() -> Any:
    # What orders events on PostgreSQL, the id of the transaction; see `db.events`.
    return cast(text("pg_current_xact_id()::text"), BigInteger)


def _bound(*names: str) -> tuple[Any, ...]:
    return tuple(bindparam(name, type_=BigInteger) for name in names)
