"""Trials over HTTP."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.audit import actor_of
from api.auth import CurrentCaller, ForAll, ForUsers
from api.disposition import disposition
from api.errors import NotFound
from api.roles import Role
from api.routes.common import Id, Limit, PageCursor, StudyRef, as_written, refusals
from api.schemas.again import RepeatCreate, RepeatedTrials
from api.schemas.base import Text
from api.schemas.columns import ColumnsQuery, ColumnsRead
from api.schemas.environments import TrialEnvironments
from api.schemas.history import HistoryQuery, HistoryRead
from api.schemas.timeline import AttemptsQuery, AttemptsRead
from api.schemas.trials import (
    ArtifactList,
    LogPage,
    MetricsRead,
    TrialCreate,
    TrialDetail,
    TrialPage,
    TrialQuery,
    TrialRead,
    TrialUpdate,
)
from api.services import again, columns, curves, environments, logs, previews, study_history, timeline, trials
from db import outputs

router = APIRouter(tags=["trials"])


@router.get("/studies/{study}/trials", responses=refusals(404))
def list_trials(study: StudyRef, control: ForUsers, query: Annotated[TrialQuery, Query()]) -> TrialPage:
    """List a study's trials; ordered by value, the best comes first."""
    with control.ledger.read() as session:
        return trials.list_trials(session, study, query)


@router.get("/studies/{study}/columns", responses=refusals(404), response_model=ColumnsRead)
def read_columns(study: StudyRef, control: ForUsers, query: Annotated[ColumnsQuery, Query()]) -> Response:
    """Return all trials of a study as columns, for charts; numbers have six digits."""
    with control.ledger.read() as session:
        text = columns.read_columns(session, study, query.after)
    return as_written(text)


@router.get("/studies/{study}/history", responses=refusals(404), response_model=HistoryRead)
def read_history(study: StudyRef, control: ForUsers, query: Annotated[HistoryQuery, Query()]) -> Response:
    """Return what a chart of the study's history shows: no more of its trials than the chart has places for."""
    with control.ledger.read() as session:
        found = study_history.read_history(session, study, query)
    return as_written(found.model_dump_json())


@router.post("/studies/{study}/trials", status_code=201, responses=refusals(404, 409))
def add_trial(study: StudyRef, body: TrialCreate, control: ForUsers) -> TrialRead:
    """Add a trial with given parameters: by-hand tuning, a hint to the sampler, or a result from elsewhere."""
    with control.ledger.write() as tx:
        return trials.add_trial(tx, study, body)


@router.get("/studies/{study}/attempts", responses=refusals(404))
def list_attempts(study: StudyRef, control: ForUsers, query: Annotated[AttemptsQuery, Query()]) -> AttemptsRead:
    """Return when each attempt at a study's trials ran, on which worker and how it ended, as columns."""
    with control.ledger.read() as session:
        return timeline.read_attempts(session, study, query)


@router.get("/studies/{study}/trials/{number}", responses=refusals(404))
def read_trial_by_number(study: StudyRef, number: Id, control: ForUsers) -> TrialDetail:
    """Return a trial by its number in its study."""
    with control.ledger.read() as session:
        return trials.read_trial_by_number(session, study, number)


@router.get("/trials/{trial_id}", responses=refusals(404))
def read_trial(trial_id: Id, control: ForUsers) -> TrialDetail:
    """Return a trial."""
    with control.ledger.read() as session:
        return trials.read_trial(session, trial_id)


@router.patch("/trials/{trial_id}", responses=refusals(404))
def update_trial(trial_id: Id, body: TrialUpdate, control: ForUsers) -> TrialRead:
    """Give a trial other tags."""
    with control.ledger.write() as tx:
        return trials.update_trial(tx, trial_id, body)


