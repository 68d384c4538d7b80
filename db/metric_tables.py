"""Tables of metric points: a curve's summary, its points as rows and as blocks, and its overview."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Base
from db.types import BigIntId

LONG_SERIES = 1024
"""Curves of more points get an overview once their trial is over."""
PACKED_SERIES = 32
"""Curves of so many points are packed once their trial is over; of fewer, a block would hardly be smaller."""
_UNPACKED = f"n_packed < n_points AND n_points >= {PACKED_SERIES}"


class MetricSeriesRow(Base):
    """One named curve of one trial: its summary, and the key of its points."""

    __tablename__ = "metric_series"
    __table_args__ = (
        UniqueConstraint("trial_id", "name"),
        # The few that are long enough for an overview; the others cost this index nothing.
        Index(
            "ix_metric_series_long",
            "n_points",
            sqlite_where=text(f"n_points > {LONG_SERIES}"),
            postgresql_where=text(f"n_points > {LONG_SERIES}"),
        ),
        # What is still to be packed: it shrinks as the trials end.
        Index("ix_metric_series_unpacked", "id", sqlite_where=text(_UNPACKED), postgresql_where=text(_UNPACKED)),
    )

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(200))
    n_points: Mapped[int] = mapped_column(BigInteger, default=0)
    latest_step: Mapped[int | None] = mapped_column(BigInteger)
    latest_value: Mapped[float | None] = mapped_column(Float(53))
    latest_kind: Mapped[int] = mapped_column(SmallInteger, default=0)
    min_value: Mapped[float | None] = mapped_column(Float(53))
    max_value: Mapped[float | None] = mapped_column(Float(53))
    # The first so many points are in blocks, the others are rows of their own.
    n_packed: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))


class MetricPointRow(Base):
    """One number at one step, unless it is in a block of its curve.

    SQLite stores a bound NaN as NULL, hence `kind` (see `db.metrics.Kind`).
    """

    __tablename__ = "metric_point"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("metric_series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    value: Mapped[float | None] = mapped_column(Float(53))
    kind: Mapped[int] = mapped_column(SmallInteger)
    at_ms: Mapped[int] = mapped_column(BigInteger)


class MetricBlockRow(Base):
    """Many points of a curve whose trial is over, as `db.packing` writes them.

    Their steps lie before those of all points that are rows. `overview` holds the extremes of each `bin_steps` steps,
    where there are so many points that this is less.
    """

    __tablename__ = "metric_block"

    series_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("metric_series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    first_step: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    last_step: Mapped[int] = mapped_column(BigInteger)
    n_points: Mapped[int] = mapped_column(Integer)
    bin_steps: Mapped[int | None] = mapped_column(BigInteger)
    # Before the content: SQLite reads a row from its beginning.
    overview: Mapped[bytes | None] = mapped_column(LargeBinary)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class MetricOverviewRow(Base):
    """The extremes of a long curve whose trial is over, by bins of steps: what charts of many curves read.

    Its content is derived from the curve's points and can be made again (see `api.services.overviews`).
    """

    __tablename__ = "metric_overview"
    __table_args__ = ({"sqlite_with_rowid": False},)

    series_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("metric_series.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    bin_steps: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[bytes] = mapped_column(LargeBinary)
