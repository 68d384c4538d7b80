"""Data sets as callers read them: those that are built in and those that people brought, in one list."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from api.errors import NotFound, Unavailable, nearest
from api.programs import ProgramFailed
from api.schemas.datasets import (
    BuildError,
    BuildOptions,
    DatasetDetail,
    DatasetList,
    DatasetPreview,
    DatasetRead,
    DatasetUse,
    DatasetVersionRead,
)
from api.services.dataset_facts import catalogue_facts
from api.services.dataset_looks import LookDesk
from api.transaction import Ledger
from db import datasets
from db.datasets import DatasetRecord, Use, VersionRecord
from models import catalogue

_MAX_USES = 200
_NO_FACTS: Mapping[str, Any] = {
    "task": "",
    "kind": "",
    "shape": [],
    "is_chronological": False,
    "n_classes": None,
    **dict.fromkeys(("n_rows", "n_features", "n_train", "n_val", "n_test"), 0),
}
_NO_PROFILE: Mapping[str, Any] = {
    "columns": [],
    "n_columns": 0,
    "classes": [],
    "target_histogram": None,
    "findings": [],
}


def list_datasets(session: Session) -> DatasetList:
    """Return every data set: those that are built in, then those that people brought, by name."""
    uses = count_by_name(datasets.count_uses(session))
    versions: dict[int, list[VersionRecord]] = {}
    for version in datasets.list_versions(session):
        versions.setdefault(version.dataset_id, []).append(version)
    builtin = [_builtin(info, uses[info.name]) for info in catalogue.DATASETS.values()]
    own = [_own(one, versions.get(one.id, []), uses[one.name]) for one in datasets.list_datasets(session)]
    return DatasetList(items=[DatasetRead(**values) for values in (*builtin, *own)])


def read_dataset(ledger: Ledger, desk: LookDesk, name: str, number: int | None) -> DatasetDetail:
    """Return a data set with all that is known of one of its versions.

    Args:
        ledger: The database.
        desk: Where built-in data sets are looked into; the first look takes seconds.
        name: Of the data set.
        number: Which version; None for the newest that is ready, or the newest where none is.

    Raises:
        NotFound: `dataset_not_found` or `version_not_found`.
    """
    if name in catalogue.DATASETS:
        return _read_builtin(ledger, desk, name, number)
    with ledger.read() as session:
        dataset = get_own(session, name)
        versions = datasets.list_versions(session, dataset.id)
        shown = choose_version(versions, name, number)
        found = datasets.find_profile(session, shown.id)
        uses = datasets.list_uses(session, name, _MAX_USES)
        n_uses = datasets.count_uses(session)
    return DatasetDetail(
        **{**_own(dataset, versions, count_by_name(n_uses)[name]), **_facts(shown)},
        shown_version=shown.version,
        versions=[show_version(one, n_uses.get(f"{name}@{one.version}", 0)) for one in versions],
        options=BuildOptions.model_validate(shown.options),
        studies=[_show_use(one) for one in uses],
        note=_note(shown),
        **(_NO_PROFILE if found is None else found),
    )


def preview_dataset(ledger: Ledger, desk: LookDesk, name: str, number: int | None) -> DatasetPreview:
    """Return a few examples of a version.

    Raises:
        NotFound: `dataset_not_found` or `version_not_found`; `preview_missing` for a version that is not ready.
        Unavailable: `preview_unavailable`, where a built-in data set cannot be had here.
    """
    if name in catalogue.DATASETS:
        _require_first(name, number)
        info = catalogue.get_dataset(name)
        try:
            look = desk.look(info)
        except ProgramFailed as error:
            raise Unavailable("preview_unavailable", f"{name} cannot be looked into here: {error}") from error
        return DatasetPreview(version=1, sha256=info.sha256, **look.preview)
    with ledger.read() as session:
        versions = datasets.list_versions(session, get_own(session, name).id)
    shown = choose_version(versions, name, number)
    kept = None if shown.sha256 is None else desk.find(shown.sha256)
    if kept is None:
        raise NotFound("preview_missing", f"there is no preview of {name}@{shown.version}", "version", _note(shown))
    return DatasetPreview(version=shown.version, sha256=str(shown.sha256), **kept.preview)


def get_own(session: Session, name: str) -> DatasetRecord:
    """Return a data set that somebody brought.

    Raises:
        NotFound: `dataset_not_found`, with the nearest name.
    """
    found = datasets.find_dataset(session, name)
    if found is None:
        known = [*catalogue.DATASETS, *(one.name for one in datasets.list_datasets(session))]
        raise NotFound("dataset_not_found", f"there is no data set {name!r}", "name", nearest(name, known))
    return found


def choose_version(versions: Sequence[VersionRecord], name: str, number: int | None) -> VersionRecord:
    """Return the version of this number; without one the newest that is ready, or the newest.

    Args:
        versions: All of the data set, the newest first.
        name: Of the data set.
        number: Which, or None.

    Raises:
        NotFound: `version_not_found`.
    """
    if number is None and versions:
        return next((one for one in versions if one.state == "ready"), versions[0])
    found = [one for one in versions if one.version == number]
    if not found:
        raise _no_version(name, number, [one.version for one in versions])
    return found[0]


def show_version(version: VersionRecord, n_studies: int = 0) -> DatasetVersionRead:
    """Return a version as callers read it."""
    facts = version.facts or {}
    return DatasetVersionRead(
        version=version.version,
        state=version.state,
        sha256=version.sha256,
        raw_sha256=version.raw_sha256,
        n_bytes=version.n_bytes,
        n_raw_bytes=version.n_raw_bytes or None,
        format=version.format,
        filename=version.filename,
        reference=None if version.reference is None else version.reference.partition("?")[0],
        created_at=version.created_at,
        ended_at=version.ended_at,
        created_by=version.created_by,
        error=None if version.error is None else BuildError.model_validate(version.error),
        options=BuildOptions.model_validate(version.options),
        n_rows=facts.get("n_rows"),
        n_features=facts.get("n_features"),
        n_studies=n_studies,
    )


def count_by_name(uses: Mapping[str, int]) -> Counter[str]:
    """Add up how many studies use each data set, whatever its version."""
    found: Counter[str] = Counter()
    for ref, n in uses.items():
        found[ref.partition("@")[0]] += n
    return found


def _builtin(info: catalogue.DatasetInfo, n_studies: int) -> dict[str, Any]:
    about = {"name": info.name, "title": info.title, "citation": info.source, "licence": info.licence}
    state = {"source": "builtin", "version": 1, "newest_version": 1, "state": "ready", "n_versions": 1}
    who = {"n_studies": n_studies, "created_at": None, "created_by": "", "sha256": info.sha256}
    return {**about, **catalogue_facts(info), **state, **who}


def _own(dataset: DatasetRecord, versions: Sequence[VersionRecord], n_studies: int) -> dict[str, Any]:
    ready = next((one for one in versions if one.state == "ready"), None)
    newest = versions[0] if versions else None
    return {
        "name": dataset.name,
        "title": dataset.title,
        "citation": "",
        "licence": "",
        **_facts(ready),
        "source": "upload",
        "version": None if ready is None else ready.version,
        "newest_version": 0 if newest is None else newest.version,
        "state": "failed" if newest is None else newest.state,
        "n_versions": len(versions),
        "n_studies": n_studies,
        "created_at": dataset.created_at,
        "created_by": dataset.owner,
    }


def _facts(version: VersionRecord | None) -> dict[str, Any]:
    if version is None or version.facts is None:
        return {**_NO_FACTS, "sha256": ""}
    return {**version.facts, "sha256": version.sha256}


def _read_builtin(ledger: Ledger, desk: LookDesk, name: str, number: int | None) -> DatasetDetail:
    _require_first(name, number)
    info = catalogue.get_dataset(name)
    try:
        found, note = desk.look(info).profile, ""
    except ProgramFailed as error:
        found, note = _NO_PROFILE, f"It cannot be looked into on this server: {error}"
    with ledger.read() as session:
        uses = datasets.list_uses(session, name, _MAX_USES)
        n_studies = count_by_name(datasets.count_uses(session))[name]
    bytes_of = ("raw_sha256", "n_bytes", "n_raw_bytes", "format", "filename", "reference")
    only = dict.fromkeys((*bytes_of, "created_at", "ended_at"))
    version = DatasetVersionRead(
        version=1,
        state="ready",
        sha256=info.sha256,
        created_by="",
        error=None,
        options=BuildOptions(),
        n_rows=info.n_rows,
        n_features=info.n_features,
        n_studies=n_studies,
        **only,
    )
    return DatasetDetail(
        **_builtin(info, n_studies),
        shown_version=1,
        versions=[version],
        options=BuildOptions(),
        studies=[_show_use(one) for one in uses],
        note=note,
        **found,
    )


def _require_first(name: str, number: int | None) -> None:
    if number not in (None, 1):
        raise _no_version(name, number, [1])


def _no_version(name: str, number: int | None, known: Sequence[int]) -> NotFound:
    versions = ", ".join(str(one) for one in sorted(known)) or "none"
    message = f"there is no version {number} of the data set {name!r}"
    return NotFound("version_not_found", message, "version", f"its versions: {versions}")


def _show_use(use: Use) -> DatasetUse:
    number = use.dataset.partition("@")[2]
    version = int(number) if number.isdecimal() else 1
    return DatasetUse(study_id=use.study_id, name=use.name, state=use.state, version=version)


def _note(version: VersionRecord) -> str:
    if version.state == "preparing":
        return "It is being prepared."
    if version.state == "failed":
        return f"It could not be prepared: {(version.error or {}).get('message', '')}"
    return ""
