"""The live stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from api.auth import ForUsers
from api.errors import Invalid
from api.events import stream
from api.routes.common import refusals
from api.services.lookup import get_study
from api.state import Control
from db.events import Cursor

router = APIRouter(tags=["events"])


@router.get("/events", responses=refusals(404), response_class=StreamingResponse)
async def read_events(
    control: ForUsers,
    study: Annotated[str | None, Query(max_length=100, description="Only of this study (id or name)")] = None,
    last_event_id: Annotated[str | None, Query(max_length=50)] = None,
    last_event_id_header: Annotated[str | None, Header(alias="Last-Event-ID", max_length=50)] = None,
) -> StreamingResponse:
    """Follow what happens as server-sent events; resumes behind `Last-Event-ID`.

    Kinds: `hello` (first), `study`, `trial`, `metrics`, `logs`, `worker`, `evaluation`, `dataset`, and `reset`, which
    says that what was missed is not stored any more: fetch everything again.
    """
    study_id = None if study is None else await run_in_threadpool(_study_id, control, study)
    cursor = _cursor(last_event_id_header or last_event_id)
    chunks = stream(control.hub, control.database, cursor, study_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(chunks, media_type="text/event-stream", headers=headers)


def _study_id(control: Control, ref: str) -> int:
    with control.ledger.read() as session:
        return get_study(session, ref).id


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    cursor = Cursor.parse(text)
    if cursor is None:
        hint = "send the id of the last event you saw, or none"
        raise Invalid("cursor_malformed", f"{text!r} is not an event id of this server", "Last-Event-ID", hint)
    return cursor
