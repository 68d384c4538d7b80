"""What a new study takes over from earlier ones: their trials as a prior, or their best parameters as first trials.

Lent trials are copied when the study is made and never change, so that its suggestions can be computed again whatever
becomes of the lender. A value is lent only where it would be that of a trial of the new study: the same network, with
the same hyperparameters, trained on the same data and judged in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from api.asks.plans import Plan, plan_for, plan_of
from api.errors import Invalid, NotFound
from api.schemas.base import ParamValue
from api.schemas.studies import StudySpec
from api.schemas.warm_start import WarmStart
from api.services.lookup import get_study
from api.services.objectives import violations_of
from api.services.views import decode_values, spec_of
from api.transaction import Tx
from db import history, lent, studies, trials
from db.lifecycle import TrialState
from db.records import LentRecord, StudyRecord, TrialRecord
from db.types import encode_float
from models import catalogue
from search.samplers import get_sampler

MAX_LENT = 10_000
# So many of the best are looked at for each first trial: some are equal once moved, some make no network.
_CANDIDATES = 5


@dataclass(frozen=True, slots=True)
class Point:
    """A first trial: its parameters, and where they come from."""

    params: dict[str, ParamValue]
    note: str


@dataclass(frozen=True, slots=True)
class Loans:
    """What a new study takes over: trials in the columns of lent ones, the oldest first, and first trials to run."""

    trials: Sequence[Mapping[str, Any]] = ()
    points: Sequence[Point] = ()


def find_lenders(session: Session, spec: StudySpec) -> list[StudyRecord]:
    """Return the studies that a new one names in `warm_start`, in its order.

    Raises:
        NotFound: `study_not_found`: there is none, or it is deleted.
        Invalid: `study_twice`, `optuna_study`, `other_model`, `other_objective`; for a prior also `other_dataset`,
            `other_evaluation`, and `prior_unused` where the sampler does not learn.
    """
    if spec.warm_start is None:
        return []
    is_prior = spec.warm_start.mode == "prior"
    if is_prior and not get_sampler(spec.sampler.name).learns:
        message = f"the sampler {spec.sampler.name!r} learns from no trials, so a prior is of no use to it"
        raise Invalid("prior_unused", message, "warm_start.mode", 'set "mode" to "best_points", or choose "bayesian"')
    lenders: list[StudyRecord] = []
    for place, ref in enumerate(spec.warm_start.studies):
        field = f"warm_start.studies.{place}"
        try:
            lender = get_study(session, ref)
        except NotFound as error:
            raise NotFound(error.code, error.message, field, error.hint) from error
        if any(one.id == lender.id for one in lenders):
            raise Invalid("study_twice", f"study {lender.name!r} is named twice", field, "name it once")
        check_lender(spec, lender, field, is_prior=is_prior)
        lenders.append(lender)
    return lenders


def check_lender(spec: StudySpec, lender: StudyRecord, field: str, *, is_prior: bool) -> None:
    """Refuse a study whose results say nothing about another one.

    Args:
        spec: Of the study that would learn.
        lender: The study that would lend.
        field: Where it is named.
        is_prior: Whether its values are to be used, not its parameters alone.

    Raises:
        Invalid: `optuna_study`, `other_model`, `other_objective`, `other_dataset` or `other_evaluation`.
    """
    if lender.kind != "native":
        message = f"a script of Optuna's made study {lender.name!r}, with values that no network of ours was trained on"
        raise Invalid("optuna_study", message, field, "name a study that Tunewell trained")
    own, other = spec.model_dump(mode="json"), spec_of(lender).model_dump(mode="json")
    compared = [("model", "other_model"), ("objectives", "other_objective")]
    compared += [("dataset", "other_dataset"), ("evaluation", "other_evaluation")] if is_prior else []
    for name, code in compared:
        if own[name] != other[name]:
            theirs, ours = str(other[name])[:200], str(own[name])[:200]
            message = f"study {lender.name!r} has another {name}: {theirs} instead of {ours}"
            hint = f"name a study with the same {name}"
            if name in ("dataset", "evaluation"):
                hint += ', or set "mode" to "best_points": that uses its parameters alone'
            raise Invalid(code, message, field, hint)


def gather(session: Session, spec: StudySpec) -> Loans:
    """Return what a study that is about to be stored takes over, as its warm start says.

    This reads and moves up to thousands of trials, so it is done before the transaction that stores the study.

    Effects:
        Writes the ids of the studies to begin with into `spec`: names may change.

    Raises:
        NotFound: See `find_lenders`.
        Invalid: See `find_lenders`; and `nothing_to_lend`.
    """
    wanted = spec.warm_start
    if wanted is None:
        return Loans()
    lenders = find_lenders(session, spec)
    wanted.studies = [str(one.id) for one in lenders]
    plan = plan_for(spec)
    priors = [one for one in lenders if _is_prior(plan, wanted, one)]
    givers = [one for one in lenders if one not in priors]
    found = Loans(gather_history(session, plan, priors), _gather_points(session, plan, givers, wanted.n_points))
    if not (found.trials or found.points):
        names = ", ".join(repr(one.name) for one in lenders)
        what = "has no finished trial that fits this study" if len(lenders) == 1 else "have no finished trial that fits"
        hint = "leave warm_start out, or wait until trials have finished; see docs/editing-studies.md for what fits"
        raise Invalid("nothing_to_lend", f"{names} {what}", "warm_start.studies", hint)
    return found


def gather_history(
    session: Session, plan: Plan, lenders: Sequence[StudyRecord], *, passed_on: bool = False
) -> list[dict[str, Any]]:
    """Return the lenders' finished trials that fit a study, the newest `MAX_LENT`, in the columns of lent trials.

    Args:
        session: Open transaction.
        plan: Of the study that is about to be stored.
        lenders: Of the same model, objectives, data and evaluation.
        passed_on: Whether to lend also what was lent to the lenders.
    """
    constraints = [one.model_dump(mode="json") for one in plan.spec.outcome_constraints]
    found: list[dict[str, Any]] = []
    for lender in lenders:
        theirs = plan_of(lender)
        if passed_on:
            found += [one for old in lent.list_lent(session, lender.id) if (one := _passed_on(plan, theirs, old))]
        points = history.last_points(session, lender.id, plan.metrics[0], -1, lender.rev)
        for trial in trials.list_history(session, lender.id):
            params = _fitting(plan, theirs, trial.params) if trial.state in _TELLING else None
            if params is None:
                continue
            if (shown := _shown(plan, constraints, trial, points.get(trial.number))) is not None:
                found.append({"lender_id": lender.id, "lender_number": trial.number, "params": params, **shown})
    return found[-MAX_LENT:]


def store_loans(tx: Tx, study: StudyRecord, loans: Loans) -> None:
    """Give a study that was just stored what was gathered for it.

    Effects:
        Stores lent trials, which count in no budget, and waiting trials, which count as trials of the study.
    """
    n = len(loans.trials)
    rows = [{"study_id": study.id, "number": place - n, **one} for place, one in enumerate(loans.trials)]
    lent.insert_lent(tx.session, rows)
    for point in loans.points:
        number, _ = studies.take_number(tx.session, study.id, is_cell=False)
        values = {"study_id": study.id, "number": number, "state": TrialState.WAITING, "source": "manual"}
        trials.insert_trial(tx.session, {**values, "params": point.params, "note": point.note})


def _gather_points(session: Session, plan: Plan, lenders: Sequence[StudyRecord], n: int) -> list[Point]:
    """Return the best parameters of others, moved into the study's space: at most `n`, and no more than its budget."""
    budget = plan.spec.budget.n_trials
    most = n if budget is None else min(n, budget)
    points: list[Point] = []
    for lender, trial in _by_turns([(one, _best(session, one, n)) for one in lenders]):
        if len(points) == most:
            break
        params = _moved(plan, plan_of(lender), trial.params)
        if params is not None and all(params != one.params for one in points):
            points.append(Point(params, f"warm start: trial {trial.number} of study {lender.name}"))
    return points


