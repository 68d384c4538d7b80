"""What people did, over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from api.auth import ForAdmins
from api.routes.common import refusals
from api.schemas.audit import AuditPage, AuditQuery
from api.services import audit

router = APIRouter(tags=["tokens"])


@router.get("/audit", responses=refusals())
def read_audit(control: ForAdmins, query: Annotated[AuditQuery, Query()]) -> AuditPage:
    """List what people changed, which networks they downloaded and who was refused, the newest first."""
    audit.store_refusals(control.ledger, control.refusals)
    with control.ledger.read() as session:
        return audit.read_audit(session, query)
