"""Changes of the space of a study that runs: what it becomes, and what of that which waits has to be replaced.

What a trial was trained with never changes. A hyperparameter that the space did not have was what the study fixed it
to, or the model's default; it still counts as that for trials from before it was added, and they stay usable.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.asks.asker import Asker, draw
from api.asks.plans import Plan, plan_of
from api.asks.proposals import Asked, Chain, Proposal, request_for
from api.errors import Conflict, Invalid
from api.schemas.studies import StudyCreate, StudySpec, StudyUpdate
from api.services.batches import are_as_seen
from api.services.dataset_facts import dataset_of
from api.services.lookup import get_study
from api.services.scripts import require_network
from api.services.settle import announce_trial, cancel_waiting
from api.services.specs import complete_spec
from api.transaction import Ledger, Tx
from db import history, trials
from db.lifecycle import ENDED_STUDIES, StudyState, TrialState
from db.records import StudyRecord, TrialRecord
from models import catalogue
from search.errors import SearchError, suggest_name

_PATIENCE_S = 6.0
_EVERY_WAITING = 1_000_000
_EDITABLE = frozenset({StudyState.RUNNING, StudyState.PAUSED})
_NO_ANSWER = "the space was changed while it waited"


def is_edit(body: StudyUpdate) -> bool:
    """Tell whether changes concern what is searched."""
    return body.search_space is not None or body.constraints is not None


def edited_spec(study: StudyRecord, body: StudyUpdate) -> dict[str, Any]:
    """Return a study's settings with another space or other constraints, complete and checked as those of a new one.

    Raises:
        Invalid: Whatever rule the space breaks.
        Conflict: `wrong_state`, or `grid_fixed` for a sampler that visits the cells of its space one by one.
    """
    if study.state not in _EDITABLE and not (study.state in ENDED_STUDIES and _opens_again(body)):
        hint = "raise n_trials in the same request, so that it goes on" if study.state in ENDED_STUDIES else ""
        raise Conflict("wrong_state", f"study {study.name!r} is {study.state}: it searches no more", "study", hint)
    if (plan_of(study).n_cells or 0) > 0 and study.next_cell > 0:
        raise Conflict(
            "grid_fixed",
            f"study {study.name!r} visits the cells of its space in their order, which another space would change",
            "search_space" if body.search_space is not None else "constraints",
            "submit the other space as a study of its own",
        )
    # `create` would draw a seed and choose a budget; here both are given.
    settings = {**study.spec, **settings_with(study, body), "name": "x"}
    return complete_spec(StudyCreate.model_validate(settings)).model_dump(mode="json")


def settings_with(study: StudyRecord, body: StudyUpdate) -> dict[str, Any]:
    """Return what becomes of a study's space, constraints, fixed and assumed values by a change of space; unchecked."""
    spec = study.spec
    space = dict(spec["search_space"] if body.search_space is None else _edited_space(study, body.search_space))
    constraints = list(spec.get("constraints", ())) if body.constraints is None else body.constraints
    return {**_moved(spec, space), "search_space": space, "constraints": constraints}


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a study's sampler proposes in place of trials that an edit replaces.

    Attributes:
        asked: The proposals, and what they depend on.
        renewed: The trials they are for.
    """

    asked: Asked
    renewed: Sequence[TrialRecord]


def undo_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Return the change that undoes an edit, empty where nothing can be.

    Args:
        before: The settings that it changed, as they were.
        after: The same, as they became.
    """
    undo: dict[str, Any] = {}
    if "search_space" in after:
        old, new = before["search_space"], after["search_space"]
        undo["search_space"] = {name: old.get(name) for name in {**old, **new} if old.get(name) != new.get(name)}
    if "constraints" in after:
        undo["constraints"] = list(before.get("constraints", ()))
    if "budget" in after:
        old, new = before["budget"], after["budget"]
        limits = {name: old.get(name) for name in new if old.get(name) != new[name]}
        if limits.get("n_trials") is not None:  # it is only ever raised
            del limits["n_trials"]
        undo |= {"budget": limits} if limits else {}
    if "resources" in after:
        old, new = before["resources"], after["resources"]
        undo["resources"] = {name: old[name] for name in new if name in old and old[name] != new[name]}
    return undo


def prepare_edit(ledger: Ledger, asker: Asker, ref: str, body: StudyUpdate) -> Prepared | None:
    """Ask a sampler that learns for what an edit will replace, outside of any transaction.

    Raises:
        ApiError: What `edited_spec` raises.
    """
    if not is_edit(body):
        return None
    with ledger.read() as session:
        study = get_study(session, ref)
        if study.kind != "native":
            return None
        edited = replace(study, spec=edited_spec(study, body))
        if not plan_of(edited).learns:
            return None
        snapshot = asker.histories.read(session, edited)
    unfit = list_unfit(snapshot.plan, snapshot.open)
    if not unfit:
        return None
    hidden = frozenset(one.number for one in unfit)
    chain = Chain(asker, snapshot, time.monotonic() + _PATIENCE_S, hidden)
    for one in unfit:
        if not chain.ask(one.number, one.cell or 0, 1):
            return None
    waiting = [one for one in snapshot.open if one.state is TrialState.WAITING and one.n_attempts == 0]
    return Prepared(Asked(edited, snapshot.plan.digest, tuple(chain.proposals), waiting=waiting), unfit)


