"""Put the control plane together."""

from __future__ import annotations

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
from api.compat.optuna.endpoint import serving_optuna
from api.doorbell import Doorbell, make_producer
from api.errors import ApiError, NotFound, Unavailable
from api.events import EventHub
from api.guard import Guard, error_body
from api.malformed import explain, unreadable
from api.routes import (
    catalogue,
    compare,
    evaluations,
    events,
    fleet,
    health,
    insight,
    replay,
    studies,
    tokens,
    trials,
    work,
)
from api.services.insight import InsightDesk
from api.services.prepare import Preparer
from api.services.reconcile import Reconciler
from api.settings import Settings
from api.state import Control
from api.store import ArtifactStore
from api.transaction import Ledger
from db import schema
from db.engine import Database

log = logging.getLogger(__name__)
_ROUTERS = (
    *(studies.router, trials.router, work.router, evaluations.router, catalogue.router, events.router),
    *(replay.router, insight.router, fleet.router, compare.router, tokens.router),
)


def make_control(settings: Settings) -> Control:
    """Open the database, the store and the doorbell."""
    database = Database(settings.effective_database_url)
    doorbell = Doorbell(make_producer(settings.broker_url.get_secret_value(), settings.key_prefix))
    hub = EventHub()
    asker = Asker(AskPool(settings.ask_processes, settings.ask_limit_s), settings.ask_patience_s)
    # It stores trials by a ledger of its own, that does not tell it of them.
    preparer = Preparer(Ledger(database, ring=doorbell.ring, notify=hub.notify), asker)
    return Control(
        settings=settings,
        database=database,
        ledger=Ledger(database, ring=doorbell.ring, notify=hub.notify, listen=preparer.listen),
        doorbell=doorbell,
        hub=hub,
        store=ArtifactStore(settings.effective_artifact_url, settings.max_artifact_bytes),
        asker=asker,
        preparer=preparer,
        insight=InsightDesk(),
    )


def create_app(settings: Settings, control: Control | None = None) -> FastAPI:
    """Return the application. It starts its threads when it is served, and ends them with it."""
    control = control or make_control(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        prepare_schema(control)
        reconciler = Reconciler(control.ledger, settings, control.store)
        control.hub.open()
        control.doorbell.start()
        control.preparer.start()
        reconciler.start()
        with serving_optuna(control):
            yield
        control.hub.close()
        reconciler.close()
        control.preparer.close()
        control.insight.close()
        control.doorbell.close()
        control.database.close()

    app = FastAPI(
        title="Tunewell",
        version="0.1.0",
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
    app.add_exception_handler(Exception, _on_bug)


def _answer(error: ApiError) -> JSONResponse:
    return JSONResponse(error_body(error), status_code=error.status)


async def _on_refusal(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ApiError)
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


async def _on_bug(_request: Request, error: Exception) -> JSONResponse:
    log.error("unexpected error", exc_info=error)
    return _answer(ApiError("internal_error", "an unexpected error; the server's log has the details"))
