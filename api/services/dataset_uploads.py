"""Use cases on uploads: bytes come in pieces, each at the offset that is reached, and become a version at the end."""

from __future__ import annotations

import hashlib
import re
import secrets
from pathlib import PurePath
from typing import Any

from sqlalchemy.orm import Session

from api.errors import Conflict, Invalid, NotFound, TooLarge
from api.schemas.datasets import BuildOptions, ChunkRead, DatasetVersionRead, UploadCreate, UploadRead
from api.services.dataset_versions import NewVersion, add_version
from api.services.dataset_views import show_version
from api.state import Control
from db import dataset_uploads as uploads
from db import datasets
from db.dataset_uploads import UploadRecord
from models import catalogue

MAX_OPEN_UPLOADS = 200
CODE = "code"
"""The format of uploads that become no data set, but code for commands."""
FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".npz": "npz",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".zip": "images",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_RESERVED = frozenset({"uploads", "content"})


class OffsetDiffers(Conflict):
    """A piece that does not begin where the others end.

    Attributes:
        offset: where to go on.
    """

    def __init__(self, upload_id: str, sent: int, offset: int) -> None:
        super().__init__(
            "offset_differs",
            f"the piece begins at {sent}, and {offset} bytes are here of upload {upload_id}",
            "Upload-Offset",
            f"go on at {offset}",
        )
        self.offset = offset


def begin(control: Control, name: str, body: UploadCreate, owner: str) -> UploadRead:
    """Begin an upload.

    Raises:
        Invalid: `bad_name`, or what `check_options` refuses.
        Conflict: `name_builtin`, `too_many_uploads` or `too_many_datasets`.
        TooLarge: `dataset_too_large`.
    """
    settings = control.settings
    check_name(name)
    check_options(body.options)
    if body.n_bytes > settings.max_dataset_bytes:
        message = f"{body.n_bytes} bytes: a data set may have at most {settings.max_dataset_bytes}"
        raise TooLarge("dataset_too_large", message, "n_bytes", "TUNEWELL_MAX_DATASET_BYTES sets the limit")
    upload_id = secrets.token_hex(16)
    options = body.options.model_dump(mode="json", exclude_defaults=True)
    values = body.model_dump(include={"n_bytes", "sha256", "filename", "format"})
    with control.ledger.write() as tx:
        require_room(tx.session)
        require_place(tx.session, name, settings.max_datasets)
        uploads.insert_upload(
            tx.session, {"id": upload_id, "name": name, "options": options, "created_by": owner, **values}
        )
        return _show(control, tx.session, _get(tx.session, upload_id))


def read(control: Control, upload_id: str) -> UploadRead:
    """Return how far an upload is.

    Raises:
        NotFound: `upload_not_found`.
    """
    with control.ledger.read() as session:
        return _show(control, session, _get(session, upload_id))


def receive(control: Control, upload_id: str, offset: int, content: bytes) -> ChunkRead:
    """Take the next piece.

    The bytes are stored before the row tells of them, and get their place in the same transaction: a piece that is
    sent twice, or by two callers at once, counts once.

    Raises:
        NotFound: `upload_not_found`.
        OffsetDiffers: With the offset at which to go on.
        Conflict: `upload_finished`.
        Invalid: `empty_piece`, or `too_many_bytes`.
    """
    with control.ledger.read() as session:
        upload = _get(session, upload_id)
    _check_piece(upload, offset, len(content))
    name = control.pieces.put(upload_id, content)
    try:
        with control.ledger.write() as tx:
            if not uploads.advance(tx.session, upload_id, offset, offset + len(content)):
                now = _get(tx.session, upload_id)
                raise _finished(now) if now.version_id else OffsetDiffers(upload_id, offset, now.n_received)
            control.pieces.place(upload_id, name, offset)
    finally:
        control.pieces.discard(name)
    return ChunkRead(offset=offset + len(content))


def finish(control: Control, upload_id: str) -> DatasetVersionRead:
    """Make a version of an upload that is whole, and have it prepared; repeating it answers the same version.

    Raises:
        NotFound: `upload_not_found`.
        Conflict: `upload_incomplete` or `upload_damaged`.
        Invalid: `hash_mismatch`, or `unknown_format`.
    """
    with control.ledger.read() as session:
        upload = _get(session, upload_id)
        if upload.version_id is not None:
            return _version(session, upload.version_id)
    upload = require_whole(control, upload_id, is_code=False)
    form = upload.format or guess_format(upload.filename, head_of(control, upload))
    raw_sha256 = hash_of(control, upload)
    control.data_store.put(control.pieces.read(upload_id, upload.n_bytes), raw_sha256)
    new = NewVersion(raw_sha256, upload.n_bytes, upload.filename, form, upload.options, upload.created_by)
    with control.ledger.write() as tx:
        version, _ = add_version(tx, upload.name, new)
        uploads.finish_upload(tx.session, upload_id, version.id)
        answer = show_version(version)
    control.builder.wake()
    control.pieces.drop(upload_id)
    return answer


def require_whole(control: Control, upload_id: str, *, is_code: bool) -> UploadRecord:
    """Return an upload of a kind, all of whose bytes are here.

    Raises:
        NotFound: `upload_not_found`.
        Conflict: `upload_incomplete`.
    """
    with control.ledger.read() as session:
        upload = _get(session, upload_id)
    if (upload.format == CODE) != is_code:
        raise _not_found(upload_id)
    if upload.n_received < upload.n_bytes:
        message = f"{upload.n_received} of {upload.n_bytes} bytes are here"
        raise Conflict("upload_incomplete", message, "upload_id", f"send the rest, from offset {upload.n_received} on")
    return upload


