"""Data sets: those that are built in, and versions of those that people bring."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.schemas.base import Shape

VersionState = Literal["preparing", "ready", "failed"]
ColumnType = Literal["number", "category", "text", "image"]
Role = Literal["feature", "target", "ignored"]


class DatasetRead(Shape):
    """A data set as a list shows it: the facts are those of its newest version that is ready."""

    name: str
    title: str
    task: str = Field(description="classification, regression or next_token; empty while no version is ready")
    kind: str = Field(description="What one example is: table, image, sequence or text; empty while none is ready")
    shape: list[int] = Field(description="(features), (channels, height, width), (steps, features) or (steps)")
    is_chronological: bool = Field(description="Whether rows are in the order of time: no cross-validation")
    n_rows: int
    n_features: int
    n_classes: int | None
    n_train: int
    n_val: int
    n_test: int
    sha256: str = Field(description="Digest of the prepared arrays; empty while no version is ready")
    source: Literal["builtin", "upload"]
    citation: str = Field(description="Who made the data, where that is known")
    licence: str
    version: int | None = Field(description="The newest version that is ready; null where none is")
    newest_version: int = Field(description="The newest version, ready or not")
    state: VersionState = Field(description="Of the newest version")
    n_versions: int
    n_studies: int = Field(description="Studies that use any version of it")
    created_at: datetime | None = Field(description="null where it is built in")
    created_by: str = Field(description="The name of the token that brought it; empty where it is built in")


class DatasetList(Shape):
    """All data sets."""

    items: list[DatasetRead]


class BuildError(Shape):
    """Why a version could not be prepared."""

    code: str = Field(examples=["ragged_row"])
    message: str = Field(examples=["row 17 has 4 cells, the header has 5"])
    field: str | None = Field(default=None, description="The option that would have to be another, where one would")


class BuildOptions(Shape):
    """How bytes are read; whatever is left out is inferred from them."""

    target: str | None = Field(
        default=None,
        max_length=200,
        description="Column to predict; else one named target, label, class or y, else the last",
    )
    task: Literal["classification", "regression"] | None = Field(
        default=None, description="What is predicted; else by the target: names and few whole numbers are classes"
    )
    kind: Literal["table", "image", "sequence"] | None = Field(
        default=None, description="What the features of one example are; else by the shape of the arrays"
    )
    val_fraction: float | None = Field(
        default=None, gt=0, lt=1, description="Share of the rows that rank trials; else 0.2"
    )
    test_fraction: float | None = Field(
        default=None, gt=0, lt=1, description="Share of the rows that no search sees; else 0.2"
    )
    split_column: str | None = Field(
        default=None, max_length=200, description="Column that says train, val or test of each row"
    )
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1, description="Which of the possible splits")
    is_chronological: bool = Field(default=False, description="Whether rows follow each other in time: the last test")
    ignore: list[str] = Field(default_factory=list, max_length=1000, description="Columns to leave out")
    image_size: tuple[int, int] | None = Field(
        default=None, description="Height and width to which images are resized; else all must be of one size"
    )


class DatasetVersionRead(Shape):
    """One version of a data set: bytes, how they were read, and what came of it."""

    version: int
    state: VersionState
    sha256: str | None = Field(description="Digest of the prepared arrays")
    raw_sha256: str | None = Field(description="SHA-256 of the bytes that were sent; null where it is built in")
    n_bytes: int | None = Field(description="Size of the prepared file")
    n_raw_bytes: int | None
    format: str | None = Field(description="csv, parquet, npz or images; null where it is built in")
    filename: str | None
    reference: str | None = Field(description="Where the bytes were fetched from, without what follows a `?`")
    created_at: datetime | None
    ended_at: datetime | None = Field(description="When it was ready or had failed")
    created_by: str
    error: BuildError | None
    options: BuildOptions
    n_rows: int | None
    n_features: int | None
    n_studies: int


class TopValue(Shape):
    """A frequent value of a column."""

    value: str
    count: int


class Histogram(Shape):
    """Counts between edges, of which there is one more."""

    edges: list[float]
    counts: list[int]


class ColumnRead(Shape):
    """A column of the source."""

    name: str
    type: ColumnType
    role: Role
    n_missing: int
    n_distinct: int | None
    mean: float | None
    std: float | None
    min: float | None
    max: float | None
    histogram: Histogram | None = Field(description="Of numbers")
    top: list[TopValue] = Field(description="The most frequent values of categories and texts")


class ClassRead(Shape):
    """A class, and how many rows of each part are of it."""

    name: str
    train: int
    val: int
    test: int


class TargetHistogram(Shape):
    """How the targets of a regression are spread in each part; `edges` has one number more than there are bins."""

    edges: list[float]
    train: list[int]
    val: list[int]
    test: list[int]


class DatasetFinding(Shape):
    """Something about the data that a study's result may suffer from."""

    code: str = Field(examples=["constant_column"])
    message: str
    evidence: list[str] = Field(description="Where it shows: names of columns, numbers of rows")
    remedy: str


