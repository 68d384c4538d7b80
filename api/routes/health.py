"""Whether the process lives, whether it can serve, and its figures."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api import telemetry
from api.auth import ForAll
from api.state import control_of

router = APIRouter(tags=["health"])


@router.get("/healthz")
def read_health() -> dict[str, str]:
    """Answer as long as the process lives. Needs no token."""
    return {"status": "ok"}


@router.get("/readyz")
def read_readiness(request: Request) -> JSONResponse:
    """Answer 200 if database and broker answer, else 503. Needs no token."""
    control = control_of(request)
    parts = {"database": _state_of(control.database.ping), "broker": _state_of(control.doorbell.ping)}
    is_ready = all(state == "ok" for state in parts.values())
    return JSONResponse({"status": "ok" if is_ready else "unavailable", **parts}, status_code=200 if is_ready else 503)


@router.get("/metrics", response_class=PlainTextResponse)
def read_metrics(control: ForAll) -> Response:
    """Figures for Prometheus."""
    telemetry.refresh(control)
    return Response(generate_latest(telemetry.REGISTRY), media_type=CONTENT_TYPE_LATEST)


def _state_of(ping: object) -> str:
    assert callable(ping)
    try:
        ping()
    except Exception:  # drivers and transports raise many kinds; the answer is the same, and names no secret
        return "unavailable"
    return "ok"