@router.get("/trials/{trial_id}/metrics", responses=refusals(404))
def read_metrics(
    trial_id: Id,
    control: ForUsers,
    names: Annotated[str | None, Query(max_length=4000, description="Comma-separated; all where left out")] = None,
    max_points: Annotated[int, Query(ge=4, le=100_000)] = 1000,
    members: Annotated[bool, Query(description="Also the curve of each repeat and fold")] = False,
    system: Annotated[
        bool, Query(description="Instead, what the training took of its machine, over seconds since 1970")
    ] = False,
) -> MetricsRead:
    """Return a trial's curves."""
    wanted = [name for name in (names or "").split(",") if name]
    with control.ledger.read() as session:
        return curves.read_metrics(session, trial_id, wanted, max_points, members=members, system=system)


@router.get("/trials/{trial_id}/logs", responses=refusals(404))
def read_logs(
    trial_id: Id,
    control: ForUsers,
    cursor: PageCursor = None,
    limit: Limit = 500,
    q: Annotated[Text, Query(max_length=200, description="Only lines with this text; case does not matter")] = "",
) -> LogPage:
    """Return what a trial wrote, from the cursor on."""
    with control.ledger.read() as session:
        return logs.read_logs(session, trial_id, cursor, limit, q)


@router.get("/trials/{trial_id}/log", responses=refusals(404), response_class=StreamingResponse)
def download_log(trial_id: Id, control: ForUsers) -> StreamingResponse:
    """Download all that a trial wrote as text: attempt, time, stream and line, with tabs in between."""
    name, pieces = logs.open_log(control.ledger, trial_id)
    headers = {"Content-Disposition": disposition(name)}
    return StreamingResponse(pieces, media_type="text/plain; charset=utf-8", headers=headers)


@router.get("/trials/{trial_id}/environment", responses=refusals(404))
def read_environment(trial_id: Id, control: ForUsers) -> TrialEnvironments:
    """Return where a trial's attempts ran: code version, packages and machine of each worker."""
    with control.ledger.read() as session:
        return environments.read_environments(session, trial_id)


@router.get("/trials/{trial_id}/artifacts", responses=refusals(404))
def list_artifacts(trial_id: Id, control: ForUsers) -> ArtifactList:
    """List what a trial stored."""
    with control.ledger.read() as session:
        return trials.list_artifacts(session, trial_id)


@router.post("/trials/{trial_id}:stop", responses=refusals(404, 409))
def stop_trial(trial_id: Id, control: ForUsers) -> TrialRead:
    """End a trial: at its next report if it runs, at once if it waits."""
    with control.ledger.write() as tx:
        return trials.stop_trial(tx, trial_id)


@router.post("/trials/{trial_id}:retry", status_code=201, responses=refusals(404, 409))
def retry_trial(trial_id: Id, control: ForUsers) -> TrialRead:
    """Run a trial that failed, was pruned or stopped once more, as a new trial with its parameters and its seed."""
    with control.ledger.write() as tx:
        return again.retry(tx, trial_id)


@router.post("/trials/{trial_id}:repeat", status_code=201, responses=refusals(404, 409))
def repeat_trial(trial_id: Id, body: RepeatCreate, control: ForUsers) -> RepeatedTrials:
    """Run a trial's parameters again from other seeds, each time as a new trial."""
    with control.ledger.write() as tx:
        return again.repeat(tx, trial_id, body)


@router.get("/artifacts/{artifact_id}/content", responses=refusals(404), response_class=StreamingResponse)
def read_artifact(
    artifact_id: Id,
    control: ForAll,
    caller: CurrentCaller,
    request: Request,
    preview: Annotated[bool, Query(description="To be shown in place, where its type is a known one")] = False,
) -> Response:
    """Download an artifact."""
    with control.ledger.read() as session:
        artifact = outputs.find_artifact(session, artifact_id)
    if artifact is None:
        raise NotFound("artifact_not_found", f"there is no artifact {artifact_id}", "artifact_id")
    if artifact.kind == "network" and caller.role is not Role.WORKER:
        with control.on_behalf_of(actor_of(request, caller.name, caller.role.value)).ledger.write() as tx:
            tx.name_target(f"artifact {artifact_id}: {artifact.name} of trial {artifact.trial_id}")
    headers = previews.headers_of(artifact, preview=preview)
    media_type = previews.media_type_of(artifact.name)
    return StreamingResponse(control.store.get(artifact.sha256), media_type=media_type, headers=headers)