class DatasetUse(Shape):
    """A study that uses a version."""

    study_id: int
    name: str
    state: str
    version: int


class DatasetDetail(DatasetRead):
    """A data set with all that is known of one of its versions; the facts are those of that version too."""

    shown_version: int = Field(description="The version that `columns` and what follows are of")
    versions: list[DatasetVersionRead] = Field(description="The newest first")
    options: BuildOptions = Field(description="As the version was asked for; what is null was inferred")
    columns: list[ColumnRead] = Field(description="Up to 256 columns; empty while the version is not ready")
    n_columns: int
    classes: list[ClassRead]
    target_histogram: TargetHistogram | None
    findings: list[DatasetFinding]
    studies: list[DatasetUse] = Field(description="The newest 200")
    note: str = Field(description="Why columns and classes are not known, where they are not")


class PictureRead(Shape):
    """Images of one size as bytes: n * channels * height * width, base64."""

    channels: int
    height: int
    width: int
    labels: list[str]
    pixels: str


class DatasetPreview(Shape):
    """A few examples."""

    version: int
    sha256: str
    columns: list[str]
    rows: list[list[float | str | None]]
    pictures: PictureRead | None


class UploadCreate(Shape):
    """Bytes to come."""

    n_bytes: int = Field(gt=0, le=2**50, description="How many")
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", description="To be checked when all are here")
    filename: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00/\\]+$", description="For people, and a hint")
    format: Literal["csv", "parquet", "npz", "images"] | None = Field(
        default=None, description="Else guessed from the name and the first bytes"
    )
    options: BuildOptions = Field(default_factory=BuildOptions)


class UploadRead(Shape):
    """An upload under way."""

    upload_id: str
    name: str
    offset: int = Field(description="How many bytes are here: where to go on")
    n_bytes: int
    chunk_bytes: int = Field(description="The most that one PATCH may carry")
    state: Literal["receiving", "finished"]
    version: int | None = Field(description="The version that it became")


class ChunkRead(Shape):
    """What came of a piece."""

    offset: int = Field(description="How many bytes are here: where to go on")


class ReferenceCreate(Shape):
    """Bytes that lie elsewhere."""

    reference: str = Field(
        min_length=1,
        max_length=2000,
        pattern=r"^(https://|/)",
        description="An https address of a host that the server allows, or a path below a folder that it allows",
        examples=["https://data.example.org/flowers.csv"],
    )
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the bytes; others are refused")
    format: Literal["csv", "parquet", "npz", "images"] | None = Field(
        default=None, description="Else by how the name ends"
    )
    options: BuildOptions = Field(default_factory=BuildOptions)


class VersionCreate(Shape):
    """The same bytes, read in another way."""

    from_version: int = Field(ge=1)
    options: BuildOptions
