"""Conditions on trials that a filter may ask for, the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

from sqlalchemy import (
    ColumnElement,
    Float,
    String,
    Text,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    or_,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from db.lifecycle import TrialPhase, TrialState
from db.tables import TrialRow
from db.types import has_violation, microseconds_between

Condition = ColumnElement[bool]
Holder = Literal["params", "values"]
_SET_APART: Final = frozenset({TrialPhase.WAITING, TrialPhase.PAUSED})
_HOLDERS: Final[Mapping[Holder, ColumnElement[Any]]] = {
    "params": TrialRow.params.expression,
    "values": TrialRow.values.expression,
}
NUMBERS: Final[Mapping[str, ColumnElement[Any]]] = {
    "number": TrialRow.number.expression,
    "step": TrialRow.step.expression,
    "attempts": TrialRow.n_attempts.expression,
    "confirms": TrialRow.confirms.expression,
    "duration": cast(microseconds_between(TrialRow.started_at, TrialRow.finished_at), Float) / 1e6,
}
TIMES: Final[Mapping[str, ColumnElement[Any]]] = {
    "started": TrialRow.started_at.expression,
    "finished": TrialRow.finished_at.expression,
    "created": TrialRow.created_at.expression,
}
TEXTS: Final[Mapping[str, ColumnElement[str]]] = {
    "source": TrialRow.source.expression,
    "reason": TrialRow.reason.expression,
    "note": TrialRow.note.expression,
    # A list of words as JSON: part of one is found, and a whole one with its quotes.
    "finding": cast(TrialRow.findings, Text),
}


class json_number(FunctionElement[float]):  # noqa: N801 - named as the SQL function it stands for
    """A number in a JSON object by its key; NULL where there is none, or something else."""

    type = Float()
    inherit_cache = True


@compiles(json_number, "postgresql")
def _json_number_postgresql(element: json_number, compiler: SQLCompiler, **kw: Any) -> str:
    held, key = (compiler.process(clause, **kw) for clause in element.clauses)
    # In a CASE, because only there is the order of evaluation certain.
    return f"CASE WHEN jsonb_typeof({held} -> {key}) = 'number' THEN CAST({held} ->> {key} AS DOUBLE PRECISION) END"


@compiles(json_number, "sqlite")
def _json_number_sqlite(element: json_number, compiler: SQLCompiler, **kw: Any) -> str:
    held, key = (compiler.process(clause, **kw) for clause in element.clauses)
    path = f"'$.\"' || {key} || '\"'"
    return f"CASE WHEN json_type({held}, {path}) IN ('integer', 'real') THEN json_extract({held}, {path}) END"


class each_word(FunctionElement[str]):  # noqa: N801 - named as the SQL function it stands for
    """The words of a JSON list, a row each."""

    inherit_cache = True


@compiles(each_word, "postgresql")
def _each_word_postgresql(element: each_word, compiler: SQLCompiler, **kw: Any) -> str:
    return f"jsonb_array_elements_text({compiler.process(element.clauses, **kw)})"


@compiles(each_word, "sqlite")
def _each_word_sqlite(element: each_word, compiler: SQLCompiler, **kw: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **kw)})"


class json_word(FunctionElement[str]):  # noqa: N801 - named as the SQL function it stands for
    """A text, true, false or null in a JSON object by its key, as text; NULL where there is none of these."""

    type = String()
    inherit_cache = True


@compiles(json_word, "postgresql")
def _json_word_postgresql(element: json_word, compiler: SQLCompiler, **kw: Any) -> str:
    held, key = (compiler.process(clause, **kw) for clause in element.clauses)
    kind = f"jsonb_typeof({held} -> {key})"
    return f"CASE WHEN {kind} = 'null' THEN 'null' WHEN {kind} IN ('string', 'boolean') THEN {held} ->> {key} END"


@compiles(json_word, "sqlite")
def _json_word_sqlite(element: json_word, compiler: SQLCompiler, **kw: Any) -> str:
    held, key = (compiler.process(clause, **kw) for clause in element.clauses)
    path = f"'$.\"' || {key} || '\"'"
    kind, found = f"json_type({held}, {path})", f"json_extract({held}, {path})"
    return f"CASE WHEN {kind} IN ('true', 'false', 'null') THEN {kind} WHEN {kind} = 'text' THEN {found} END"


def held_number(holder: Holder, key: str) -> ColumnElement[float]:
    """Return a number among the parameters or values of a trial."""
    return json_number(_HOLDERS[holder], _key(key))


def held_word(holder: Holder, key: str) -> ColumnElement[str]:
    """Return a choice that is no number among the parameters or values of a trial."""
    return json_word(_HOLDERS[holder], _key(key))


def shown_value(metric: str) -> ColumnElement[float]:
    """Return what tables show of a trial's first objective, `metric`."""
    return func.coalesce(TrialRow.value, held_number("values", metric))


def in_phase(phases: Collection[TrialPhase]) -> Condition:
    """Tell whether a trial is in one of these phases: a paused one does not wait for a worker."""
    waits, is_paused = TrialRow.state == TrialState.WAITING, TrialRow.paused_step.is_not(None)
    found: list[Condition] = [TrialRow.state.in_([TrialState(one) for one in phases if one not in _SET_APART])]
    if TrialPhase.WAITING in phases:
        found.append(and_(waits, not_(is_paused)))
    if TrialPhase.PAUSED in phases:
        found.append(and_(waits, is_paused))
    return or_(*found)


def phase_of() -> ColumnElement[str]:
    """Return a trial's state, but PAUSED for one that was set aside."""
    is_paused = and_(TrialRow.state == TrialState.WAITING, TrialRow.paused_step.is_not(None))
    return case((is_paused, TrialPhase.PAUSED.value), else_=TrialRow.state)


def is_feasible() -> Condition:
    """Tell whether a trial keeps every constraint on outcomes, as far as is known."""
    return not_(has_violation(TrialRow.outcome_constraints))


def holds_text(column: ColumnElement[str], part: str) -> Condition:
    """Tell whether a text has a part, whatever the case of its letters."""
    return func.lower(column).contains(part.lower(), autoescape=True)


def has_tag(text: str, *, is_part: bool) -> Condition:
    """Tell whether a trial has a tag, or one with this part, whatever the case of its letters."""
    tag = each_word(TrialRow.tags).table_valued("value", name="each_tag")
    word = func.lower(cast(tag.c.value, String))
    matches = word.contains(text.lower(), autoescape=True) if is_part else word == text.lower()
    return select(literal(1)).select_from(tag).where(matches).correlate(TrialRow).exists()


def any_of(conditions: Sequence[Condition]) -> Condition:
    """Tell whether one of some conditions holds; where a value is missing, none does."""
    return func.coalesce(or_(*conditions), false())


def negated(condition: Condition) -> Condition:
    """Tell whether a condition does not hold, which includes that a value is missing."""
    return not_(condition)


def _key(key: str) -> ColumnElement[str]:
    return bindparam(None, key, type_=Text(), unique=True)
