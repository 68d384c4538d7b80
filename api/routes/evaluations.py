"""Evaluations over HTTP: asked for and read by people, done by workers."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from api.auth import ForUsers, ForWorkers
from api.routes.common import Id, StudyRef, refusals
from api.schemas.evaluations import (
    EvaluationClaim,
    EvaluationClaimed,
    EvaluationCreate,
    EvaluationDecision,
    EvaluationFinish,
    EvaluationList,
    EvaluationRead,
    EvaluationRenew,
)
from api.services import evaluations

router = APIRouter(tags=["evaluations"])
_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": EvaluationRead, "description": "The same was asked for before: what there is of it"}
}


@router.post("/studies/{study}/evaluations", status_code=201, responses={**_BEFORE, **refusals(404, 409)})
def request_evaluation(
    study: StudyRef, body: EvaluationCreate, control: ForUsers, response: Response
) -> EvaluationRead:
    """Ask a worker to test the best network, to fit baselines, or to test an ensemble."""
    with control.ledger.write() as tx:
        evaluation, is_new = evaluations.request(tx, study, body)
    response.status_code = 201 if is_new else 200
    return evaluation


@router.get("/studies/{study}/evaluations", responses=refusals(404))
def list_evaluations(study: StudyRef, control: ForUsers) -> EvaluationList:
    """List a study's evaluations, newest first."""
    with control.ledger.read() as session:
        return evaluations.list_evaluations(session, study)


@router.get("/evaluations/{evaluation_id}", responses=refusals(404))
def read_evaluation(evaluation_id: Id, control: ForUsers) -> EvaluationRead:
    """Return an evaluation: how far it is, or its result."""
    with control.ledger.read() as session:
        return evaluations.read_evaluation(session, evaluation_id)


@router.post("/evaluations:claim", responses=refusals(404))
def claim_evaluation(body: EvaluationClaim, control: ForWorkers) -> EvaluationClaimed:
    """Ask for an evaluation to do: one, with a lease."""
    with control.ledger.write() as tx:
        return evaluations.claim(tx, body, control.settings.lease_s)


@router.post("/evaluations/{evaluation_id}:renew", responses=refusals(409))
def renew_evaluation(evaluation_id: Id, body: EvaluationRenew, control: ForWorkers) -> EvaluationDecision:
    """Give a sign of life, and say how far the work is."""
    with control.ledger.write() as tx:
        return evaluations.renew(tx, evaluation_id, body, control.settings.lease_s)


@router.post("/evaluations/{evaluation_id}:finish", responses=refusals(409, 413))
def finish_evaluation(evaluation_id: Id, body: EvaluationFinish, control: ForWorkers) -> EvaluationRead:
    """End an evaluation with its result, or hand it back. Repeating it answers the same and changes nothing."""
    with control.ledger.write() as tx:
        return evaluations.finish(tx, evaluation_id, body)
