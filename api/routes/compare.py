"""Trials beside each other over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import ForUsers
from api.routes.common import refusals
from api.schemas.compare import CompareQuery, CompareRead
from api.services import compare

router = APIRouter(tags=["trials"])


@router.get("/compare", responses=refusals())
def compare_trials(control: ForUsers, query: Annotated[CompareQuery, Query()]) -> CompareRead:
    """Compare up to 50 trials of any studies: parameters, values, diagnoses, and the curves of one metric."""
    with control.ledger.read() as session:
        return compare.compare(session, query)
