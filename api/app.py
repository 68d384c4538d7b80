"""Put the control plane together."""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from api import pages
from api.asks.asker import Asker
from api.asks.process import AskPool
from api.audit import Refusals
from api.compat.optuna.endpoint import serving_optuna
from api.compression import Compression
from api.doorbell import Doorbell, make_producer
from api.errors import ApiError, NotFound, Unavailable
from api.events import EventHub
from api.guard import SAFE_HEADERS, Guard, error_body
from api.limits import Limits
from api.malformed import explain, unreadable
from api.pieces import PieceStore
from api.routes import (
    audit,
    catalogue,
    code,
    compare,
    datasets,
    evaluations,
    events,
    fleet,
    health,
    insight,
    replay,
    server,
    sessions,
    studies,
    tokens,
    trials,
    work,
)
from api.services.dataset_builds import Builder
from api.services.dataset_looks import LookDesk
from api.services.insight import InsightDesk
from api.services.prepare import Preparer
from api.services.reconcile import Reconciler
from api.settings import Settings
from api.state import Control, control_of
from api.store import ArtifactStore
from api.transaction import Ledger
from api.version import VERSION
from db import schema
from db.engine import Database

log = logging.getLogger(__name__)
_ROUTERS = (
    *(studies.router, trials.router, work.router, evaluations.router, catalogue.router, events.router),
    *(
        replay.router,
        insight.router,
        fleet.router,
        compare.router,
        audit.router,
        tokens.router,
        sessions.router,
        datasets.router,
        code.router,
        server.router,
    ),
)

# EFBIG: a limit on files' size, which some service managers set.
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def make_control(settings: Settings) -> Control:
    """Open the database, the store and the doorbell."""
    database = Database(settings.effective_database_url)
    doorbell = Doorbell(make_producer(settings.broker_url.get_secret_value(), settings.key_prefix))
    hub = EventHub()
    asker = Asker(AskPool(settings.ask_processes, settings.ask_limit_s), settings.ask_patience_s)
    # It stores trials by a ledger of its own, that does not tell it of them.
    preparer = Preparer(Ledger(database, ring=doorbell.ring, notify=hub.notify), asker)
    ledger = Ledger(database, ring=doorbell.ring, notify=hub.notify, listen=preparer.listen)
    data_store = ArtifactStore(settings.dataset_url, 4 * settings.max_dataset_bytes)
    code_store = ArtifactStore(settings.code_url, settings.max_code_bytes)
    pieces = PieceStore(f"{settings.dataset_url}/uploads")
    return Control(
        settings=settings,
        database=database,
        ledger=ledger,
        doorbell=doorbell,
        hub=hub,
        store=ArtifactStore(settings.effective_artifact_url, settings.max_artifact_bytes),
        asker=asker,
        preparer=preparer,
        insight=InsightDesk(),
        looks=LookDesk(ledger, settings.home / "datasets"),
        data_store=data_store,
        code_store=code_store,
        pieces=pieces,
        builder=Builder(ledger, data_store, pieces, settings),
        limits=Limits(settings.max_failed_sign_ins, settings.max_requests_per_s),
        refusals=Refusals(),
    )


def create_app(settings: Settings, control: Control | None = None) -> FastAPI:
    """Return the application. It starts its threads when it is served, and ends them with it."""
    control = control or make_control(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        prepare_schema(control)
        reconciler = Reconciler(control.ledger, settings, control.store, control.refusals, control.data_store)
        control.hub.open()
        control.doorbell.start()
        control.preparer.start()
        control.builder.start()
        reconciler.start()
        with serving_optuna(control):
            yield
        control.hub.close()
        reconciler.close()
        control.builder.close()
        control.preparer.close()
        control.insight.close()
        control.doorbell.close()
        control.database.close()

    app = FastAPI(
        title="Tunewell",
        version=VERSION,
        summary="Hyperparameter search and experiment tracking for neural networks",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.control = control
    for router in _ROUTERS:
        app.include_router(router, prefix="/api/v1")
    app.include_router(health.router)
    pages.add_pages(app, settings.dashboard_dir)
    _add_error_handlers(app)
    app.add_middleware(Compression)
    app.add_middleware(Guard, host_names=settings.host_names, max_body_bytes=settings.max_body_bytes)
    return app


def prepare_schema(control: Control) -> None:
    """Migrate the database if the settings say so.

    Raises:
        RuntimeError: Its schema is not the one this code needs.
    """
    if control.settings.should_migrate:
        schema.upgrade(control.database)
    found, needed = schema.current_revision(control.database), schema.newest_revision()
    if found != needed:
        raise RuntimeError(
            f"the database is at revision {found or 'none'}, this code needs {needed}: run `python -m db upgrade`"
        )


def _add_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(ApiError, _on_refusal)
    app.add_exception_handler(RequestValidationError, _on_malformed)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(OperationalError, _on_database_away)
    app.add_exception_handler(OSError, _on_os_error)
    app.add_exception_handler(Exception, _on_bug)


def _answer(error: ApiError) -> JSONResponse:
    headers = None if error.retry_after_s is None else {"Retry-After": f"{error.retry_after_s:.0f}"}
    return JSONResponse(error_body(error), status_code=error.status, headers=headers)


async def _on_refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
    control_of(request).refusals.note(request, error)
    return _answer(error)


async def _on_malformed(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return _answer(explain(error, request.scope.get("endpoint")))


async def _on_http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _answer(NotFound("route_not_found", f"there is no {request.url.path} here", hint="see /docs"))
    if error.status_code == 400:
        # All that a route here answers 400 to: a body that is no UTF-8, or nested or long beyond what is readable.
        return _answer(unreadable("its text cannot be decoded"))
    refusal = ApiError("http_error", str(error.detail))
    return JSONResponse(error_body(refusal), status_code=error.status_code, headers=error.headers)


async def _on_database_away(_request: Request, error: Exception) -> JSONResponse:
    log.warning("database error: %s", error)
    return _answer(Unavailable("database_unavailable", "the database does not answer; try again in a moment"))


async def _on_os_error(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, OSError) or error.errno not in _FULL:
        raise error
    log.warning("the disk is full: %s", error)
    hint = "free some space on the server, or allow its user more"
    return _answer(Unavailable("disk_full", "the server's disk is full; nothing was stored", hint=hint))


async def _on_bug(_request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    answer = _answer(ApiError("internal_error", "an unexpected error; the server's log has the details"))
    # It is made outside of the guard, which would have added these.
    answer.raw_headers.extend(SAFE_HEADERS)
    return answer
