"""Code for commands over HTTP: bringing an archive in pieces, and its content for whoever runs it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response
from fastapi.responses import StreamingResponse

from api.auth import CallerName, ForAll, ForUsers
from api.routes.common import refusals
from api.routes.datasets import UploadId, answer_piece
from api.schemas.code import SHA256, CodeList, CodeRead, CodeUploadCreate
from api.schemas.datasets import ChunkRead, UploadRead
from api.services import code, dataset_uploads

router = APIRouter(tags=["code"])
Sha256 = Annotated[str, Path(pattern=SHA256, description="SHA-256 of the archive")]


@router.get("/code", responses=refusals())
def list_code(control: ForUsers) -> CodeList:
    """List archives of code, the newest first, at most 1,000."""
    with control.ledger.read() as session:
        return code.list_code(session)


@router.post("/code/uploads", status_code=201, responses=refusals(409, 413))
def begin_code_upload(body: CodeUploadCreate, control: ForUsers, owner: CallerName) -> UploadRead:
    """Begin to bring an archive of code, a ZIP file. Its bytes follow in pieces, by PATCH."""
    return code.begin(control, body, owner)


@router.get("/code/uploads/{upload_id}", responses=refusals(404))
def read_code_upload(upload_id: UploadId, control: ForUsers) -> UploadRead:
    """Return how many bytes of an upload are here: where to go on."""
    return dataset_uploads.read(control, upload_id)


@router.patch(
    "/code/uploads/{upload_id}",
    responses=refusals(404, 409, 413),
    response_model=ChunkRead,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
async def send_code_piece(
    upload_id: UploadId,
    request: Request,
    control: ForUsers,
    offset: Annotated[int, Header(alias="Upload-Offset", ge=0, le=2**50, description="Where the piece begins")],
) -> Response:
    """Send the next piece. One that begins elsewhere is refused with 409, and `Upload-Offset` says where to go on."""
    return await answer_piece(control, upload_id, request, offset)


@router.delete("/code/uploads/{upload_id}", status_code=204, responses=refusals(404))
def delete_code_upload(upload_id: UploadId, control: ForUsers) -> Response:
    """Give an upload up."""
    dataset_uploads.delete(control, upload_id)
    return Response(status_code=204)


@router.post("/code/uploads/{upload_id}:finish", responses=refusals(404, 409))
def finish_code_upload(upload_id: UploadId, control: ForUsers) -> CodeRead:
    """Keep an upload that is whole under its SHA-256, by which studies name it in `source`."""
    return code.finish(control, upload_id)


@router.get("/code/{sha256}", responses=refusals(404))
def read_code(sha256: Sha256, control: ForUsers) -> CodeRead:
    """Return what is known of an archive, and how many studies run it."""
    with control.ledger.read() as session:
        return code.read(session, sha256)


@router.get("/code/{sha256}/content", responses=refusals(404), response_class=StreamingResponse)
def read_code_content(sha256: Sha256, control: ForAll) -> Response:
    """Download an archive. Its ETag is its SHA-256."""
    return code.send(control, sha256)


@router.delete("/code/{sha256}", status_code=204, responses=refusals(404, 409))
def delete_code(sha256: Sha256, control: ForUsers) -> Response:
    """Delete an archive; refused while a study that has not ended runs it."""
    code.delete(control, sha256)
    return Response(status_code=204)
