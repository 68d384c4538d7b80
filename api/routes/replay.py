"""Suggestions computed again, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import ForUsers
from api.routes.common import PageCursor, StudyRef, refusals
from api.schemas.replay import ReplayPage
from api.services import replay

router = APIRouter(tags=["studies"])


@router.get("/studies/{study}/replay", responses=refusals(404, 409))
def replay_study(
    study: StudyRef,
    control: ForUsers,
    cursor: PageCursor = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most trials of a page; slow samplers give fewer")] = 100,
) -> ReplayPage:
    """Compute the study's suggestions again from what is stored, and compare. Nothing is changed."""
    return replay.replay_study(control.ledger, control.asker, study, cursor, limit)
