"""Data sets over HTTP: reading what there is, bringing one's own in pieces, and the content for workers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, StreamingResponse

from api.auth import CallerName, ForAll, ForUsers
from api.errors import TooLarge
from api.guard import error_body
from api.routes.common import refusals
from api.schemas.datasets import (
    ChunkRead,
    DatasetDetail,
    DatasetList,
    DatasetPreview,
    DatasetVersionRead,
    ReferenceCreate,
    UploadCreate,
    UploadRead,
    VersionCreate,
)
from api.services import dataset_content, dataset_references, dataset_uploads, dataset_versions, dataset_views
from api.state import Control

router = APIRouter(tags=["data sets"])
Name = Annotated[str, Path(max_length=100, description="Name of a data set", examples=["digits"])]
UploadId = Annotated[str, Path(max_length=64, description="As the answer to the first request says")]
Version = Annotated[
    int | None, Query(ge=1, le=2**31 - 1, description="Which version; left out: the newest that is ready")
]


@router.get("/datasets", responses=refusals())
def list_datasets(control: ForAll) -> DatasetList:
    """List data sets: those that are built in, then those that people brought."""
    with control.ledger.read() as session:
        return dataset_views.list_datasets(session)


@router.get("/datasets/{name}", responses=refusals(404))
def read_dataset(name: Name, control: ForUsers, version: Version = None) -> DatasetDetail:
    """Return a data set: its versions, columns, classes, findings, and the studies that use it.

    The first look into a data set that is built in takes some seconds.
    """
    return dataset_views.read_dataset(control.ledger, control.looks, name, version)


@router.get("/datasets/{name}/preview", responses=refusals(404))
def preview_dataset(name: Name, control: ForUsers, version: Version = None) -> DatasetPreview:
    """Return a few rows, or images."""
    return dataset_views.preview_dataset(control.ledger, control.looks, name, version)


@router.post("/datasets/{name}/uploads", status_code=201, responses=refusals(409, 413))
def begin_upload(name: Name, body: UploadCreate, control: ForUsers, owner: CallerName) -> UploadRead:
    """Begin to bring a data set, or another version of one. Its bytes follow in pieces, by PATCH."""
    return dataset_uploads.begin(control, name, body, owner)


@router.get("/datasets/uploads/{upload_id}", responses=refusals(404))
def read_upload(upload_id: UploadId, control: ForUsers) -> UploadRead:
    """Return how many bytes of an upload are here: where to go on."""
    return dataset_uploads.read(control, upload_id)


@router.patch(
    "/datasets/uploads/{upload_id}",
    responses=refusals(404, 409, 413),
    response_model=ChunkRead,
    openapi_extra={"requestBody": {"content": {"application/octet-stream": {}}, "required": True}},
)
async def send_piece(
    upload_id: UploadId,
    request: Request,
    control: ForUsers,
    offset: Annotated[int, Header(alias="Upload-Offset", ge=0, le=2**50, description="Where the piece begins")],
) -> Response:
    """Send the next piece. One that begins elsewhere is refused with 409, and `Upload-Offset` says where to go on."""
    return await answer_piece(control, upload_id, request, offset)


@router.delete("/datasets/uploads/{upload_id}", status_code=204, responses=refusals(404))
def delete_upload(upload_id: UploadId, control: ForUsers) -> Response:
    """Give an upload up."""
    dataset_uploads.delete(control, upload_id)
    return Response(status_code=204)


@router.post("/datasets/uploads/{upload_id}:finish", responses=refusals(404, 409))
def finish_upload(upload_id: UploadId, control: ForUsers) -> DatasetVersionRead:
    """Make a version of an upload that is whole. It is then prepared, which an event `dataset` tells the end of."""
    return dataset_uploads.finish(control, upload_id)


@router.post("/datasets/{name}/references", status_code=201, responses=refusals(409))
def create_reference(
    name: Name, body: ReferenceCreate, control: ForUsers, owner: CallerName, response: Response
) -> DatasetVersionRead:
    """Make a version of bytes that lie elsewhere, which the server fetches; 200 and the version there is where it did.

    An event `dataset` tells when it is ready, or has failed because the bytes are others or cannot be had.
    """
    version, is_new = dataset_references.create(control, name, body, owner)
    response.status_code = 201 if is_new else 200
    return version


@router.post("/datasets/{name}/versions", status_code=201, responses=refusals(404))
def create_version(
    name: Name, body: VersionCreate, control: ForUsers, owner: CallerName, response: Response
) -> DatasetVersionRead:
    """Read the bytes of a version with other options; 200 and the version there is where that was done before."""
    dataset_uploads.check_options(body.options)
    version, is_new = dataset_versions.create_version(control, name, body, owner)
    response.status_code = 201 if is_new else 200
    return version


@router.delete("/datasets/{name}", status_code=204, responses=refusals(404, 409))
def delete_dataset(name: Name, control: ForUsers) -> Response:
    """Delete a data set with all its versions; refused while a study that has not ended uses it."""
    dataset_versions.delete_dataset(control, name)
    return Response(status_code=204)


@router.get("/datasets/content/{sha256}", responses=refusals(404), response_class=StreamingResponse)
def read_content(
    sha256: Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="Digest of the prepared arrays")],
    control: ForAll,
    wanted: Annotated[str, Header(alias="Range", max_length=100)] = "",
) -> Response:
    """Download prepared content: the file that `models.data.dataset.load_dataset` reads. Its ETag is its SHA-256."""
    return dataset_content.send(control, sha256, wanted)


async def answer_piece(control: Control, upload_id: str, request: Request, offset: int) -> Response:
    """Take a piece of an upload from a request, and answer it."""
    content = await _read_piece(request, control.settings.dataset_chunk_bytes)
    try:
        answer = await run_in_threadpool(dataset_uploads.receive, control, upload_id, offset, content)
    except dataset_uploads.OffsetDiffers as error:
        return JSONResponse(error_body(error), error.status, {"Upload-Offset": str(error.offset)})
    return JSONResponse(answer.model_dump())


async def _read_piece(request: Request, max_bytes: int) -> bytes:
    """Read a piece whole: one whose connection breaks leaves nothing behind."""
    content = bytearray()
    async for block in request.stream():
        content += block
        if len(content) > max_bytes:
            message = f"a piece may have at most {max_bytes} bytes"
            raise TooLarge("piece_too_large", message, hint="send less at a time: chunk_bytes says how much")
    return bytes(content)
