"""Points of people's own, several at once: what they leave open the study's sampler chooses."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from api.asks.asker import Asker
from api.asks.history import Snapshot
from api.asks.plans import Plan
from api.asks.proposals import request_for
from api.errors import Conflict, Invalid
from api.schemas.base import ParamValue
from api.schemas.enqueue import EnqueuedTrials, Point
from api.services.lookup import get_study, require_native
from api.services.settle import announce_study, announce_trial, settle_study
from api.services.specs import check_params, refusals
from api.services.views import show_trials, spec_of
from api.transaction import Ledger, Tx
from db import studies, trials
from db.lifecycle import ENDED_STUDIES, StudyState, TrialState
from search.errors import SearchError, SpaceError
from search.samplers import get_sampler
from search.samplers.random import check_satisfiable
from search.types import PastTrial, Suggestion, SuggestRequest

_PATIENCE_S = 10.0


def complete_points(ledger: Ledger, asker: Asker, ref: str, points: Sequence[Point]) -> list[Point]:
    """Return points with a value for every active parameter, outside of any transaction.

    What a point leaves open is chosen as for a trial of the study, with the given values held; each point is seen by
    those after it. Samplers that visit cells, and manual studies, have the rest drawn at random.

    Args:
        ledger: Where the study is read.
        asker: Asks its sampler.
        ref: Id or name of the study.
        points: In whole or in part.

    Raises:
        NotFound: `study_not_found`.
        Invalid: What is given lies outside the space, or hangs on a parameter that is not given (`condition_open`).
        Conflict: `optuna_study`.
    """
    with ledger.read() as session:
        study = get_study(session, ref)
        require_native(study, "add trials to it")
        snapshot = asker.histories.read(session, study)
    past = snapshot.past()
    deadline = time.monotonic() + _PATIENCE_S
    completed: list[Point] = []
    for place, point in enumerate(points):
        with _below(place):
            _check_given(snapshot.plan, point.params)
            asked = request_for(study, snapshot.plan, study.next_number + place, study.next_cell + place, past)
            found = _complete(asker, snapshot, replace(asked, pinned=point.params), deadline)
            check_params(snapshot.plan.spec, found.params)
        past.append(PastTrial(asked.number, "RUNNING", found.params))
        completed.append(Point(params=found.params, note=point.note or found.note))
    return completed


def enqueue(tx: Tx, ref: str, points: Sequence[Point]) -> EnqueuedTrials:
    """Add trials to run, all of them or none.

    Args:
        tx: The transaction.
        ref: Id or name of the study.
        points: As `complete_points` returned them.

    Raises:
        NotFound: `study_not_found`.
        Invalid: The study's space was changed meanwhile, and a point fits no longer.
        Conflict: `wrong_state`: the study is stopping. `optuna_study`.

    Effects:
        Stores waiting trials, which count as trials of the study; one that has ended goes on for them.
    """
    study = studies.lock_study(tx.session, get_study(tx.session, ref).id)
    assert study is not None
    require_native(study, "add trials to it")
    if study.state is StudyState.STOPPING:
        raise Conflict("wrong_state", f"study {study.name!r} is stopping", "study", "wait until it is COMPLETE")
    added = []
    for place, point in enumerate(points):
        with _below(place):
            check_params(spec_of(study), point.params)
        number, _ = studies.take_number(tx.session, study.id, is_cell=False)
        values = {"study_id": study.id, "number": number, "state": TrialState.WAITING, "source": "manual"}
        values |= {"params": dict(point.params), "note": point.note}
        added.append(trials.insert_trial(tx.session, values))
    if study.state in ENDED_STUDIES:
        studies.move_study(tx.session, study.id, StudyState.RUNNING)
    for trial in added:
        announce_trial(tx, trial)
    announce_study(tx, study.id)
    settle_study(tx, study.id)
    return EnqueuedTrials(items=show_trials(tx.session, added))


def _complete(asker: Asker, snapshot: Snapshot, request: SuggestRequest, deadline: float) -> Suggestion:
    plan = snapshot.plan
    if all(problem.code != "missing_parameter" for problem in request.space.problems(request.pinned)):
        check_params(plan.spec, request.pinned)
        return Suggestion(request.space.check(request.pinned), "")
    try:
        # Looking for what does not exist takes a sampler its time; the rule is the one for the study's own constraints.
        check_satisfiable(plan.space.pin(request.pinned))
        if plan.n_cells is not None:
            found = get_sampler("random").suggest(request)
        else:
            answer = asker.ask(plan, snapshot.study.id, request, 1, max(0.0, deadline - time.monotonic()))
            found = answer.suggestions[0] if answer.suggestions else None
            if answer.failure:
                raise Invalid("not_completed", answer.failure, "params", "give the other parameters too")
    except SearchError as error:
        raise Invalid(error.code, error.message, "params", error.hint) from error
    assert found is not None, "only samplers with cells run out"
    return Suggestion(found.params, f"given: {', '.join(sorted(request.pinned))}; the others: {found.note}")


def _check_given(plan: Plan, given: Mapping[str, ParamValue]) -> None:
    """Refuse values outside the space, and those of parameters that may turn out not to be active."""
    space = plan.space
    with refusals():
        try:
            space.pin(given)
        except SpaceError as error:
            field = (error.field or "pinned").removeprefix("pinned").lstrip(".")
            raise SpaceError(error.code, error.message, field, error.hint).under("params") from None
    for name in given:
        for other, accepted in space.conditions.get(name, {}).items():
            values = ", ".join(repr(value) for value in accepted[:10])
            if other not in given:
                message = f"{name!r} is active only where {other!r} is among {values}, and that is left open"
                raise Invalid("condition_open", message, f"params.{name}", f"give {other!r} too")
            if given[other] not in accepted:
                message = f"parameter {name!r} is not active: it takes {other!r} among {values}"
                raise Invalid("inactive_parameter", message, f"params.{name}", f"leave {name!r} out")
    for constraint in space.constraints:
        # Said at once: a sampler would look for the other values in vain, and that takes its time.
        if given.keys() >= set(constraint.names) and not constraint.holds(given):
            message = f"the constraint {constraint.text!r} does not hold for what is given"
            raise Invalid("constraint_broken", message, f"params.{constraint.names[0]}", "change one of these values")


@contextmanager
def _below(place: int) -> Iterator[None]:
    """Name the point in what is refused about it."""
    try:
        yield
    except Invalid as error:
        raise Invalid(error.code, error.message, f"points.{place}.{error.field or 'params'}", error.hint) from error
