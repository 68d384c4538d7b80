"""Advice on a study, made from its stored trials when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy.orm import Session

from api.asks.history import as_past
from api.schemas.advice import AdviceList, AdviceRead
from api.schemas.studies import StudySpec
from api.services.confirmation import mean_values
from api.services.lookup import get_study
from api.services.specs import space_of
from api.services.views import spec_of
from db import trials
from models import catalogue
from search.advice import AdviceRequest, advise
from search.types import PastTrial


def read_advice(session: Session, ref: str) -> AdviceList:
    """Return what a study's finished trials suggest to change, the most important first.

    Raises:
        NotFound: `study_not_found`.
    """
    study = get_study(session, ref)
    spec = spec_of(study)
    history = trials.list_history(session, study.id)
    means = mean_values(session, study)
    request = AdviceRequest(
        space=space_of(spec),
        directions=tuple(objective.direction for objective in spec.objectives),
        history=[_with_mean(as_past(trial, {}, [one.metric for one in spec.objectives]), means) for trial in history],
        findings={trial.number: frozenset(trial.findings) for trial in history if trial.findings},
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