_TELLING = frozenset({TrialState.COMPLETE, TrialState.PRUNED})


def _is_prior(plan: Plan, wanted: WarmStart, lender: StudyRecord) -> bool:
    if wanted.mode != "auto":
        return wanted.mode == "prior"
    own, other = plan.spec.model_dump(mode="json"), spec_of(lender).model_dump(mode="json")
    same = ("search_space", "constraints", "dataset", "evaluation", "fixed")
    return plan.learns and all(own[name] == other[name] for name in same)


def _best(session: Session, lender: StudyRecord, n: int) -> list[TrialRecord]:
    return studies.list_best_trials(session, lender, n * _CANDIDATES)


def _by_turns(
    found: Sequence[tuple[StudyRecord, Sequence[TrialRecord]]],
) -> Iterator[tuple[StudyRecord, TrialRecord]]:
    """Yield the best of each study, then the second of each: values of other data cannot be compared."""
    for place in range(max((len(best) for _, best in found), default=0)):
        for lender, best in found:
            if place < len(best):
                yield lender, best[place]


def _fitting(plan: Plan, theirs: Plan, params: Mapping[str, ParamValue]) -> dict[str, ParamValue] | None:
    """Return another study's trial as a trial of this one: the same network, trained in the same way; None for none."""
    whole = _whole(theirs, params)
    found = None if whole is None else plan.space.project(_flat(plan, whole))
    if whole is None or found is None or plan.refusal(found) is not None:
        return None
    here = plan.complete(found)
    same = all(here[name] == value for name, value in whole.items() if name not in plan.spec.search_space)
    return found if same else None


