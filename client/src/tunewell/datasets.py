"""Data sets that people bring: what the server knows of them, and how far an upload is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tunewell.records import Dataset


@dataclass(frozen=True, slots=True)
class DatasetProblem:
    """Why a version could not be prepared."""

    code: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """One version of a data set: bytes, how they were read, and what came of it.

    `state` is preparing, ready or failed; `sha256` is the digest of the prepared arrays, `raw_sha256` of the bytes.
    """

    version: int
    state: str
    sha256: str | None = None
    raw_sha256: str | None = None
    n_bytes: int | None = None
    n_raw_bytes: int | None = None
    format: str | None = None
    filename: str | None = None
    reference: str | None = None
    created_at: datetime | None = None
    created_by: str = ""
    error: DatasetProblem | None = None
    options: dict[str, Any] = field(default_factory=dict)
    n_rows: int | None = None
    n_studies: int = 0

    @property
    def is_over(self) -> bool:
        """Whether it is ready or has failed."""
        return self.state != "preparing"


@dataclass(frozen=True, slots=True)
class DatasetColumn:
    """A column of the source: number, category, text or image; a feature, the target, or ignored."""

    name: str
    type: str
    role: str
    n_missing: int = 0
    n_distinct: int | None = None
    mean: float | None = None
    std: float | None = None
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class DatasetClass:
    """A class, and how many rows of each part are of it."""

    name: str
    train: int = 0
    val: int = 0
    test: int = 0


@dataclass(frozen=True, slots=True)
class DatasetFinding:
    """Something about the data that a study's result may suffer from."""

    code: str
    message: str
    evidence: tuple[str, ...] = ()
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class DatasetUse:
    """A study that uses a version."""

    study_id: int
    name: str
    state: str
    version: int


@dataclass(frozen=True, slots=True)
class DatasetDetail(Dataset):
    """A data set with all that is known of one of its versions, `shown_version`."""

    shown_version: int = 1
    versions: tuple[DatasetVersion, ...] = ()
    columns: tuple[DatasetColumn, ...] = ()
    n_columns: int = 0
    classes: tuple[DatasetClass, ...] = ()
    findings: tuple[DatasetFinding, ...] = ()
    studies: tuple[DatasetUse, ...] = ()
    note: str = ""

    def get_version(self, number: int) -> DatasetVersion:
        """Return one of its versions.

        Raises:
            KeyError: There is none of that number.
        """
        found = {one.version: one for one in self.versions}
        return found[number]


@dataclass(frozen=True, slots=True)
class DatasetUpload:
    """An upload under way: `offset` of `n_bytes` bytes are on the server."""

    upload_id: str
    name: str
    offset: int
    n_bytes: int
    chunk_bytes: int
    state: str = "receiving"
    version: int | None = None
