"""Insights into studies over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import ForUsers
from api.routes.common import StudyRef, refusals
from api.schemas.insight import DistributionRead, ImportanceRead, InteractionsRead, RegretRead
from api.services import insight

router = APIRouter(tags=["insight"])
Objective = Annotated[
    str | None, Query(max_length=200, description="Metric of one of the study's objectives; the first where left out")
]


@router.get("/studies/{study}/importance", responses=refusals(404))
def read_importance(study: StudyRef, control: ForUsers, objective: Objective = None) -> ImportanceRead:
    """Return how much each parameter matters for being among the best trials. At once, for any number of trials."""
    return insight.read_importance(control.ledger, control.insight, study, objective)


@router.get("/studies/{study}/interactions", responses=refusals(404))
def read_interactions(study: StudyRef, control: ForUsers, objective: Objective = None) -> InteractionsRead:
    """Return where the differences between trials come from, or how far the job is that finds out."""
    return insight.read_interactions(control.ledger, control.insight, study, objective)


@router.post("/studies/{study}/interactions", status_code=202, responses=refusals(404))
def start_interactions(study: StudyRef, control: ForUsers, objective: Objective = None) -> InteractionsRead:
    """Find out where the differences between trials come from: a job of seconds, done once for the trials there are."""
    return insight.start_interactions(control.ledger, control.insight, study, objective)


@router.get("/studies/{study}/regret", responses=refusals(404))
def read_regret(study: StudyRef, control: ForUsers) -> RegretRead:
    """Return the best value after each trial beside random search, replayed on the study's own trials."""
    return insight.read_regret(control.ledger, control.insight, study)


@router.get("/studies/{study}/distribution", responses=refusals(404))
def read_distribution(study: StudyRef, control: ForUsers, objective: Objective = None) -> DistributionRead:
    """Return how the values of the complete trials are spread."""
    return insight.read_distribution(control.ledger, control.insight, study, objective)
