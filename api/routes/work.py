"""The worker protocol over HTTP: register, heartbeat, claim, report, finish."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

from anyio import CapacityLimiter, to_thread
from anyio.lowlevel import RunVar
from fastapi import APIRouter, Body, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api.auth import ForAll, ForWorkers
from api.routes.bodies import LongBodyRoute
from api.routes.common import Id, StudyRef, refusals
from api.schemas.runs import RunCreate, RunRead
from api.schemas.trials import ArtifactRead, UploadQuery
from api.schemas.work import (
    ClaimRead,
    ClaimRequest,
    FinishRead,
    FinishRequest,
    ReportRead,
    ReportRequest,
    WorkerHeartbeat,
    WorkerOrders,
    WorkerRegister,
    WorkerWelcome,
)
from api.services import artifacts, claims, reports, runs, workers
from api.state import Control
from api.streams import as_blocking
from api.transaction import Tx

router = APIRouter(tags=["worker protocol"], route_class=LongBodyRoute)
T = TypeVar("T")
# A claim may wait for a sampler: threads of its own, so that no report waits for one.
_MAX_CLAIMS = 40
_limiter: RunVar[CapacityLimiter] = RunVar("claims")


@router.post("/workers", status_code=201, responses=refusals())
def register_worker(body: WorkerRegister, control: ForWorkers) -> WorkerWelcome:
    """Join. The answer holds all a worker has to know, the broker's address too."""
    settings = control.settings
    with control.ledger.write() as tx:
        worker_id = workers.register(tx, body)
    broker = settings.worker_broker_url.get_secret_value() or settings.broker_url.get_secret_value()
    return WorkerWelcome(
        worker_id=worker_id,
        broker_url=broker,
        key_prefix=settings.key_prefix,
        lease_s=settings.lease_s,
        heartbeat_s=settings.heartbeat_s,
        checkpoint_every_s=settings.checkpoint_every_s,
    )


@router.post("/workers/{worker_id}:heartbeat", responses=refusals(404))
def heartbeat(
    worker_id: Id, control: ForWorkers, body: Annotated[WorkerHeartbeat | None, Body()] = None
) -> WorkerOrders:
    """Give a sign of life and take orders."""
    with control.ledger.write() as tx:
        return workers.heartbeat(tx, worker_id, None if body is None else body.machine)


@router.post("/workers/{worker_id}:leave", status_code=204, responses=refusals(404))
def leave(worker_id: Id, control: ForWorkers) -> Response:
    """Say goodbye; what still runs is for its leases to tell."""
    with control.ledger.write() as tx:
        workers.leave(tx, worker_id)
    return Response(status_code=204)


@router.post("/work:claim", responses=refusals(404))
async def claim(body: ClaimRequest, control: ForWorkers) -> ClaimRead:
    """Ask for work: attempts with leases, all of one study."""
    return await to_thread.run_sync(
        claims.claim, control.ledger, control.asker, body, control.settings.lease_s, limiter=_claimants()
    )


@router.post("/attempts/{attempt_id}:report", responses=refusals(404, 409, 413))
async def report(attempt_id: Id, body: ReportRequest, control: ForAll) -> ReportRead:
    """Report metric points and log lines; the answer says whether to go on."""
    return await _write(control, lambda tx: reports.report(tx, attempt_id, body, control.settings.lease_s))


@router.post("/attempts/{attempt_id}:finish", responses=refusals(404, 409))
async def finish(attempt_id: Id, body: FinishRequest, control: ForAll) -> FinishRead:
    """End an attempt. Repeating it answers the same and changes nothing."""
    return await _write(control, lambda tx: reports.finish(tx, attempt_id, body))


@router.put(
    "/attempts/{attempt_id}/artifacts/{name}",
    status_code=201,
    responses=refusals(404, 409, 413),
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
async def upload_artifact(
    attempt_id: Id,
    name: artifacts.ArtifactName,
    request: Request,
    control: ForAll,
    lease_token: Annotated[str, Header(alias="X-Lease-Token", max_length=64)],
    query: Annotated[UploadQuery, Query()],
) -> ArtifactRead:
    """Store an output of the attempt's trial; the same name again replaces it."""
    upload = artifacts.Upload(attempt_id, lease_token, name, query)
    chunks = as_blocking(request.stream())
    return await run_in_threadpool(artifacts.store, control, upload, chunks)


@router.post("/studies/{study}/runs", status_code=201, responses=refusals(404, 409))
async def begin_run(study: StudyRef, body: RunCreate, control: ForAll) -> RunRead:
    """Begin a run of a script of your own: with its parameters, or with those that the study's sampler proposes.

    The answer holds the lease with which the run reports and finishes, as an attempt of a worker does.
    """
    return await to_thread.run_sync(runs.begin, control, study, body, limiter=_claimants())


def _claimants() -> CapacityLimiter:
    """Return the event loop's limit of claims at once."""
    try:
        return _limiter.get()
    except LookupError:
        limiter = CapacityLimiter(_MAX_CLAIMS)
        _limiter.set(limiter)
        return limiter


async def _write(control: Control, work: Callable[[Tx], T]) -> T:
    """Run a transaction on a thread: one hop there and back, where a plain `def` route hops again for its answer."""

    def run() -> T:
        with control.ledger.write() as tx:
            return work(tx)

    return await run_in_threadpool(run)
