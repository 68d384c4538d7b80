"""A study made of another one, with its history."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from api.asks.plans import plan_for
from api.errors import Invalid
from api.schemas.forks import ForkChanges, ForkCreate, Lender, LenderList
from api.schemas.studies import StudyCreate, StudyUpdate
from api.services.edits import settings_with
from api.services.lending import Loans, check_lender, gather_history
from api.services.lookup import get_study, require_native
from api.services.studies import Draft, draft_study
from api.services.views import spec_of
from db import lent, studies
from db.records import StudyRecord

_ABOUT = frozenset({"notes", "tags"})
_MERGED = frozenset({"search_space", "constraints", "budget"})


def draft_fork(session: Session, ref: str, body: ForkCreate) -> Draft:
    """Make a study of another one: its settings but for what is changed, and what it has learned, which it is lent.

    Lent trials count in no budget. The old study goes on.

    Raises:
        NotFound: `study_not_found`.
        Invalid: A rule that the new study breaks; with history also `other_model`, `other_objective`, `other_dataset`
            or `other_evaluation`, because then no value of the old study says anything about the new one, and
            `given_twice` for a warm start beside it.
        Conflict: `optuna_study`.
    """
    old = get_study(session, ref)
    require_native(old, "fork it")
    if body.history == "finished" and body.changes.warm_start is not None:
        message = "both a history and a warm start were given, and the same trials could come with each"
        hint = 'set "history" to "none", and name the old study among warm_start.studies'
        raise Invalid("given_twice", message, "changes.warm_start", hint)
    draft = _draft(session, old, body)
    if body.history == "none":
        return draft
    try:
        check_lender(draft.spec, old, "history", is_prior=True)
    except Invalid as error:
        raise Invalid(error.code, error.message, "history", 'set "history" to "none", or keep it') from error
    return replace(draft, loans=Loans(gather_history(session, plan_for(draft.spec), [old], passed_on=True)))


def list_lenders(session: Session, ref: str) -> LenderList:
    """Return which studies lent trials to a study, and how many."""
    study = get_study(session, ref)
    counts = Counter(one.lender_id for one in lent.list_lent(session, study.id))
    items = []
    for lender_id, n in sorted(counts.items()):
        lender = studies.find_study(session, lender_id)
        items.append(Lender(study_id=lender_id, name=None if lender is None else lender.name, n_trials=n))
    return LenderList(items=items)


def _draft(session: Session, old: StudyRecord, body: ForkCreate) -> Draft:
    try:
        return draft_study(session, StudyCreate.model_validate({**_settings(old, body), "name": body.name}))
    except Invalid as error:
        place = error.field or ""
        is_change = place.split(".")[0] in ForkChanges.model_fields
        raise Invalid(error.code, error.message, f"changes.{place}" if is_change else place, error.hint) from error


def _settings(old: StudyRecord, body: ForkCreate) -> dict[str, Any]:
    changes = body.changes.model_dump(exclude_unset=True)
    spec = spec_of(old).model_dump(mode="json")
    spec |= {"warm_start": None, "notes": old.notes, "tags": list(old.tags)}
    # With the old seed, a sampler that does not learn would propose the old trials again.
    spec["sampler"] = {**spec["sampler"], "seed": None}
    searched = {key: changes[key] for key in ("search_space", "constraints") if key in changes}
    spec |= settings_with(old, StudyUpdate.model_validate(searched))
    spec["budget"] = {**spec["budget"], **(changes.get("budget") or {})}
    whole = {key: value for key, value in changes.items() if value is not None and key not in _MERGED}
    return {**spec, **whole}