def replace_unfit(tx: Tx, study: StudyRecord, version: int, prepared: Prepared | None) -> dict[str, dict[str, Any]]:
    """Give trials that wait, never ran and no longer fit other parameters; they keep their numbers.

    Only the sampler's are replaced: what people asked for is run.

    Args:
        tx: The transaction; the caller holds the study's lock.
        study: As it is from now on.
        version: How many edits made it that.
        prepared: What was asked for ahead; where it does not fit any more, random draws take its place.

    Returns:
        By number, as text: the parameters that were replaced.

    Effects:
        Fails those for which there is nothing else, or nothing that makes a network.
    """
    plan = plan_of(study)
    unfit = list_unfit(plan, trials.list_waiting(tx.session, study.id, _EVERY_WAITING))
    ready = prepared if prepared is not None and _still_fits(tx, plan, unfit, prepared) else None
    proposals: Sequence[Proposal | None]
    proposals = ready.asked.proposals if ready is not None else [_propose(study, plan, one) for one in unfit]
    for before, proposal in zip(unfit, proposals, strict=True):
        if proposal is None:
            cancel_waiting(tx, before, "the space was changed before it ran, and has nothing else to try")
            continue
        columns = {**proposal.columns, "seen": {**proposal.seen, "edit": version}}
        after = history.replace_waiting(tx.session, before.id, columns)
        assert after is not None, "the study's lock was not held"
        if proposal.refusal is None:
            announce_trial(tx, after)
        else:
            cancel_waiting(tx, after, proposal.refusal)
    return {str(one.number): dict(one.params) for one in unfit}


def _still_fits(tx: Tx, plan: Plan, unfit: Sequence[TrialRecord], prepared: Prepared) -> bool:
    is_same = [one.id for one in unfit] == [one.id for one in prepared.renewed]
    unseen = are_as_seen(tx, prepared.renewed, is_waiting=True) and are_as_seen(tx, prepared.asked.waiting)
    return is_same and unseen and prepared.asked.digest == plan.digest


def list_unfit(plan: Plan, candidates: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Return those of some open trials that a study with this plan would give other parameters."""
    return [
        one
        for one in candidates
        if one.state is TrialState.WAITING
        and one.n_attempts == 0
        and one.source == "sampler"
        and not plan.fits(one.params)
    ]


def _propose(study: StudyRecord, plan: Plan, trial: TrialRecord) -> Proposal | None:
    """Propose at once: what a sampler says that does not learn, a random draw in place of any other."""
    cell = trial.cell or 0
    request = request_for(study, plan, trial.number, cell, ())
    seen: dict[str, Any] = {"asked": plan.digest, "n_trials": study.n_trials, "max_parallel": study.max_parallel}
    if plan.learns:
        seen |= {"rev": study.rev, "running": [], "fallback": _NO_ANSWER}
    try:
        found = draw(request, _NO_ANSWER) if plan.learns else plan.sampler.suggest(request)
    except SearchError:
        return None
    if found is None:
        return None
    return Proposal(trial.number, cell, found.params, found.note, seen, plan.refusal(found.params))


def _opens_again(body: StudyUpdate) -> bool:
    return body.n_trials is not None or (body.budget is not None and "n_trials" in body.budget.model_fields_set)


def _edited_space(study: StudyRecord, change: Mapping[str, Any] | str) -> Mapping[str, Any]:
    before: Mapping[str, Any] = study.spec["search_space"]
    if isinstance(change, str):
        require_network(study, "suggest a space for it")
        spec = StudySpec.model_validate(study.spec)
        fixed = {name: value for name, value in spec.fixed.items() if value is not None}
        return catalogue.suggest_space(catalogue.get_model(spec.model), dataset_of(spec), fixed)
    after = dict(before)
    for name, shape in change.items():
        if shape is None:
            if name not in before:
                message = f"the search space has no parameter {name!r} to remove"
                raise Invalid("unknown_parameter", message, f"search_space.{name}", suggest_name(name, before))
            del after[name]
        elif isinstance(shape, Mapping) and "type" not in shape and name in before:
            merged = {**before[name], **shape}
            after[name] = {key: value for key, value in merged.items() if shape.get(key, value) is not None}
        else:
            after[name] = shape
    return after


def _moved(spec: Mapping[str, Any], space: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return `fixed` and `assumed` such that every hyperparameter is what it was wherever a trial has no value."""
    known = {**spec["fixed"], **spec.get("assumed", {})}
    return {
        "fixed": {name: value for name, value in known.items() if name not in space},
        "assumed": {name: value for name, value in known.items() if name in space},
    }
