"""Advice on a study, made from its stored trials when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from api.schemas.advice import AdviceList, AdviceRead
from api.schemas.studies import StudySpec
from api.services.confirmation import mean_values
from api.services.insight import InsightDesk
from api.services.lookup import get_study
from api.services.views import spec_of
from api.transaction import Ledger
from db import trials
from db.records import StudyRecord
from models import catalogue
from search.advice import AdviceRequest, advise
from search.types import PastTrial


def read_advice(ledger: Ledger, desk: InsightDesk, ref: str) -> AdviceList:
    """Return what a study's finished trials suggest to change, the most important first.

    Raises:
        NotFound: `study_not_found`.
    """
    with ledger.read() as session:
        study = get_study(session, ref)
    key = "advice", study.id, study.created_at
    found: AdviceList | None = desk.find(key, study.rev)
    if found is not None:
        return found
    with desk.turn:
        found = desk.find(key, study.rev)  # somebody else may have asked for the same meanwhile
        if found is None:
            found = _advise(ledger, desk, study)
            desk.keep(key, study.rev, found)
    return found


def _advise(ledger: Ledger, desk: InsightDesk, study: StudyRecord) -> AdviceList:
    spec = spec_of(study)
    past = desk.pasts.read(ledger, study)
    with ledger.read() as session:
        means = mean_values(session, study)
        findings = trials.list_findings(session, study.id)
    request = AdviceRequest(
        space=past.space,
        directions=past.directions,
        history=[_with_mean(trial, means) for trial in past.history] if means else past.history,
        findings={number: frozenset(kinds) for number, kinds in findings.items()},
        fixed={name: value for name, value in spec.fixed.items() if value is not None},
        limits=_limits(spec),
        n_trials=spec.budget.n_trials,
    )
    return AdviceList(items=[AdviceRead.model_validate(one.to_json()) for one in advise(request)])


def _with_mean(trial: PastTrial, means: Mapping[int, float]) -> PastTrial:
    """Return a trial with the mean of its runs, where it was trained again, in place of its first value."""
    return replace(trial, values=(means[trial.number],)) if trial.number in means else trial


def _limits(spec: StudySpec) -> dict[str, tuple[float, float]]:
    """Return the range that the model accepts of each number in the space, and of the epochs, fixed or not."""
    if not spec.model:  # a study of Optuna's, whose model we do not know
        return {}
    hyperparameters = catalogue.get_model(spec.model).hyperparameters
    found = {name: hyperparameters[name] for name in (*spec.search_space, "epochs") if name in hyperparameters}
    return {name: (one.low, one.high) for name, one in found.items() if one.low is not None and one.high is not None}
