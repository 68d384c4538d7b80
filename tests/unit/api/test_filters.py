"""Filters of lists: text into terms and back, and refusals that point at the place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.errors import Invalid
from api.filters.tokens import MAX_TERMS, OPERATORS, Term, Value, read_terms, write_term
from api.filters.values import EQUAL, ORDERED, Query

_TEXTS = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=20)
_VALUES = st.lists(_TEXTS.map(lambda text: Value(text, 0, 0)), min_size=1, max_size=3).map(tuple)
_FIELDS = st.from_regex(r"[a-z_][a-z0-9_.@/]{0,9}", fullmatch=True)
_TERMS = st.builds(Term, _FIELDS, st.sampled_from(OPERATORS), _VALUES, st.booleans(), st.just(0), st.just(0))
_WORDS = st.builds(
    Term, st.just(""), st.just("~"), _VALUES.map(lambda values: values[:1]), st.booleans(), st.just(0), st.just(0)
)


def bare(term: Term) -> Term:
    """Return a term without its place in the text."""
    return replace(term, values=tuple(Value(one.text, 0, 0) for one in term.values), start=0, end=0)


def outcome_of(text: str) -> tuple[list[Term], Invalid | None]:
    try:
        return read_terms(text), None
    except Invalid as error:
        return [], error


def refusal(text: str) -> Invalid:
    with pytest.raises(Invalid) as caught:
        read_terms(text)
    return caught.value


def test_every_kind_of_condition_is_read() -> None:
    text = 'state:running,paused -tag:cnn best>=0.97 name~"digits 2" plain "two words"'
    found = [
        (one.is_negated, one.field, one.operator, [value.text for value in one.values]) for one in read_terms(text)
    ]
    assert found == [
        (False, "state", ":", ["running", "paused"]),
        (True, "tag", ":", ["cnn"]),
        (False, "best", ">=", ["0.97"]),
        (False, "name", "~", ["digits 2"]),
        (False, "", "~", ["plain"]),
        (False, "", "~", ["two words"]),
    ]


def test_nothing_asked_for_is_nothing() -> None:
    assert read_terms("  \t ") == []


@given(st.lists(st.one_of(_TERMS, _WORDS), max_size=5))
def test_what_is_written_is_read_as_it_was(terms: list[Term]) -> None:
    text = " ".join(map(write_term, terms))
    assert [bare(term) for term in read_terms(text)] == terms


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused_at_a_place_in_it(text: str) -> None:
    terms, refused = outcome_of(text)
    if refused is None:
        assert all(text[one.start : one.end].strip() for one in terms)
        assert [bare(one) for one in read_terms(" ".join(map(write_term, terms)))] == list(map(bare, terms))
    else:
        assert refused.code == "filter_malformed"
        start, end = refused.span or (-1, -1)
        assert 0 <= start <= end <= len(text)


@pytest.mark.parametrize(
    ("text", "marked", "right"),
    [
        ("state:", "", "state:running"),
        ("state: running", " ", "state:running"),
        ('name~"digits', '"digits', 'name~"digits"'),
        (":running", ":", "state:running"),
        ("a+b=c", "=", '"a+b=c"'),
        ("tag:a,,b", ",", "tag:a,b"),
        ('tag:"a"b', "b", 'tag:"a" b'),
        ('"a""b"', '"', '"a" "b"'),
    ],
)
def test_a_slip_is_marked_where_it_is(text: str, marked: str, right: str) -> None:
    error = refusal(text)
    assert error.code == "filter_malformed"
    assert error.span is not None
    assert text[slice(*error.span)] == marked
    assert error.hint
    assert read_terms(right)


def test_too_many_conditions_are_refused_and_as_many_as_allowed_are_not() -> None:
    assert len(read_terms("a " * MAX_TERMS)) == MAX_TERMS
    assert refusal("a " * (MAX_TERMS + 1)).code == "filter_malformed"


def test_a_name_that_is_not_known_comes_with_the_nearest_one() -> None:
    (term,) = read_terms("-stat:running")
    error = Query("-stat:running").unknown_field(term, ["state", "tag"])
    assert (error.code, error.span, error.field) == ("filter_field", (1, 5), "q")
    assert "'state'" in (error.hint or "")


def test_an_operator_that_a_field_lacks_is_refused_and_one_it_has_is_not() -> None:
    text = "state>running"
    (term,) = read_terms(text)
    Query(text).check_operator(term, ORDERED)
    with pytest.raises(Invalid) as caught:
        Query(text).check_operator(term, EQUAL)
    assert (caught.value.code, caught.value.span) == ("filter_operator", (5, 6))


@pytest.mark.parametrize("wrong", ["nan", "inf", "1_000", "0x1f", "1e999", "many", "٣"])
def test_what_is_no_finite_number_is_refused(wrong: str) -> None:
    with pytest.raises(Invalid) as caught:
        Query(wrong).number(Value(wrong, 0, len(wrong)))
    assert caught.value.code == "filter_value"


@pytest.mark.parametrize(("text", "number"), [("0.97", 0.97), ("-1e-3", -0.001), (".5", 0.5), ("+7", 7.0)])
def test_numbers_are_read(text: str, number: float) -> None:
    assert Query(text).number(Value(text, 0, len(text))) == number


def test_choices_and_times_are_read_or_refused_with_what_there_is() -> None:
    query = Query("RUNNING")
    assert query.choice(Value("Running", 0, 7), ["RUNNING", "PAUSED"]) == "RUNNING"
    assert query.time(Value("2026-11-23", 0, 10)).isoformat() == "2026-11-23T00:00:00+00:00"
    for ask in (lambda: query.choice(Value("runing", 0, 6), ["RUNNING"]), lambda: query.time(Value("soon", 0, 4))):
        with pytest.raises(Invalid) as caught:
            ask()
        assert caught.value.code == "filter_value"
        assert caught.value.hint


def test_one_value_is_taken_where_only_one_makes_sense() -> None:
    text = "best>0.5,0.6"
    (term,) = read_terms(text)
    with pytest.raises(Invalid) as caught:
        Query(text).single(term)
    assert (caught.value.code, caught.value.span) == ("filter_value", (9, 12))
    (one,) = read_terms("best>0.5")
    assert Query("best>0.5").single(one).text == "0.5"
