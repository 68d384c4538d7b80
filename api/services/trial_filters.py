"""What the fields of a filter of trials mean: `state:complete value>0.97 learning_rate<0.01 activation=relu`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Final

from api.filters.tokens import Term, Value, read_terms
from api.filters.values import COMPARE, EQUAL, ORDERED, TEXT, Query
from api.services.objectives import metrics_of
from api.services.specs import space_of
from api.services.views import spec_of
from db import trial_conditions as conditions
from db.lifecycle import TrialPhase
from db.records import StudyRecord
from db.trial_conditions import Condition
from search.parameters import FloatParameter, IntParameter, Parameter

Read = Callable[[Query, Term, Value], Condition]
_FEASIBLE: Final = {"yes": True, "no": False}
_PREFIXES: Final = ("param.", "metric.")


def conditions_of(study: StudyRecord, text: str, name: str = "where") -> list[Condition]:
    """Read a filter of a study's trials; all conditions must hold.

    Args:
        study: Whose parameters and objectives are fields.
        text: As a person wrote it.
        name: The request's parameter that holds it.

    Raises:
        Invalid: `filter_malformed`, `filter_field`, `filter_operator` or `filter_value`, with the characters in `span`.
    """
    query = Query(text, name)
    terms = read_terms(text, name)
    readers = _readers(study) if terms else {}
    return [_condition(query, term, readers) for term in terms]


def _condition(query: Query, term: Term, readers: Mapping[str, tuple[Read, frozenset[str]]]) -> Condition:
    read, operators = _reader_of(query, term, readers)
    if term.field:
        query.check_operator(term, operators)
    if term.operator not in EQUAL:
        query.single(term)
    found = conditions.any_of([read(query, term, value) for value in term.values])
    return conditions.negated(found) if term.is_negated != (term.operator == "!=") else found


def _reader_of(
    query: Query, term: Term, readers: Mapping[str, tuple[Read, frozenset[str]]]
) -> tuple[Read, frozenset[str]]:
    if not term.field:
        return _anywhere, TEXT
    found = readers.get(term.field)
    if found is not None:
        return found
    prefix = next((one for one in _PREFIXES if term.field.startswith(one)), None)
    if prefix is None:
        raise query.unknown_field(term, readers)
    # Of a parameter that the space no longer has, or a metric that is no objective.
    name = term.field.removeprefix(prefix)
    return (_held_param(name), ORDERED | TEXT) if prefix == "param." else (_held_metric(name), ORDERED)


def _readers(study: StudyRecord) -> dict[str, tuple[Read, frozenset[str]]]:
    """Return how each field is read, and its operators; what is every study's stands before the study's own."""
    first, *_ = metrics = metrics_of(study)
    space = space_of(spec_of(study))
    return {
        **{metric: (_held_metric(metric), ORDERED) for metric in metrics},
        **{name: _of_param(name, parameter) for name, parameter in space.items()},
        **{name: (_text(name), TEXT) for name in conditions.TEXTS},
        **{name: (_time(name), ORDERED) for name in conditions.TIMES},
        **{name: (_number(name), ORDERED) for name in conditions.NUMBERS},
        "value": (_value(first), ORDERED),
        "state": (_state, EQUAL),
        "feasible": (_feasible, EQUAL),
        "tag": (_tag, TEXT),
    }


def _state(query: Query, term: Term, value: Value) -> Condition:
    return conditions.in_phase([TrialPhase(query.choice(value, TrialPhase))])


def _feasible(query: Query, term: Term, value: Value) -> Condition:
    keeps = conditions.is_feasible()
    return keeps if _FEASIBLE[query.choice(value, _FEASIBLE)] else conditions.negated(keeps)


def _tag(query: Query, term: Term, value: Value) -> Condition:
    return conditions.has_tag(value.text, is_part=term.operator == "~")


def _anywhere(query: Query, term: Term, value: Value) -> Condition:
    texts = [conditions.holds_text(column, value.text) for column in conditions.TEXTS.values()]
    return conditions.any_of([*texts, conditions.has_tag(value.text, is_part=True)])


def _text(name: str) -> Read:
    column = conditions.TEXTS[name]

    def read(query: Query, term: Term, value: Value) -> Condition:
        if name == "finding" and term.operator != "~":
            return conditions.holds_text(column, json.dumps(value.text))
        return conditions.holds_text(column, value.text) if term.operator == "~" else column == value.text

    return read


def _time(name: str) -> Read:
    return lambda query, term, value: _compare(term)(conditions.TIMES[name], query.time(value))


def _number(name: str) -> Read:
    return lambda query, term, value: _compare(term)(conditions.NUMBERS[name], query.number(value))


def _value(metric: str) -> Read:
    return lambda query, term, value: _compare(term)(conditions.shown_value(metric), query.number(value))


def _held_metric(metric: str) -> Read:
    return lambda query, term, value: _compare(term)(conditions.held_number("values", metric), query.number(value))


def _of_param(name: str, parameter: Parameter) -> tuple[Read, frozenset[str]]:
    if isinstance(parameter, FloatParameter | IntParameter):
        return (
            lambda query, term, value: _compare(term)(conditions.held_number("params", name), query.number(value)),
            ORDERED,
        )
    names = [choice if isinstance(choice, str) else json.dumps(choice) for choice in parameter.choices]
    read = _held_param(name)

    def read_choice(query: Query, term: Term, value: Value) -> Condition:
        if term.operator in EQUAL and value.text not in names:
            query.choice(value, names)
        return read(query, term, value)

    has_numbers = any(type(choice) in (int, float) for choice in parameter.choices)
    return read_choice, ORDERED | TEXT if has_numbers else TEXT


def _held_param(name: str) -> Read:
    """Read a parameter that may be a number or a word: `16` is both."""

    def read(query: Query, term: Term, value: Value) -> Condition:
        word = conditions.held_word("params", name)
        if term.operator == "~":
            return conditions.holds_text(word, value.text)
        if term.operator not in EQUAL:
            return _compare(term)(conditions.held_number("params", name), query.number(value))
        is_word = word == value.text
        if not query.is_number(value):
            return is_word
        return conditions.any_of([is_word, conditions.held_number("params", name) == query.number(value)])

    return read


def _compare(term: Term) -> Callable[[object, object], Condition]:
    """Return what an operator does; "!=" is negated once, around all its values."""
    return COMPARE["=" if term.operator == "!=" else term.operator]
