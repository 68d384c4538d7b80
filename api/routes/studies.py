"""Studies over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

from api.auth import CallerName, CurrentCaller, ForUsers
from api.disposition import disposition
from api.routes.common import Id, StudyRef, as_written, refusals
from api.schemas.advice import AdviceList
from api.schemas.checks import StudyCheck, StudyChecked
from api.schemas.edit_checks import EditCheck, EditChecked
from api.schemas.enqueue import EnqueuedTrials, Points
from api.schemas.forks import ForkCreate, LenderList
from api.schemas.studies import CurvesQuery, CurvesRead, StudyCreate, StudyEdits, StudyPage, StudyRead, StudyUpdate
from api.schemas.study_lists import StudyQuery
from api.services import advice, checks, edit_checks, enqueue, export, forks, studies, study_curves, study_lists
from api.services.edits import prepare_edit

router = APIRouter(tags=["studies"])


@router.post("/studies", status_code=201, responses=refusals(404, 409, 413))
def create_study(body: StudyCreate, control: ForUsers, owner: CallerName) -> StudyRead:
    """Submit a study. Everything is checked before anything is stored."""
    with control.ledger.read() as session:
        draft = studies.draft_study(session, body)
    with control.ledger.write() as tx:
        return studies.create_study(tx, draft, owner)


@router.post("/studies:check", responses=refusals(413))
def check_study(body: StudyCheck, control: ForUsers) -> StudyChecked:
    """Look a study over before it is submitted: what is wrong, how many trials, how long. Nothing is stored."""
    with control.ledger.read() as session:
        return checks.check_study(session, body)


@router.get("/studies", responses=refusals())
def list_studies(control: ForUsers, query: Annotated[StudyQuery, Query()]) -> StudyPage:
    """List studies, newest first unless told otherwise."""
    with control.ledger.read() as session:
        return study_lists.list_studies(session, query)


@router.get("/studies/{study}", responses=refusals(404))
def read_study(study: StudyRef, control: ForUsers) -> StudyRead:
    """Return a study by id or name."""
    with control.ledger.read() as session:
        return studies.read_study(session, study)


@router.patch("/studies/{study}", responses=refusals(404, 409))
def update_study(study: StudyRef, body: StudyUpdate, control: ForUsers, caller: CurrentCaller) -> StudyRead:
    """Pause, resume, stop, extend, rename or annotate a study, or change what it searches while it runs."""
    # Asking a sampler takes its time: that is done before the study is locked.
    prepared = prepare_edit(control.ledger, control.asker, study, body)
    with control.ledger.write() as tx:
        return studies.update_study(tx, study, body, studies.Editor(caller.role.value, prepared))


@router.post("/studies/{study}:check", responses=refusals(404))
def check_edit(study: StudyRef, body: EditCheck, control: ForUsers) -> EditChecked:
    """Look a change over before it is made: what becomes what, and what still fits. Nothing is stored."""
    with control.ledger.read() as session:
        return edit_checks.check_edit(session, study, body)


@router.get("/studies/{study}/edits", responses=refusals(404))
def list_edits(study: StudyRef, control: ForUsers) -> StudyEdits:
    """List how the study's space and budget were changed, oldest first."""
    with control.ledger.read() as session:
        return studies.list_edits(session, study)


@router.post("/studies/{study}/trials:enqueue", status_code=201, responses=refusals(404, 409))
def enqueue_trials(study: StudyRef, body: Points, control: ForUsers) -> EnqueuedTrials:
    """Add trials to run, all of them or none; parameters that are left out are chosen by the study's sampler."""
    points = enqueue.complete_points(control.ledger, control.asker, study, body.points)
    with control.ledger.write() as tx:
        return enqueue.enqueue(tx, study, points)


@router.post("/studies/{study}:fork", status_code=201, responses=refusals(404, 409))
def fork_study(study: StudyRef, body: ForkCreate, control: ForUsers, owner: CallerName) -> StudyRead:
    """Make a study of another one, with changes and, unless told otherwise, with what that one has learned."""
    with control.ledger.read() as session:
        draft = forks.draft_fork(session, study, body)
    with control.ledger.write() as tx:
        return studies.create_study(tx, draft, owner)


@router.get("/studies/{study}/lenders", responses=refusals(404))
def list_lenders(study: StudyRef, control: ForUsers) -> LenderList:
    """List the studies whose finished trials this one learns from: those it was forked from, or began with."""
    with control.ledger.read() as session:
        return forks.list_lenders(session, study)


@router.delete("/studies/{study}", status_code=204, responses=refusals(404))
def delete_study(study: StudyRef, control: ForUsers) -> Response:
    """Delete a study; its running trials stop. `POST /studies/{study_id}:restore` undoes it."""
    with control.ledger.write() as tx:
        studies.delete_study(tx, study)
    return Response(status_code=204)


@router.post("/studies/{study_id}:restore", responses=refusals(404, 409))
def restore_study(study_id: Id, control: ForUsers) -> StudyRead:
    """Bring a deleted study back."""
    with control.ledger.write() as tx:
        return studies.restore_study(tx, study_id, control.settings.deleted_retention_s)


@router.get("/studies/{study}/curves", responses=refusals(404), response_model=CurvesRead)
def read_curves(study: StudyRef, control: ForUsers, query: Annotated[CurvesQuery, Query()]) -> Response:
    """Return one metric of the study's newest trials, for a chart."""
    with control.ledger.read() as session:
        found = study_curves.read_curves(session, study, query)
    return as_written(found.model_dump_json())


@router.get("/studies/{study}/advice", responses=refusals(404))
def read_advice(study: StudyRef, control: ForUsers) -> AdviceList:
    """Return what the study's finished trials suggest to change, the most important first."""
    return advice.read_advice(control.ledger, control.insight, study)


@router.get("/studies/{study}/export", responses=refusals(404), response_class=StreamingResponse)
def export_study(
    study: StudyRef,
    control: ForUsers,
    file_format: Annotated[Literal["csv", "json"], Query(alias="format")] = "csv",
) -> StreamingResponse:
    """Download all trials as CSV or JSON."""
    with control.ledger.read() as session:
        name, chunks = export.export_trials(session, study, file_format)
    media_type = "text/csv; charset=utf-8" if file_format == "csv" else "application/json"
    headers = {"Content-Disposition": disposition(name, f".{file_format}")}
    return StreamingResponse(iter(chunks), media_type=media_type, headers=headers)
