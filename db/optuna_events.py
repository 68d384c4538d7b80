"""The live stream's share of what scripts of Optuna's do: the same messages as of our own workers' trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Insert, bindparam, cast, insert, literal, select, text
from sqlalchemy.types import BigInteger

from db.tables import EventRow
from db.types import Json

Payload = dict[str, Any]
METRICS_PAYLOAD = bindparam("the_payload", type_=Json)


def storing(*, is_sqlite: bool) -> Insert:
    """Return the insertion of one event, made by `trial_event` or `study_event`; readers see it after the commit."""
    return _STORING[is_sqlite]


def notices(kind: str, source: CTE, trial_id: Any, payload: Any, *conditions: ColumnElement[bool]) -> CTE:
    """Return the insertion of a notice for each row of `source`, as part of a statement for PostgreSQL."""
    columns: list[Any] = [_xid(), literal(kind), *_bound("the_study"), trial_id, payload]
    names = ("xid", "kind", "study_id", "trial_id", "payload")
    rows = select(*columns).select_from(source).where(*conditions)
    return insert(EventRow).from_select(names, rows).cte(f"{kind}_notice")


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


def metrics_payload(study_id: int, trial_id: int, number: int, points: Sequence[tuple[str, int, Any]]) -> Payload:
    """Return the notice of new points, each a name, a step and an encoded value; there is one at least."""
    return {
        "study_id": study_id,
        "trial_id": trial_id,
        "number": number,
        "step": max(step for _, step, _ in points),
        "n_steps": None,
        "points": [list(point) for point in points],
    }


def _event(kind: str, study_id: int, trial_id: int | None, payload: dict[str, Any]) -> dict[str, Any]:
    return {"the_kind": kind, "the_study": study_id, "the_trial": trial_id, "the_payload": payload}


def _xid() -> Any:
    # What orders events on PostgreSQL, the id of the transaction; see `db.events`.
    return cast(text("pg_current_xact_id()::text"), BigInteger)


def _bound(*names: str) -> tuple[Any, ...]:
    return tuple(bindparam(name, type_=BigInteger) for name in names)


def _storing(is_sqlite: bool) -> Insert:
    study_id, trial_id = _bound("the_study", "the_trial")
    return insert(EventRow).values(
        xid=literal(0) if is_sqlite else _xid(),
        kind=bindparam("the_kind"),
        study_id=study_id,
        trial_id=trial_id,
        payload=bindparam("the_payload", type_=Json),
    )


_STORING = {is_sqlite: _storing(is_sqlite) for is_sqlite in (True, False)}
