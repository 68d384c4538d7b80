"""Store outputs of trials."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Path
from sqlalchemy.orm import Session

from api.errors import LeaseLost
from api.schemas.trials import ArtifactRead, UploadQuery
from api.services.previews import media_type_of
from api.services.views import show_artifact
from api.state import Control
from db import attempts, outputs
from db.lifecycle import AttemptState
from db.records import AttemptRecord

ArtifactName = Annotated[
    str, Path(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=200, description="Letters, digits, '_', '-', '.'")
]


@dataclass(frozen=True, slots=True)
class Upload:
    """What a worker sends along with the bytes."""

    attempt_id: int
    lease_token: str
    name: str
    query: UploadQuery


def store(control: Control, upload: Upload, chunks: Iterable[bytes]) -> ArtifactRead:
    """Store bytes, then the row that names them.

    The bytes come first and outside any transaction: an upload that breaks leaves at most bytes that nothing names.

    Raises:
        LeaseLost: Before the upload or after it.
        Invalid: `hash_mismatch`.
        TooLarge: `artifact_too_large`.
    """
    with control.ledger.read() as session:
        _held(session, upload)
    n_bytes = control.store.put(_renewing(control, upload, chunks), upload.query.sha256)
    try:
        return _name(control, upload, n_bytes)
    except LeaseLost:
        with control.ledger.write() as tx:
            outputs.note_unnamed(tx.session, [upload.query.sha256])
        raise


def _name(control: Control, upload: Upload, n_bytes: int) -> ArtifactRead:
    with control.ledger.write() as tx:
        attempt = _held(tx.session, upload)
        values = {
            "trial_id": attempt.trial_id,
            "attempt_no": attempt.attempt_no,
            "name": upload.name,
            "kind": upload.query.kind,
            "step": upload.query.step,
            "sha256": upload.query.sha256,
            "n_bytes": n_bytes,
            "media_type": media_type_of(upload.name),
        }
        artifact_id = outputs.store_artifact(tx.session, values)
        artifact = outputs.find_artifact(tx.session, artifact_id)
        if artifact is None:  # the study was deleted meanwhile
            raise LeaseLost(upload.attempt_id)
        return show_artifact(artifact)


def _renewing(control: Control, upload: Upload, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass bytes on and renew the lease meanwhile: they are a sign of life, however long they take."""
    lease_s = control.settings.lease_s
    renewed_at = time.monotonic()
    for chunk in chunks:
        if time.monotonic() - renewed_at > lease_s / 4:
            with control.ledger.write() as tx:
                if not attempts.extend_lease(tx.session, upload.attempt_id, upload.lease_token, lease_s):
                    raise LeaseLost(upload.attempt_id)
            renewed_at = time.monotonic()
        yield chunk


def _held(session: Session, upload: Upload) -> AttemptRecord:
    attempt = attempts.find_attempt(session, upload.attempt_id)
    if attempt is None or attempt.state is not AttemptState.RUNNING or attempt.lease_token != upload.lease_token:
        raise LeaseLost(upload.attempt_id)
    return attempt
