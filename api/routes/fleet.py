"""Workers and queues over HTTP, for those who look after them."""

from __future__ import annotations

from fastapi import APIRouter

from api.auth import ForUsers
from api.routes.common import Id, refusals
from api.schemas.fleet import QueueList, WorkerList, WorkerRead
from api.services import fleet

router = APIRouter(tags=["workers"])


@router.get("/workers", responses=refusals())
def list_workers(control: ForUsers) -> WorkerList:
    """List workers with what they run."""
    with control.ledger.read() as session:
        return fleet.list_workers(session)


@router.post("/workers/{worker_id}:drain", responses=refusals(404, 409))
def drain_worker(worker_id: Id, control: ForUsers) -> WorkerRead:
    """Let a worker finish what it runs and claim nothing more."""
    with control.ledger.write() as tx:
        fleet.drain(tx, worker_id)
        return fleet.read_worker(tx.session, worker_id)


@router.post("/workers/{worker_id}:undrain", responses=refusals(404, 409))
def undrain_worker(worker_id: Id, control: ForUsers) -> WorkerRead:
    """Let a worker that was drained claim again."""
    with control.ledger.write() as tx:
        fleet.undrain(tx, worker_id)
        return fleet.read_worker(tx.session, worker_id)


@router.get("/queues", responses=refusals())
def list_queues(control: ForUsers) -> QueueList:
    """List queues with what waits in them."""
    with control.ledger.read() as session:
        return fleet.list_queues(session)
