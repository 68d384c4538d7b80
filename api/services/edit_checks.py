"""A change of a study looked over before it is made: what would change, and what still fits. Nothing is stored.

The rules are those of `edits` and `limits`, asked again without the offending part until nothing is left to complain
of, so that somebody who edits sees all that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.asks.plans import Plan, plan_of
from api.errors import ApiError
from api.malformed import explain_fault
from api.schemas.checks import StudyProblem
from api.schemas.edit_checks import EditCheck, EditChecked, SettingChange
from api.schemas.studies import StudyUpdate
from api.services.budgets import reached_enough
from api.services.checks import MAX_PROBLEMS, path_in, tell
from api.services.edits import edited_spec, is_edit, list_unfit
from api.services.limits import changed_limits, changed_turn, columns_of, may_go_on
from api.services.lookup import get_study, require_native
from api.services.views import spec_of
from db import studies, trials
from db.columns import list_finished_params
from db.records import StudyRecord
from search.errors import SpaceError
from search.parameters import Parameter

_EVERY_WAITING = 1_000_000


@dataclass(frozen=True, slots=True)
class _Edited:
    """A study as a change would make it, and the limits among what changes."""

    study: StudyRecord
    limits: Mapping[str, Any]
    is_searching: bool


def check_edit(session: Session, ref: str, body: EditCheck) -> EditChecked:
    """Look a change over.

    Args:
        session: The database.
        ref: Id or name of the study.
        body: The change.

    Raises:
        NotFound: `study_not_found`. What is wrong with the change is no refusal, but the answer.
    """
    study = get_study(session, ref)
    problems, edited = _look_over(study, body.changes)
    finished = list_finished_params(session, study.id)
    if problems or edited is None:
        return EditChecked(
            problems=problems,
            changes=[],
            n_finished=len(finished),
            n_fitting=None,
            n_replaced=0,
            is_reopened=False,
        )
    plan = plan_of(edited.study)
    filled = [plan.fill(params) for params in finished]
    waiting = trials.list_waiting(session, study.id, _EVERY_WAITING) if edited.is_searching else []
    return EditChecked(
        problems=[],
        changes=list(_changes(study, edited.study, filled)),
        n_finished=len(finished),
        n_fitting=sum(map(plan.space.fits, filled)),
        n_replaced=len(list_unfit(plan, waiting)),
        is_reopened=_is_reopened(session, study, edited),
    )


def _look_over(study: StudyRecord, changes: Mapping[str, Any]) -> tuple[list[StudyProblem], _Edited | None]:
    problems: list[StudyProblem] = []
    rest: dict[str, Any] = dict(changes)
    while len(problems) < MAX_PROBLEMS:
        faults, edited = _accept(study, rest)
        if not faults:
            return problems, edited
        before, may_follow = rest, bool(problems)
        for error in faults:
            path = path_in(changes, error.field)
            if may_follow and not _stands_alone(path, rest):
                return problems, None
            problems.append(tell(error, path))
            rest = _without(rest, path)
        if rest == before:  # nothing to leave out: the same would be told for ever
            break
    return problems[:MAX_PROBLEMS], None


def _accept(study: StudyRecord, changes: Mapping[str, Any]) -> tuple[Sequence[ApiError], _Edited | None]:
    """Return what is wrong with the shape or the first rule that is broken, or the study as it would be."""
    try:
        body = StudyUpdate.model_validate(changes)
    except ValidationError as error:
        return [explain_fault(one, one["loc"], StudyUpdate) for one in error.errors()], None
    try:
        require_native(study, "steer it")
        spec = edited_spec(study, body) if is_edit(body) else spec_of(study).model_dump(mode="json")
        limits, turn = changed_limits(study, body), changed_turn(body)
    except ApiError as error:
        return [error], None
    spec["budget"] = {**spec["budget"], **limits}
    spec["resources"] = {**spec["resources"], **turn}
    return (), _Edited(replace(study, spec=spec, **columns_of(study, limits)), limits, is_edit(body))


def _stands_alone(path: Sequence[str], changes: Mapping[str, Any]) -> bool:
    """Tell whether a change would be wrong at `path` also if nothing had been left out of it."""
    if not path or path[0] in {"n_trials", "max_parallel", "budget", "resources"}:
        return bool(path)
    if path[0] != "search_space" or len(path) == 1:
        return False
    shape = changes["search_space"].get(path[1]) if isinstance(changes.get("search_space"), Mapping) else None
    return shape is None or (isinstance(shape, Mapping) and "when" not in shape)


def _without(changes: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any]:
    head = path[0] if path else ""
    part = changes.get(head)
    if head in {"search_space", "budget", "resources"} and len(path) > 1 and isinstance(part, Mapping):
        return {**changes, head: {key: value for key, value in part.items() if key != path[1]}}
    return {key: value for key, value in changes.items() if key != head}


def _changes(before: StudyRecord, after: StudyRecord, finished: Sequence[Mapping[str, Any]]) -> Iterator[SettingChange]:
    old, new = spec_of(before).model_dump(mode="json"), after.spec
    for name in _differing(old["search_space"], new["search_space"]):
        yield _parameter_change(name, plan_of(before), plan_of(after), finished)
    if old["constraints"] != new["constraints"]:
        yield _setting("constraints", old["constraints"], new["constraints"])
    for part in ("budget", "resources"):
        for name in _differing(old[part], new[part]):
            yield _setting(f"{part}.{name}", old[part].get(name), new[part].get(name))


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [name for name in {**old, **new} if old.get(name) != new.get(name)]


def _setting(field: str, before: object, after: object) -> SettingChange:
    return SettingChange(field=field, before=before, after=after, held=None, n_outside=None)


def _parameter_change(name: str, before: Plan, after: Plan, finished: Sequence[Mapping[str, Any]]) -> SettingChange:
    old, new = before.spec.search_space.get(name), after.spec.search_space.get(name)
    held = None if old is not None and new is not None else after.complete({}).get(name)
    # A list stands in trials as its length and its places.
    flat = [one for one in after.space if one == name or one.startswith(f"{name}.")]
    n_outside = None if new is None else sum(_is_outside(after.space, flat, params) for params in finished)
    return SettingChange(field=f"search_space.{name}", before=old, after=new, held=held, n_outside=n_outside)


def _is_outside(space: Mapping[str, Parameter], names: Sequence[str], params: Mapping[str, Any]) -> bool:
    try:
        for name in names:
            if name in params:
                space[name].check(params[name])
    except SpaceError:
        return True
    return False


def _is_reopened(session: Session, before: StudyRecord, edited: _Edited) -> bool:
    after = edited.study
    if not may_go_on(before, after, dict(edited.limits)) or reached_enough(session, after) is not None:
        return False
    return after.deadline_at is None or not studies.is_past(session, after.deadline_at)