def _moved(plan: Plan, theirs: Plan, params: Mapping[str, ParamValue]) -> dict[str, ParamValue] | None:
    """Return the point of this study's space nearest to another study's trial; None where there is no such network."""
    whole = _whole(theirs, params)
    found = None if whole is None else plan.space.nearest(_flat(plan, whole))
    return None if found is None or plan.refusal(found) is not None else found


def _whole(plan: Plan, params: Mapping[str, ParamValue]) -> dict[str, ParamValue] | None:
    try:
        return plan.complete(params)
    except catalogue.CatalogueError:  # of a trial from before the catalogue changed
        return None


def _flat(plan: Plan, whole: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
    values = {name: whole[name] for name in plan.space if name in whole}
    for group, one in plan.space.lists:
        values.update(one.split(group, whole.get(group)))
    return values


def _shown(
    plan: Plan, constraints: Sequence[Mapping[str, Any]], trial: TrialRecord, last: tuple[int, float] | None
) -> dict[str, Any] | None:
    """Return what a finished trial showed, in the columns of a lent one; None where that is nothing."""
    if trial.state is TrialState.PRUNED:
        if last is None:
            return None
        point = [last[0], encode_float(last[1])]
        return {"state": trial.state, "values": None, "outcome_constraints": None, "last_point": point}
    if trial.value is None or any(metric not in trial.values for metric in plan.metrics):
        return None
    measured = {name: value for name, value in decode_values(trial.values).items() if value is not None}
    return {
        "state": trial.state,
        "values": [trial.values[metric] for metric in plan.metrics],
        "outcome_constraints": violations_of(constraints, measured),
        "last_point": None,
    }


def _passed_on(plan: Plan, theirs: Plan, old: LentRecord) -> dict[str, Any] | None:
    """Return a trial that was lent to the lender; None where it does not fit, or is judged by other constraints."""
    params = _fitting(plan, theirs, theirs.fill(old.params))
    if params is None or plan.spec.outcome_constraints != theirs.spec.outcome_constraints:
        return None
    names = ("lender_id", "lender_number", "state", "values", "outcome_constraints", "last_point")
    return {"params": params, **{name: getattr(old, name) for name in names}}
