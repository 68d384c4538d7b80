"""A study looked over before it is submitted: every rule of `specs` and what else refuses it, and nothing is stored.

Creation stops at the first broken rule. Here the offending part is left out of a copy, and the same rules are asked
again, so that one validator serves both and somebody who writes a study sees all that is wrong. What may be wrong only
because a part was left out is not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.errors import ApiError, Conflict, Invalid
from api.malformed import explain_fault
from api.schemas.checks import StudyCheck, StudyChecked, StudyProblem
from api.schemas.studies import StudyCreate, StudySpec
from api.services.dataset_facts import pin_data
from api.services.estimates import estimate_study, n_networks
from api.services.lending import find_lenders
from api.services.specs import complete_spec, n_grid_cells, space_of
from api.studytext import read_study_text
from db import studies
from search.samplers import get_sampler

MAX_PROBLEMS = 20
_PARTS = frozenset(
    {"fixed", "assumed", "search_space", "budget", "sampler", "pruner", "repeats", "evaluation", "resources"}
)
_NEEDED = frozenset({"dataset", "model", "objectives"})


def check_study(session: Session, body: StudyCheck) -> StudyChecked:
    """Look a study over.

    Args:
        session: The database, to read names and history.
        body: The study, or its text.

    Raises:
        Invalid: `one_of_two`. What is wrong with the study is no refusal, but the answer.
    """
    if (body.study is None) == (body.text is None):
        given = "neither" if body.study is None else "both"
        raise Invalid("one_of_two", f"give study or text: {given} was given", "study", "send one of the two")
    try:
        study = body.study if body.study is not None else read_study_text(body.text or "")
    except Invalid as error:
        return _answer([tell(error, [])], None)
    problems, spec = _look_over(session, study)
    if problems or spec is None:
        return _answer(problems, study)
    n_trials = _most_trials(spec)
    return StudyChecked(
        problems=[],
        study=study,
        spec=spec,
        n_grid_cells=n_grid_cells(spec),
        n_trials=n_trials,
        n_networks=n_networks(spec),
        estimate=estimate_study(session, spec, n_trials),
    )


def _answer(problems: list[StudyProblem], study: dict[str, Any] | None) -> StudyChecked:
    return StudyChecked(
        problems=problems,
        study=study,
        spec=None,
        n_grid_cells=None,
        n_trials=None,
        n_networks=None,
        estimate=None,
    )


def _look_over(session: Session, study: Mapping[str, Any]) -> tuple[list[StudyProblem], StudySpec | None]:
    """Return what is wrong, or the complete study."""
    problems: list[StudyProblem] = []
    rest: dict[str, Any] | None = dict(study)
    left_out: set[str] = set()
    while rest is not None and len(problems) < MAX_PROBLEMS:
        try:
            return problems, _accept(session, rest)
        except _Faults as faults:
            before, missing = rest, frozenset(left_out)
            for error in faults.errors:
                path = path_in(study, error.field)
                if not _may_follow(error, path, missing):
                    return problems, None
                told = tell(error, path)
                if all(one.pointer != told.pointer for one in problems):
                    problems.append(told)
                rest = None if rest is None else without(rest, path)
                left_out.update(path[:1])
            if rest == before:  # nothing to leave out: the same would be told for ever
                break
    return problems[:MAX_PROBLEMS], None


class _Faults(Exception):
    """What one look found: all that is wrong with the shape, or the first rule that is broken."""

    def __init__(self, errors: Sequence[ApiError]) -> None:
        super().__init__(len(errors))
        self.errors = errors


def _accept(session: Session, study: Mapping[str, Any]) -> StudySpec:
    """Return the study complete, as creation would store it."""
    try:
        body = StudyCreate.model_validate(study)
    except ValidationError as error:
        raise _Faults([explain_fault(one, one["loc"], StudyCreate) for one in error.errors()]) from error
    try:
        if studies.find_study(session, body.name) is not None:
            message = f"there is a study named {body.name!r} already"
            raise Conflict("name_taken", message, "name", "choose another name")
        spec = complete_spec(pin_data(session, body))
        find_lenders(session, spec)
    except ApiError as error:
        raise _Faults([error]) from error
    return spec


def path_in(study: Mapping[str, Any], field: str | None) -> list[str]:
    """Return the keys on the way to a dotted field; a key with dots in it stays one where the study has it."""
    parts = field.split(".") if field else []
    path: list[str] = []
    here: Any = study
    while parts:
        n = next((n for n in range(len(parts), 1, -1) if isinstance(here, Mapping) and ".".join(parts[:n]) in here), 1)
        path.append(".".join(parts[:n]))
        here, parts = here.get(path[-1]) if isinstance(here, Mapping) else None, parts[n:]
    return path


def without(study: Mapping[str, Any], path: Sequence[str]) -> dict[str, Any] | None:
    """Return a study without its part at `path`, and without what depends on that; None where it is needed.

    Only the outermost name of a list counts: the others would change their places.
    """
    head = path[0] if path else ""
    if not head or head in _NEEDED or list(path) == ["search_space"]:
        return None
    if head == "name":
        return {**study, "name": "a-name-that-nobody-has-taken-yet"}
    part = study.get(head)
    if head not in _PARTS or len(path) == 1 or path[1] == "name" or not isinstance(part, Mapping):
        return {key: value for key, value in study.items() if key != head}
    changed = {**study, head: {key: value for key, value in part.items() if key != path[1]}}
    return _without_dependents(changed) if head == "search_space" else changed


def _without_dependents(study: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what may speak of a parameter that is no longer there: constraints, conditions, assumed values."""
    kept = {key: value for key, value in study.items() if key not in {"constraints", "assumed"}}
    free = {
        name: shape
        for name, shape in kept["search_space"].items()
        if not (isinstance(shape, Mapping) and "when" in shape)
    }
    return {**kept, "search_space": free}


def _may_follow(error: ApiError, path: Sequence[str], left_out: frozenset[str]) -> bool:
    """Tell whether a study would be wrong in this way also if nothing had been left out."""
    if not left_out - {"name", "notes", "tags"}:
        return True
    if not path or list(path) == ["search_space"] or error.code == "impossible_combination":
        return False
    return "search_space" not in left_out or path[0] != "sampler" or error.code.startswith("unknown")


def tell(error: ApiError, path: Sequence[str]) -> StudyProblem:
    """Return a refusal as a problem at `path`, the keys on the way to the offending place."""
    escaped = [part.replace("~", "~0").replace("/", "~1") for part in path]
    return StudyProblem(
        code=error.code,
        message=error.message,
        field=error.field,
        hint=error.hint,
        span=error.span,
        pointer="".join(f"/{part}" for part in escaped),
    )


def _most_trials(spec: StudySpec) -> int | None:
    """Return how many trials a study can have at most: what its budget allows, or all that its sampler can propose."""
    n_cells = get_sampler(spec.sampler.name).n_cells(space_of(spec))
    limits = [n for n in (spec.budget.n_trials, n_cells) if n]
    return min(limits, default=None)
