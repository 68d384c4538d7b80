"""What a server says of itself, and to a worker that only looks whether it could join: for `tunewell doctor`."""

from __future__ import annotations

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from api.auth import CurrentCaller, ForAll, ForWorkers
from api.routes.common import refusals
from api.schemas.server import CallerRead, ServerRead, WorkerTerms
from api.schemas.work import WorkerRegister
from api.version import VERSION
from db.timeline import read_clock
from db.tokens import find_expiry

router = APIRouter(tags=["server"])


@router.get("/server", responses=refusals())
def read_server(control: ForAll, caller: CurrentCaller) -> ServerRead:
    """Say which version this is, what time it is here and in the database, and who the caller is."""
    with control.ledger.read() as session:
        expires_at = find_expiry(session, caller.token_sha256)
        database_at = read_clock(session)
    return ServerRead(
        version=VERSION,
        at=datetime.now(UTC),
        database_at=database_at,
        database="sqlite" if control.database.is_sqlite else "postgresql",
        needs_tokens=control.settings.needs_tokens,
        caller=CallerRead(name=caller.name, role=caller.role.value, expires_at=expires_at),
    )


@router.post("/workers:check", responses=refusals())
def check_worker(_body: WorkerRegister, control: ForWorkers, response: Response) -> WorkerTerms:
    """Answer what `POST /workers` would, without joining: nothing is stored and nobody is woken."""
    settings = control.settings
    response.headers["Cache-Control"] = "no-store"  # the broker's address holds its password
    return WorkerTerms(
        broker_url=settings.worker_broker_url.get_secret_value() or settings.broker_url.get_secret_value(),
        key_prefix=settings.key_prefix,
        lease_s=settings.lease_s,
        heartbeat_s=settings.heartbeat_s,
        checkpoint_every_s=settings.checkpoint_every_s,
    )
