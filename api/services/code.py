"""Use cases on code that people bring: uploaded as data sets are, kept by its hash, never read here.

What an archive holds is for the machine that runs it to look at, which unpacks it under limits.
"""

from __future__ import annotations

import secrets

from fastapi.responses import StreamingResponse
from sqlalchemy.orm import Session

from api.errors import Conflict, Invalid, NotFound, TooLarge
from api.schemas.code import CodeList, CodeRead, CodeUploadCreate
from api.schemas.datasets import UploadRead
from api.services import dataset_uploads
from api.state import Control
from api.transaction import Tx
from db import code
from db import dataset_uploads as uploads
from db.code import CodeRecord

_MAX_NAMED = 5
_MAX_LISTED = 1000


def begin(control: Control, body: CodeUploadCreate, owner: str) -> UploadRead:
    """Begin an upload.

    Raises:
        TooLarge: `code_too_large`.
        Conflict: `too_many_uploads`.
    """
    limit = control.settings.max_code_bytes
    if body.n_bytes > limit:
        message = f"{body.n_bytes} bytes: an archive of code may have at most {limit}"
        raise TooLarge("code_too_large", message, "n_bytes", "leave data out of it; TUNEWELL_MAX_CODE_BYTES sets it")
    upload_id = secrets.token_hex(16)
    values = {**body.model_dump(), "name": "", "format": dataset_uploads.CODE, "options": {}, "created_by": owner}
    with control.ledger.write() as tx:
        dataset_uploads.require_room(tx.session)
        uploads.insert_upload(tx.session, {"id": upload_id, **values})
    return dataset_uploads.read(control, upload_id)


def finish(control: Control, upload_id: str) -> CodeRead:
    """Keep an upload that is whole under its hash.

    Raises:
        NotFound: `upload_not_found`, also once it is kept.
        Conflict: `upload_incomplete` or `upload_damaged`.
        Invalid: `hash_mismatch`, or `not_an_archive`.
    """
    upload = dataset_uploads.require_whole(control, upload_id, is_code=True)
    if not dataset_uploads.head_of(control, upload).startswith(b"PK\x03\x04"):
        message = f"{upload.filename!r} is no ZIP file with something in it"
        raise Invalid("not_an_archive", message, "filename", "`tunewell code add FOLDER` makes one")
    sha256 = dataset_uploads.hash_of(control, upload)
    control.code_store.put(control.pieces.read(upload_id, upload.n_bytes), sha256)
    with control.ledger.write() as tx:
        made = {"n_bytes": upload.n_bytes, "filename": upload.filename, "created_by": upload.created_by}
        code.insert_code(tx.session, {"sha256": sha256, **made})
        uploads.delete_upload(tx.session, upload_id)
        answer = read(tx.session, sha256)
    control.pieces.drop(upload_id)
    return answer


def read(session: Session, sha256: str) -> CodeRead:
    """Return what is known of an archive.

    Raises:
        NotFound: `code_not_found`.
    """
    return _show(_get(session, sha256), code.count_uses(session))


def list_code(session: Session) -> CodeList:
    """Return the newest archives."""
    uses = code.count_uses(session)
    return CodeList(items=[_show(one, uses) for one in code.list_code(session, _MAX_LISTED)])


def send(control: Control, sha256: str) -> StreamingResponse:
    """Return an archive's bytes.

    Raises:
        NotFound: `code_not_found`.
    """
    with control.ledger.read() as session:
        found = _get(session, sha256)
    headers = {
        "ETag": f'"{sha256}"',
        "Content-Disposition": f'attachment; filename="{sha256}.zip"',
        "Content-Length": str(found.n_bytes),
    }
    return StreamingResponse(control.code_store.get(sha256), 200, headers, media_type="application/octet-stream")


def delete(control: Control, sha256: str) -> None:
    """Delete an archive.

    Raises:
        NotFound: `code_not_found`.
        Conflict: `code_in_use`, while a study that has not ended runs it.
    """
    with control.ledger.write() as tx:
        if code.lock_code(tx.session, sha256, shared=False) is None:
            raise _not_found(sha256)
        uses = code.list_uses(tx.session, sha256, _MAX_NAMED)
        if uses:
            named = ", ".join(repr(name) for name in uses)
            message = f"the code is run by studies that have not ended: {named}"
            raise Conflict("code_in_use", message, "sha256", "stop them, or wait until they have ended")
        code.delete_code(tx.session, sha256)
    control.code_store.drop(sha256)


def hold(tx: Tx, sha256: str) -> None:
    """Keep an archive from being deleted until the transaction has stored who runs it.

    Raises:
        Invalid: `unknown_code`.
    """
    if code.lock_code(tx.session, sha256, shared=True) is None:
        message = f"there is no archive of code {sha256}"
        raise Invalid("unknown_code", message, "source.archive", "bring it with `tunewell code add FOLDER`")


def _get(session: Session, sha256: str) -> CodeRecord:
    found = code.find_code(session, sha256)
    if found is None:
        raise _not_found(sha256)
    return found


def _not_found(sha256: str) -> NotFound:
    return NotFound("code_not_found", f"no code has the SHA-256 {sha256}", "sha256", "`tunewell code list` shows them")


def _show(found: CodeRecord, uses: dict[str, int]) -> CodeRead:
    return CodeRead(
        sha256=found.sha256,
        n_bytes=found.n_bytes,
        filename=found.filename,
        created_by=found.created_by,
        created_at=found.created_at,
        n_studies=uses.get(found.sha256, 0),
    )
