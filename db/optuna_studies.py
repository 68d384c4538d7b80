"""Named queries on studies and attributes, as Optuna's storage interface asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Executable,
    Select,
    Table,
    Text,
    bindparam,
    func,
    insert,
    literal,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB

from db.lifecycle import StudyState
from db.optuna_events import storing, study_event
from db.optuna_link import Link
from db.optuna_trials import is_open
from db.tables import Base, StudyAttrRow, StudyRow, TrialAttrRow, TrialRow
from db.types import Json

Attrs = dict[str, str]


@dataclass(frozen=True, slots=True)
class OptunaStudy:
    """A study as Optuna sees it; `spec` is complete for both kinds."""

    id: int
    name: str
    kind: Literal["native", "optuna"]
    directions: Sequence[str]
    spec: Mapping[str, Any]


_STUDY = select(StudyRow.id, StudyRow.name, StudyRow.kind, StudyRow.directions, StudyRow.spec).where(
    StudyRow.deleted_at.is_(None)
)
_BY_ID = _STUDY.where(StudyRow.id == bindparam("the_id"))
_BY_NAME = _STUDY.where(StudyRow.name == bindparam("the_name"))
_ALL = _STUDY.order_by(StudyRow.id)
_ATTRS = (
    select(StudyAttrRow.key, StudyAttrRow.value)
    .join(StudyRow, StudyRow.id == StudyAttrRow.study_id)
    .where(StudyAttrRow.study_id == bindparam("the_id"), StudyAttrRow.is_system == bindparam("the_flag", type_=Boolean))
)
_ALL_ATTRS = select(StudyAttrRow.study_id, StudyAttrRow.is_system, StudyAttrRow.key, StudyAttrRow.value)
_INSERT = insert(StudyRow).returning(StudyRow.id)
_OWN = (StudyRow.id == bindparam("the_id", type_=BigInteger), StudyRow.kind == "optuna")
_SPEC = select(StudyRow.spec).where(*_OWN)
_SET_SPEC = update(StudyRow).where(*_OWN).values(spec=bindparam("the_spec", type_=Json), rev=StudyRow.rev + 1)
# Of two objects that are put together the right one's entries win: those that the study has.
_WITH_SHAPES = bindparam("the_shapes", type_=JSONB).op("||", return_type=JSONB)(StudyRow.spec["search_space"])
_ADD_SHAPES = (
    update(StudyRow)
    .where(*_OWN)
    .values(spec=func.jsonb_set(StudyRow.spec, literal_column("'{search_space}'"), _WITH_SHAPES), rev=StudyRow.rev + 1)
)


def insert_study(link: Link, values: Mapping[str, Any]) -> int:
    """Store a study of Optuna's and return its id.

    Effects:
        The study, one event.

    Raises:
        IntegrityError: The name is taken.
    """
    with link.bulk() as connection:
        made: int = connection.execute(_INSERT, {**values, "kind": "optuna"}).scalar_one()
        connection.execute(storing(is_sqlite=link.is_sqlite), study_event(made, values["name"], StudyState.RUNNING, 0))
    return made


def add_shapes(link: Link, study_id: int, shapes: Mapping[str, Mapping[str, Any]]) -> None:
    """Add parameters to the search space that a study of Optuna's shows; those it has stay as they are."""
    if not link.is_sqlite:
        link.run(_ADD_SHAPES, {"the_id": study_id, "the_shapes": dict(shapes)})
        return
    with link.transaction() as execute:
        for (spec,) in execute(_SPEC, {"the_id": study_id}):
            whole = {**spec, "search_space": {**shapes, **spec["search_space"]}}
            execute(_SET_SPEC, {"the_id": study_id, "the_spec": whole})


def find_study(link: Link, ref: int | str) -> OptunaStudy | None:
    """Return a study of either kind by id (int) or name (str), unless it is deleted."""
    rows = link.run(_BY_ID, {"the_id": ref}) if isinstance(ref, int) else link.run(_BY_NAME, {"the_name": ref})
    return OptunaStudy(*rows[0]) if rows else None


def list_studies(link: Link) -> list[OptunaStudy]:
    """Return all studies of either kind that are not deleted, oldest first."""
    return [OptunaStudy(*row) for row in link.run(_ALL, {})]


def find_attrs(link: Link, study_id: int, *, is_system: bool) -> Attrs:
    """Return a study's attributes as JSON texts."""
    return dict(link.run(_ATTRS, {"the_id": study_id, "the_flag": is_system}))


def list_attrs(link: Link) -> dict[tuple[int, bool], Attrs]:
    """Return the attributes of all studies as JSON texts, by study and by whether they are Optuna's own."""
    found: dict[tuple[int, bool], Attrs] = {}
    for study_id, is_system, key, value in link.run(_ALL_ATTRS, {}):
        found.setdefault((study_id, is_system), {})[key] = value
    return found


def set_attr(link: Link, study_id: int, key: str, value: str, *, is_system: bool) -> bool:
    """Store an attribute of a study of either kind, or replace it. Returns False where there is no such study."""
    statement = _SET_STUDY_ATTR[link.is_sqlite]
    return bool(link.run(statement, {"the_id": study_id, "the_flag": is_system, "the_key": key, "the_value": value}))


def set_trial_attr(link: Link, trial_id: int, key: str, value: str, *, is_system: bool) -> bool:
    """Store an attribute of an open trial of Optuna's, or replace it. Returns False where there is no such trial."""
    statement = _SET_TRIAL_ATTR[link.is_sqlite]
    return bool(link.run(statement, {"the_id": trial_id, "the_flag": is_system, "the_key": key, "the_value": value}))


def _setting(row: type[Base], owner: Select[Any], is_sqlite: bool) -> Executable:
    """Return the upsert of an attribute whose owner is what `owner` finds, if it finds one."""
    table = row.__table__
    assert isinstance(table, Table)
    values = owner.add_columns(
        bindparam("the_flag", type_=Boolean), bindparam("the_key", type_=Text), bindparam("the_value", type_=Text)
    )
    names = [column.name for column in table.c]
    make = sqlite.insert if is_sqlite else postgresql.insert
    adding = make(table).from_select(names, values)
    return adding.on_conflict_do_update(index_elements=names[:3], set_={"value": adding.excluded["value"]}).returning(
        literal(1)
    )


_OWNER_STUDY = select(StudyRow.id).where(StudyRow.id == bindparam("the_id"), StudyRow.deleted_at.is_(None))
# The lock makes those who end the trial meanwhile wait: what is finished does not change any more.
_OWNER_TRIAL = select(TrialRow.id).where(*is_open("the_id")).with_for_update()
_SET_STUDY_ATTR = {is_sqlite: _setting(StudyAttrRow, _OWNER_STUDY, is_sqlite) for is_sqlite in (True, False)}
_SET_TRIAL_ATTR = {is_sqlite: _setting(TrialAttrRow, _OWNER_TRIAL, is_sqlite) for is_sqlite in (True, False)}