def delete(control: Control, upload_id: str) -> None:
    """Give an upload up; a version that it became stays.

    Raises:
        NotFound: `upload_not_found`.
    """
    with control.ledger.write() as tx:
        if not uploads.delete_upload(tx.session, upload_id):
            raise _not_found(upload_id)
    control.pieces.drop(upload_id)


def check_name(name: str) -> None:
    """Refuse a name that could not be one of a data set that somebody brings.

    Raises:
        Invalid: `bad_name`.
        Conflict: `name_builtin`.
    """
    if name in catalogue.DATASETS:
        raise Conflict("name_builtin", f"{name!r} is built in", "name", "choose another name")
    if not _NAME.fullmatch(name) or name in _RESERVED:
        hint = "letters, digits, '_', '-' and '.', at most 64, beginning with a letter or digit; not uploads or content"
        raise Invalid("bad_name", f"{name!r} cannot be the name of a data set", "name", hint)


def check_options(options: BuildOptions) -> None:
    """Refuse options that contradict each other.

    Raises:
        Invalid: `fractions_too_large`.
    """
    val, test = options.val_fraction or 0.2, options.test_fraction or 0.2
    if val + test >= 1:
        message = f"val_fraction {val:g} and test_fraction {test:g} leave no rows to train on"
        raise Invalid("fractions_too_large", message, "options.val_fraction", "together below 1")


def guess_format(filename: str, head: bytes) -> str:
    """Tell a format by the first bytes and the end of the name.

    Raises:
        Invalid: `unknown_format`.
    """
    ending = PurePath(filename.lower()).suffix
    is_archive = head.startswith(b"PK\x03\x04")
    found = FORMATS.get(ending)
    if found in ("npz", "images") and not is_archive:
        found = None
    if head.startswith(b"PAR1"):
        found = "parquet"
    if found is None and not is_archive and b"\x00" not in head:
        found = "csv"
    if found is None:
        accepted = ", ".join(sorted(FORMATS))
        message = f"{filename!r} is of no format that is read here"
        raise Invalid("unknown_format", message, "format", f"accepted are {accepted}; or say the format")
    return found


def require_room(session: Session) -> None:
    """Refuse one more upload where there are too many.

    Raises:
        Conflict: `too_many_uploads`.
    """
    if uploads.count_open(session) >= MAX_OPEN_UPLOADS:
        message = f"{MAX_OPEN_UPLOADS} uploads are under way"
        raise Conflict("too_many_uploads", message, hint="finish or delete some, and try again")


def require_place(session: Session, name: str, max_datasets: int) -> None:
    """Refuse one more data set where there are too many.

    Raises:
        Conflict: `too_many_datasets`.
    """
    if len(datasets.list_datasets(session)) >= max_datasets and datasets.find_dataset(session, name) is None:
        message = f"there are {max_datasets} data sets, which is the most here"
        raise Conflict("too_many_datasets", message, "name", "delete one that no study needs")


def _check_piece(upload: UploadRecord, offset: int, n: int) -> None:
    if upload.version_id is not None:
        raise _finished(upload)
    if n == 0:
        raise Invalid("empty_piece", "the piece has no bytes", hint="send some, or finish the upload")
    if offset != upload.n_received:
        raise OffsetDiffers(upload.id, offset, upload.n_received)
    if offset + n > upload.n_bytes:
        message = f"with this piece there would be {offset + n} bytes, and {upload.n_bytes} were announced"
        raise Invalid("too_many_bytes", message, hint="begin another upload for another file")


def head_of(control: Control, upload: UploadRecord) -> bytes:
    """Return the first bytes of an upload that is whole."""
    return next(control.pieces.read(upload.id, upload.n_bytes))[:4096]


def hash_of(control: Control, upload: UploadRecord) -> str:
    """Return the SHA-256 of an upload that is whole.

    Raises:
        Invalid: `hash_mismatch`, where another one was announced.
    """
    digest = hashlib.sha256()
    for block in control.pieces.read(upload.id, upload.n_bytes):
        digest.update(block)
    found = digest.hexdigest()
    if upload.sha256 not in (None, found):
        message = f"the bytes have SHA-256 {found}, not {upload.sha256}"
        raise Invalid("hash_mismatch", message, "sha256", "delete this upload and send the file again")
    return found


def _get(session: Session, upload_id: str) -> UploadRecord:
    found = uploads.find_upload(session, upload_id)
    if found is None:
        raise _not_found(upload_id)
    return found


def _show(control: Control, session: Session, upload: UploadRecord) -> UploadRead:
    version: Any = None
    if upload.version_id is not None:
        version = datasets.find_version(session, upload.version_id)
    return UploadRead(
        upload_id=upload.id,
        name=upload.name,
        offset=upload.n_received,
        n_bytes=upload.n_bytes,
        chunk_bytes=control.settings.dataset_chunk_bytes,
        state="receiving" if version is None else "finished",
        version=None if version is None else version.version,
    )


def _version(session: Session, version_id: int) -> DatasetVersionRead:
    version = datasets.find_version(session, version_id)
    assert version is not None  # an upload goes with its version
    return show_version(version)


def _finished(upload: UploadRecord) -> Conflict:
    return Conflict("upload_finished", f"upload {upload.id} is a version already", "upload_id", "begin another one")


def _not_found(upload_id: str) -> NotFound:
    hint = "begin another one; those that nobody goes on with are forgotten after TUNEWELL_UPLOAD_RETENTION_S"
    return NotFound("upload_not_found", f"there is no upload {upload_id!r}", "upload_id", hint)


__all__ = ["OffsetDiffers", "begin", "check_name", "delete", "finish", "guess_format", "read", "receive"]
