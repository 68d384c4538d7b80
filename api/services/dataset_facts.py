"""Which data a study means by a name: what is built in, or a version that somebody brought."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from difflib import get_close_matches
from typing import Any

from sqlalchemy.orm import Session

from api.errors import Conflict, Invalid
from api.schemas.studies import PinnedData, StudyCreate, StudySettings, StudySpec
from db import datasets
from db.datasets import DatasetRecord, VersionRecord
from models import catalogue
from models.catalogue import DatasetInfo

_MAX_NAMED = 20
FACTS = (
    *("task", "kind", "shape", "n_rows", "n_features", "n_classes", "n_train", "n_val", "n_test"),
    "is_chronological",
)
"""What is stored of a version that is ready, in the catalogue's words."""


def dataset_of(study: StudySettings) -> DatasetInfo:
    """Return the data of a study: pinned when it was submitted, or built in.

    Raises:
        CatalogueError: `unknown_dataset`.
    """
    if study.data is None:
        return catalogue.get_dataset(study.dataset)
    pinned = study.data.model_dump()
    facts = {**{name: pinned[name] for name in FACTS}, "shape": tuple(pinned["shape"])}
    return DatasetInfo(name=study.dataset, title="", source="", licence="", sha256=pinned["sha256"], **facts)


def pin_data(session: Session, body: StudyCreate) -> StudyCreate:
    """Return a study that says which version of which data it means, whatever becomes of the name later.

    `name` means the newest version that is ready, `name@3` the third.

    Raises:
        Invalid: `unknown_dataset`.
        Conflict: `dataset_not_ready`.
    """
    if body.code == "script":
        return body.model_copy(update={"data": None})
    name, _, number = body.dataset.partition("@")
    if name in catalogue.DATASETS and number in ("", "1"):
        return body.model_copy(update={"dataset": name, "data": None})
    found = datasets.find_dataset(session, name)
    if found is None:
        raise unknown_dataset(session, body.dataset)
    version = ready_version(session, found, number)
    return body.model_copy(update={"dataset": f"{name}@{version.version}", "data": pinned(found, version)})


def hold_data(session: Session, spec: StudySpec) -> None:
    """Keep a study's data from being deleted until the transaction that stores the study ends.

    Raises:
        Invalid: `unknown_dataset`, where it was deleted since it was pinned.
    """
    if spec.data is None:
        return
    held = datasets.hold_dataset(session, spec.data.name)
    if held is None or not any(one.version == spec.data.version for one in datasets.list_versions(session, held.id)):
        raise unknown_dataset(session, spec.dataset)


def require_dataset(session: Session, ref: str) -> None:
    """Refuse a name, with or without a version, that no data set has.

    Raises:
        Invalid: `unknown_dataset`.
    """
    name = ref.partition("@")[0]
    if name not in catalogue.DATASETS and datasets.find_dataset(session, name) is None:
        raise unknown_dataset(session, ref)


def pinned(dataset: DatasetRecord, version: VersionRecord) -> PinnedData:
    """Return what a study keeps of a version that is ready."""
    assert version.facts is not None
    return PinnedData(name=dataset.name, version=version.version, sha256=str(version.sha256), **version.facts)


def ready_version(session: Session, dataset: DatasetRecord, number: str, field: str = "dataset") -> VersionRecord:
    """Return the version of this number, the newest that is ready where it is empty.

    Raises:
        Invalid: `unknown_dataset`, where there is no such version.
        Conflict: `dataset_not_ready`.
    """
    versions = datasets.list_versions(session, dataset.id)
    ready = [one for one in versions if one.state == "ready"]
    if not number and ready:
        return ready[0]
    chosen = [one for one in versions if not number or str(one.version) == number]
    if not chosen:
        numbers = ", ".join(str(one.version) for one in reversed(versions))
        message = f"there is no version {number!r} of the data set {dataset.name!r}"
        raise Invalid("unknown_dataset", message, field, f"its versions: {numbers}")
    if chosen[0].state == "ready":
        return chosen[0]
    raise _not_ready(dataset, chosen[0], ready, field)


def unknown_dataset(session: Session, name: str, field: str = "dataset") -> Invalid:
    """Return the refusal of a name that no data set has, with the nearest right one."""
    known = [*catalogue.DATASETS, *(one.name for one in datasets.list_datasets(session))]
    close = get_close_matches(name.partition("@")[0].lower(), known, n=1, cutoff=0.5)
    suggestion = f"Did you mean {close[0]!r}? " if close else ""
    listed = ", ".join(known[:_MAX_NAMED]) + (f" and {len(known) - _MAX_NAMED} more" if len(known) > _MAX_NAMED else "")
    return Invalid("unknown_dataset", f"There is no dataset named {name!r}.", field, f"{suggestion}Known: {listed}.")


def catalogue_facts(info: DatasetInfo) -> Mapping[str, Any]:
    """Return the facts of a built-in data set as they are stored of a version."""
    facts = asdict(info)
    return {**{name: facts[name] for name in FACTS}, "shape": list(info.shape)}


def _not_ready(dataset: DatasetRecord, version: VersionRecord, ready: list[VersionRecord], field: str) -> Conflict:
    ref = f"{dataset.name}@{version.version}"
    if version.state == "preparing":
        why, hint = "is still being prepared", "submit the study when it is ready"
    else:
        said = (version.error or {}).get("message", "")
        why, hint = f"could not be prepared: {said}", "read the same bytes with other options, or bring others"
    if ready:
        hint = f"{hint}; ready: {', '.join(f'{dataset.name}@{one.version}' for one in ready)}"
    return Conflict("dataset_not_ready", f"the data set {ref} {why}", field, hint)
