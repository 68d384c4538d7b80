"""Lists of studies: the words of a filter, and the page it chooses."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from api.filters.tokens import Term, read_terms
from api.filters.values import EQUAL, ORDERED, TEXT, Query
from api.schemas.studies import StudyPage, StudyRead
from api.schemas.study_lists import StudyQuery
from api.services.paging import decode_cursor, encode_cursor
from api.services.views import show_study
from db import studies, study_lists
from db.lifecycle import StudyState
from db.records import StudyRecord
from db.study_lists import NUMBER_FIELDS, TEXT_FIELDS, TIME_FIELDS, Condition, StudyList, StudyOrder

N_PARTS = 24  # of a sparkline: as many as its pixels tell apart
_KEYS: Mapping[StudyOrder, type] = {
    "created": int,
    "name": str,
    "state": str,
    "owner": str,
    "best": float,
    "trials": int,
}
_ARCHIVED = {"no": False, "yes": True, "all": None}
_FIELDS = ("tag", *TEXT_FIELDS, *NUMBER_FIELDS, *TIME_FIELDS)


def list_studies(session: Session, query: StudyQuery) -> StudyPage:
    """Return a page of studies.

    Raises:
        Invalid: `filter_malformed`, `filter_field`, `filter_operator` or `filter_value`, with the place in `q`;
            `cursor_malformed`.
    """
    after = decode_cursor(query.cursor, _KEYS[query.order_by], int)
    wanted = StudyList(
        conditions=[*_given(query), *read_conditions(query.q)],
        is_archived=_ARCHIVED[query.archived],
        order_by=query.order_by,
        descending=query.descending,
        after_key=None if after is None else after[0],
        after_id=None if after is None else after[1],
    )
    found = study_lists.list_studies(session, wanted, query.limit + 1)
    page, has_more = found[: query.limit], len(found) > query.limit
    next_cursor = None
    if has_more:
        next_cursor = encode_cursor(study_lists.ordering_key(session, page[-1].id, query.order_by), page[-1].id)
    return StudyPage(items=_show(session, page), next_cursor=next_cursor)


def read_conditions(text: str) -> list[Condition]:
    """Return the conditions that a person wrote.

    Raises:
        Invalid: See `list_studies`.
    """
    query = Query(text)
    return [_read(query, term) for term in read_terms(text)]


def _show(session: Session, page: list[StudyRecord]) -> list[StudyRead]:
    counts = studies.count_trials(session, [one.id for one in page], with_confirmations=False)
    single = [one.id for one in page if len(one.directions) == 1]
    progress = study_lists.list_progress(session, single, N_PARTS) if single else {}
    return [show_study(session, one, counts[one.id], progress.get(one.id)) for one in page]


def _given(query: StudyQuery) -> list[Condition]:
    given = (("state", "=", query.state), ("", "~", query.search), ("tag", "=", query.tag))
    return [Condition(field, operator, (value,)) for field, operator, value in given if value]


def _read(query: Query, term: Term) -> Condition:
    """Return what a term says; ":" and "=" are the same, and "!=" is the negation of both."""
    operator = "=" if term.operator in EQUAL else term.operator
    is_negated = term.is_negated != (term.operator == "!=")
    if term.field and term.field not in _FIELDS:
        raise query.unknown_field(term, _FIELDS)
    if not term.field:
        return Condition("", "~", tuple(one.text for one in term.values), is_negated)
    if term.field == "state":
        query.check_operator(term, EQUAL)
        return Condition("state", "=", tuple(query.choice(one, StudyState) for one in term.values), is_negated)
    if term.field in NUMBER_FIELDS or term.field in TIME_FIELDS:
        query.check_operator(term, ORDERED)
        if term.operator not in EQUAL:
            query.single(term)
        read = query.number if term.field in NUMBER_FIELDS else query.time
        return Condition(term.field, operator, tuple(map(read, term.values)), is_negated)
    query.check_operator(term, TEXT)
    return Condition(term.field, operator, tuple(one.text for one in term.values), is_negated)
