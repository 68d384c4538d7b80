"""Tables of data sets that people bring: versions that never change, uploads under way, small looks into content."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Base
from db.types import BigIntId, Json, UtcDateTime, utc_now


class DatasetRow(Base):
    """A name under which there are versions of data. Built-in data sets have no row: the catalogue knows them."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("name"),)

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    title: Mapped[str] = mapped_column(Text, default="")
    # The name of the token that brought it.
    owner: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())


class DatasetVersionRow(Base):
    """The same bytes read in the same way: what is prepared from them, or why nothing could be."""

    __tablename__ = "dataset_version"
    __table_args__ = (
        UniqueConstraint("dataset_id", "version"),
        UniqueConstraint("dataset_id", "request_key"),
        Index("ix_dataset_version_state_id", "state", "id"),
        Index("ix_dataset_version_sha256", "sha256"),
        Index("ix_dataset_version_raw_sha256", "raw_sha256"),
        CheckConstraint("state IN ('preparing', 'ready', 'failed')", name="state"),
        CheckConstraint("(state = 'ready') = (sha256 IS NOT NULL)", name="sha256"),
    )

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("dataset.id", ondelete="CASCADE"))
    # From 1 in its data set.
    version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(String(16))
    # SHA-256 of the raw bytes together with format and options: the same request is the same version.
    request_key: Mapped[str] = mapped_column(String(64))
    raw_sha256: Mapped[str] = mapped_column(String(64))
    n_raw_bytes: Mapped[int] = mapped_column(BigInteger)
    filename: Mapped[str] = mapped_column(Text)
    format: Mapped[str] = mapped_column(String(16))
    options: Mapped[dict[str, Any]] = mapped_column(Json)
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Where the raw bytes are fetched from, unless they are here.
    reference: Mapped[str | None] = mapped_column(Text)
    # Of the prepared arrays, by which workers know them, and of the file in which they lie in the store.
    sha256: Mapped[str | None] = mapped_column(String(64))
    file_sha256: Mapped[str | None] = mapped_column(String(64))
    n_bytes: Mapped[int | None] = mapped_column(BigInteger)
    # What studies need to know of it: task, shape, rows, in the words of the catalogue.
    facts: Mapped[dict[str, Any] | None] = mapped_column(Json)
    # What people want to know: columns, classes, findings.
    profile: Mapped[dict[str, Any] | None] = mapped_column(Json)
    # Why it failed: code, message, field.
    error: Mapped[dict[str, Any] | None] = mapped_column(Json)
    # Who prepares it, until when; free where the time is over.
    lease_token: Mapped[str | None] = mapped_column(String(64))
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    n_attempts: Mapped[int] = mapped_column(Integer, default=0)


class DatasetUploadRow(Base):
    """Bytes that arrive in pieces. The pieces lie in the store, each under its offset."""

    __tablename__ = "dataset_upload"
    __table_args__ = (CheckConstraint("n_received >= 0 AND n_received <= n_bytes", name="n_received"),)

    # Random, so that it is also the right to write.
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    filename: Mapped[str] = mapped_column(Text)
    format: Mapped[str | None] = mapped_column(String(16))
    options: Mapped[dict[str, Any]] = mapped_column(Json)
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    n_received: Mapped[int] = mapped_column(BigInteger, default=0)
    sha256: Mapped[str | None] = mapped_column(String(64))
    created_by: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    touched_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    # The version that it became.
    version_id: Mapped[int | None] = mapped_column(ForeignKey("dataset_version.id", ondelete="CASCADE"))


class DatasetLookRow(Base):
    """A small look into prepared content: its first rows or pictures; of built-in data the columns too."""

    __tablename__ = "dataset_look"
    __table_args__ = ({"sqlite_with_rowid": False},)

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    profile: Mapped[dict[str, Any]] = mapped_column(Json)
    preview: Mapped[dict[str, Any]] = mapped_column(Json)
