"""Use cases on versions: one for each content and way of reading it, and none while a study needs what is deleted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from api.errors import Conflict
from api.schemas.datasets import DatasetVersionRead, VersionCreate
from api.services.dataset_views import choose_version, get_own, show_version
from api.state import Control
from api.transaction import Tx
from db import datasets
from db.datasets import DatasetRecord, VersionRecord

_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Bytes that lie in the store or where `reference` says, and how they are to be read."""

    raw_sha256: str
    n_raw_bytes: int
    filename: str
    format: str
    options: Mapping[str, Any]
    created_by: str
    reference: str | None = None

    @property
    def request_key(self) -> str:
        """What is equal for the same bytes read in the same way."""
        said = {key: value for key, value in self.options.items() if value is not None}
        text = json.dumps([self.raw_sha256, self.format, said], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def add_version(tx: Tx, name: str, new: NewVersion) -> tuple[VersionRecord, bool]:
    """Store a version to be prepared, or return the one that is the same; the flag tells whether it is to be prepared.

    Effects:
        Stores the data set's name where it is new. One that failed before is prepared once more.
    """
    dataset = _lock(tx, name, new)
    same = datasets.find_same(tx.session, dataset.id, new.request_key)
    if same is not None and not datasets.prepare_again(tx.session, same.id, new.reference):
        return same, False
    if same is None:
        version = datasets.insert_version(tx.session, dataset.id, {**asdict(new), "request_key": new.request_key})
    else:
        found = datasets.find_version(tx.session, same.id)
        assert found is not None
        version = found
    announce(tx, name, version)
    return version, True


def create_version(control: Control, name: str, body: VersionCreate, owner: str) -> tuple[DatasetVersionRead, bool]:
    """Read the bytes of a version in another way; the flag tells whether that is new.

    Raises:
        NotFound: `dataset_not_found` or `version_not_found`.
    """
    with control.ledger.write() as tx:
        dataset = get_own(tx.session, name)
        old = choose_version(datasets.list_versions(tx.session, dataset.id), name, body.from_version)
        options = body.options.model_dump(mode="json", exclude_defaults=True)
        new = NewVersion(old.raw_sha256, old.n_raw_bytes, old.filename, old.format, options, owner, old.reference)
        version, is_new = add_version(tx, name, new)
        answer = show_version(version)
    if is_new:
        control.builder.wake()
    return answer, is_new


def delete_dataset(control: Control, name: str) -> None:
    """Delete a data set with all of its versions and their bytes.

    Raises:
        NotFound: `dataset_not_found`.
        Conflict: `dataset_in_use`, while a study that has not ended uses it.

    Effects:
        Studies that ended keep what they are; what their networks were trained on cannot be had any more.
    """
    with control.ledger.write() as tx:
        get_own(tx.session, name)
        dataset = datasets.lock_dataset(tx.session, name)
        assert dataset is not None
        uses = datasets.list_uses(tx.session, name, _MAX_NAMED + 1, live=True)
        if uses:
            named = ", ".join(repr(one.name) for one in uses[:_MAX_NAMED])
            more = " and others" if len(uses) > _MAX_NAMED else ""
            message = f"{name!r} is used by studies that have not ended: {named}{more}"
            raise Conflict("dataset_in_use", message, "name", "stop them, or wait until they have ended")
        versions = datasets.list_versions(tx.session, dataset.id)
        datasets.delete_dataset(tx.session, dataset.id)
        unnamed = _forget(tx, versions)
        tx.emit("dataset", {"dataset_id": dataset.id, "name": name, "version": None, "state": "deleted"})
    for sha256 in unnamed:
        control.data_store.drop(sha256)


def announce(tx: Tx, name: str, version: VersionRecord) -> None:
    """Tell the live stream what a version's state is."""
    payload = {"dataset_id": f"{name}@{version.version}", "name": name, "version": version.version}
    tx.emit("dataset", {**payload, "state": version.state})


def _lock(tx: Tx, name: str, new: NewVersion) -> DatasetRecord:
    datasets.ensure_dataset(tx.session, name, new.filename, new.created_by)
    dataset = datasets.lock_dataset(tx.session, name)
    assert dataset is not None
    return dataset


def _forget(tx: Tx, versions: list[VersionRecord]) -> set[str]:
    """Return what of deleted versions no other needs, to be dropped after the commit: a failure must lose no bytes."""
    unnamed = {one.raw_sha256 for one in versions if not datasets.is_raw_used(tx.session, one.raw_sha256)}
    for version in versions:
        if version.file_sha256 and not datasets.is_file_used(tx.session, version.file_sha256):
            unnamed.add(version.file_sha256)
            datasets.drop_look(tx.session, str(version.sha256))
    return unnamed
