"""The thread that has versions prepared: one at a time, each by a program of its own under limits.

The row is leased, so that several processes of the API share the work and what a dead one began is begun anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import secrets
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from api.errors import Invalid, NotFound
from api.pieces import PieceStore
from api.programs import Limits, ProgramFailed, run_models
from api.references import ReferenceFailed, policy_of, read_reference
from api.services.dataset_versions import announce
from api.settings import Settings
from api.store import ArtifactStore
from api.transaction import Ledger
from db import dataset_uploads, datasets
from db.datasets import VersionRecord

_LEASE_S = 60.0
_RENEW_S = 10.0
_MAX_ATTEMPTS = 3
_BLOCK_BYTES = 1 << 20
log = logging.getLogger(__name__)


class _Closing(Exception):
    """The API is being stopped."""


class _Gone(Exception):
    """The version was deleted, or another process prepares it."""


class Builder:
    """Prepares versions that wait, until closed.

    Args:
        ledger: Where they wait.
        store: Where their bytes lie and what is prepared goes.
        pieces: Of uploads; those that nobody goes on with are removed from time to time.
        settings: Limits.
    """

    def __init__(self, ledger: Ledger, store: ArtifactStore, pieces: PieceStore, settings: Settings) -> None:
        self._ledger = ledger
        self._store = store
        self._pieces = pieces
        self._settings = settings
        self._limits = Limits(
            memory_bytes=settings.dataset_build_bytes,
            # What is prepared can be larger than the bytes it is made from.
            file_bytes=4 * settings.max_dataset_bytes,
            time_s=settings.dataset_build_s,
        )
        self._woken = threading.Event()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="datasets", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look for versions now."""
        self._woken.set()

    def close(self) -> None:
        """End; a version that is being prepared goes back to those that wait."""
        self._is_closing = True
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def build_next(self) -> bool:
        """Prepare one version; False where none waits."""
        token = secrets.token_urlsafe(24)
        with self._ledger.write() as tx:
            started = datasets.start_preparing(tx.session, token, _LEASE_S)
        if started is None:
            return False
        version, n_tried = started
        try:
            if n_tried >= _MAX_ATTEMPTS:
                raise ProgramFailed("gave_up", f"the server died over it {n_tried} times")
            self._build(version, token)
        except (ProgramFailed, ReferenceFailed) as error:
            self._end(version, token, _failed(error.code, str(error), None), None)
        except _Closing:
            with self._ledger.write() as tx:
                datasets.release(tx.session, version.id, token)
        except _Gone:
            log.info("version %s was taken away while it was prepared", version.id)
        return True

    def drop_stale(self) -> None:
        """Forget uploads that nobody has gone on with for long."""
        with self._ledger.write() as tx:
            found = dataset_uploads.list_stale(tx.session, self._settings.upload_retention_s)
            for upload_id in found:
                dataset_uploads.delete_upload(tx.session, upload_id)
        for upload_id in found:
            self._pieces.drop(upload_id)

    def _run(self) -> None:
        while not self._is_closing:
            try:
                while not self._is_closing and self.build_next():
                    pass
                self.drop_stale()
            except Exception:  # a database or store that is away comes back; the thread must outlive it
                log.exception("data sets cannot be prepared; tried again in %s s", self._settings.reconcile_s)
            self._woken.wait(self._settings.reconcile_s)
            self._woken.clear()

    def _build(self, version: VersionRecord, token: str) -> None:
        self._settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="build-", dir=self._settings.home.absolute()) as name:
            folder = Path(name)
            raw = folder / "raw"
            tick = self._ticker(version, token)
            n_raw_bytes = _write(raw, self._ticking(self._raw(version, tick), tick))
            options = ["--format", version.format, "--options", json.dumps(version.options)]
            answer = run_models(["build", str(raw), *options, "--out", str(folder)], self._limits, tick)
            refused = answer.get("refused")
            if refused is not None:
                self._end(version, token, _failed(**refused), None)
                return
            prepared = folder / f"{answer['sha256']}.npz"
            file_sha256 = _hash(prepared)
            self._store.put(self._ticking(_blocks(prepared), tick), file_sha256)
            values = {
                "state": "ready",
                "n_raw_bytes": n_raw_bytes,
                "sha256": answer["sha256"],
                "file_sha256": file_sha256,
                "n_bytes": prepared.stat().st_size,
                "facts": answer["facts"],
                "profile": answer["profile"],
            }
            self._end(version, token, values, answer["preview"])

    def _raw(self, version: VersionRecord, tick: Any) -> Iterator[bytes]:
        """Return the bytes of a version, fetched into the store where they lie elsewhere."""
        try:
            return self._store.get(version.raw_sha256)
        except NotFound:
            if version.reference is None:
                raise
        blocks = read_reference(version.reference, policy_of(self._settings))
        try:
            self._store.put(self._ticking(blocks, tick), version.raw_sha256)
        except Invalid as error:
            message = "the bytes there are not those of the SHA-256 that was given"
            raise ReferenceFailed("hash_mismatch", message) from error
        return self._store.get(version.raw_sha256)

    def _end(self, version: VersionRecord, token: str, values: dict[str, Any], preview: dict[str, Any] | None) -> None:
        with self._ledger.write() as tx:
            if not datasets.end_preparing(tx.session, version.id, token, values):
                raise _Gone
            if preview is not None:
                datasets.store_look(tx.session, values["sha256"], {}, preview)
            ended = datasets.find_version(tx.session, version.id)
            name = datasets.find_name(tx.session, version.dataset_id)
            assert ended is not None
            announce(tx, name, ended)

    def _ticker(self, version: VersionRecord, token: str) -> Any:
        renewed_at = time.monotonic()

        def tick() -> None:
            nonlocal renewed_at
            if self._is_closing:
                raise _Closing
            if time.monotonic() - renewed_at > _RENEW_S:
                renewed_at = time.monotonic()
                with self._ledger.write() as tx:
                    if not datasets.renew_preparing(tx.session, version.id, token, _LEASE_S):
                        raise _Gone

        return tick

    @staticmethod
    def _ticking(chunks: Iterable[bytes], tick: Any) -> Iterator[bytes]:
        for chunk in chunks:
            tick()
            yield chunk


def _failed(code: str, message: str, field: str | None) -> dict[str, Any]:
    return {"state": "failed", "error": {"code": code, "message": message[:2000], "field": field}}


def _write(path: Path, chunks: Iterable[bytes]) -> int:
    """Write bytes to a file, and return how many."""
    with path.open("wb") as file:
        return sum(file.write(chunk) for chunk in chunks)


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()
