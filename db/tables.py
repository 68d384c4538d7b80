"""Every table. Constraints carry the invariants; nothing here is loaded lazily."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.lifecycle import AttemptState, EvaluationState, StudyState, TrialState, WorkerState
from db.types import BigIntId, Json, UtcDateTime, utc_now

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _one_of(column: str, states: type[StrEnum]) -> str:
    return f"{column} IN ({', '.join(repr(state.value) for state in states)})"


def _only_direction(context: Any) -> list[str]:
    """Return the directions of a study that is stored without them: the one of its first objective."""
    return [context.get_current_parameters()["direction"]]


class Base(DeclarativeBase):
    """Common metadata: names of constraints follow one convention, so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMING)


class StudyRow(Base):
    """One optimisation. `spec` is what the user asked for, complete with defaults and seed."""

    __tablename__ = "study"
    __table_args__ = (
        # A deleted study gives its name free and can still be restored.
        Index(
            "uq_study_name",
            "name",
            unique=True,
            sqlite_where=text("deleted_at IS NULL"),
            postgresql_where=text("deleted_at IS NULL"),
        ),
        Index("ix_study_state_queue", "state", "queue"),
        CheckConstraint(_one_of("state", StudyState), name="state"),
        CheckConstraint("n_trials IS NULL OR n_trials >= 1", name="n_trials"),
        CheckConstraint("max_parallel >= 1", name="max_parallel"),
        CheckConstraint("kind IN ('native', 'optuna')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    # As long as Optuna allows; the API takes 100. SQLite checks no lengths, and changing the type would copy the table.
    name: Mapped[str] = mapped_column(String(512).with_variant(String(100), "sqlite"))
    # native: our samplers propose and our workers train. optuna: a script does both, and keeps its trials here.
    kind: Mapped[str] = mapped_column(String(8), default="native", server_default="native")
    state: Mapped[StudyState] = mapped_column(String(16), default=StudyState.RUNNING)
    state_reason: Mapped[str] = mapped_column(Text, default="")
    spec: Mapped[dict[str, Any]] = mapped_column(Json)
    queue: Mapped[str] = mapped_column(String(64))
    # Whose turn it is: priority, then the owner's part, then the study's share of it and how far it is served.
    priority: Mapped[int] = mapped_column(Integer, default=0)
    share: Mapped[float] = mapped_column(Float(53), default=1.0, server_default=text("1"))
    turns: Mapped[float] = mapped_column(Float(53), default=0.0, server_default=text("0"))
    # The least memory of a GPU that its trials are given; empty where they need none.
    gpu_memory_bytes: Mapped[int | None] = mapped_column(BigInteger)
    # Of the first objective, and of all of them.
    direction: Mapped[str] = mapped_column(String(8))
    directions: Mapped[list[str]] = mapped_column(Json, default=_only_direction, server_default=text("'[]'"))
    n_trials: Mapped[int | None] = mapped_column(Integer)
    max_parallel: Mapped[int] = mapped_column(Integer)
    next_number: Mapped[int] = mapped_column(Integer, default=0)
    next_cell: Mapped[int] = mapped_column(Integer, default=0)
    # How many of the numbers below `next_number` are of trials that confirm others, which the budget does not count.
    n_confirmations: Mapped[int] = mapped_column(Integer, default=0, server_default=text("0"))
    is_exhausted: Mapped[bool] = mapped_column(default=False)
    rev: Mapped[int] = mapped_column(BigInteger, default=0)
    notes: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    # The name of the token that submitted it.
    owner: Mapped[str] = mapped_column(String(100), default="anonymous", server_default="anonymous")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    deadline_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Out of the way of lists; nothing else changes.
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Hidden, to be restored or erased.
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StudyEditRow(Base):
    """One change of a study's settings while it ran: what they were, what they became, and what that replaced."""

    __tablename__ = "study_edit"
    __table_args__ = ({"sqlite_with_rowid": False},)

    study_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    # From 0 in its study.
    edit_no: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    author: Mapped[str] = mapped_column(String(100))
    # The study's change that the edit is: whatever was asked with a smaller one was asked before it.
    rev: Mapped[int] = mapped_column(BigInteger)
    next_number: Mapped[int] = mapped_column(Integer)
    # The parts of the study's spec that differ, as they were and as they are.
    before: Mapped[dict[str, Any]] = mapped_column(Json)
    after: Mapped[dict[str, Any]] = mapped_column(Json)
    # By number: the parameters that a trial which never ran had before the edit gave it others.
    replaced: Mapped[dict[str, Any]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())


class LentTrialRow(Base):
    """A trial of another study as it was when it was lent: its parameters in terms of the study that learns from it."""

    __tablename__ = "lent_trial"
    __table_args__ = (CheckConstraint("number < 0", name="number"), {"sqlite_with_rowid": False})

    study_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    # Up to -1, so that it is never taken for a trial of the study's own.
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    lender_id: Mapped[int] = mapped_column(BigInteger)
    lender_number: Mapped[int] = mapped_column(Integer)
    state: Mapped[TrialState] = mapped_column(String(16))
    params: Mapped[dict[str, Any]] = mapped_column(Json)
    # One number an objective of the study; of a pruned trial there is none, but the last [step, value] of its curve.
    values: Mapped[list[Any] | None] = mapped_column(Json)
    outcome_constraints: Mapped[list[Any] | None] = mapped_column(Json)
    last_point: Mapped[list[Any] | None] = mapped_column(Json)


class TrialRow(Base):
    """One evaluation of a parameter set. Finished rows are immutable."""

    __tablename__ = "trial"
    __table_args__ = (
        UniqueConstraint("study_id", "number"),
        UniqueConstraint("study_id", "cell"),
        Index("ix_trial_study_id_state_value", "study_id", "state", "value"),
        Index("ix_trial_study_id_finished_rev", "study_id", "finished_rev"),
        Index(
            "ix_trial_study_id_origin",
            "study_id",
            "origin",
            sqlite_where=text("origin IS NOT NULL"),
            postgresql_where=text("origin IS NOT NULL"),
        ),
        Index(
            "uq_trial_study_id_run_key",
            "study_id",
            "run_key",
            unique=True,
            sqlite_where=text("run_key IS NOT NULL"),
            postgresql_where=text("run_key IS NOT NULL"),
        ),
        CheckConstraint(_one_of("state", TrialState), name="state"),
        CheckConstraint("(state IN ('COMPLETE', 'PRUNED', 'FAIL')) = (finished_at IS NOT NULL)", name="finished_at"),
    )

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    # How many trials the sampler had proposed before this one; empty for trials that people added.
    cell: Mapped[int | None] = mapped_column(Integer)
    state: Mapped[TrialState] = mapped_column(String(16))
    reason: Mapped[str] = mapped_column(Text, default="")
    source: Mapped[str] = mapped_column(String(16))
    params: Mapped[dict[str, Any]] = mapped_column(Json)
    # What the sampler had seen, so that its suggestion can be computed again: {"rev": r, "running": [numbers]} stands
    # for the trials with `finished_rev <= r` and those that ran.
    seen: Mapped[dict[str, Any] | None] = mapped_column(Json)
    finished_rev: Mapped[int | None] = mapped_column(BigInteger)
    note: Mapped[str] = mapped_column(Text, default="")
    tags: Mapped[list[str]] = mapped_column(Json, default=list, server_default=text("'[]'"))
    # What a script calls its run: whoever asks with the same key means this trial, and nobody else may go on with it.
    run_key: Mapped[str | None] = mapped_column(String(64))
    # The objective's value where it is finite: what ordering and "best" read. `values` keeps every value as it was.
    value: Mapped[float | None] = mapped_column(Float(53))
    values: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    # One number a constraint on outcomes, in the order of the study's; at most 0 where it holds.
    outcome_constraints: Mapped[list[Any] | None] = mapped_column(Json)
    # Of a trial that a script of Optuna's samples: [name, internal value, distribution], in the order of sampling.
    distributions: Mapped[list[Any] | None] = mapped_column(Json)
    # The step at which the trial was set aside, to go on later from its checkpoint.
    paused_step: Mapped[int | None] = mapped_column(BigInteger)
    # The trial whose result this one took, because it had the same parameters.
    reused_from: Mapped[int | None] = mapped_column(BigInteger)
    # The number of the trial in the same study whose parameters this one trains again, from another seed.
    confirms: Mapped[int | None] = mapped_column(Integer)
    # The number of the trial in the same study that somebody asked to run again, as this one.
    origin: Mapped[int | None] = mapped_column(Integer)
    # The number whose seed it trains with, where that is not its own: what is retried is to be the same training.
    seed_number: Mapped[int | None] = mapped_column(Integer)
    # What the worker's diagnosis found, and the kinds of it alone: lists and samplers read thousands of rows, and the
    # whole is a thousand times as long.
    diagnosis: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    findings: Mapped[list[str]] = mapped_column(Json, default=list, server_default=text("'[]'"))
    step: Mapped[int | None] = mapped_column(BigInteger)
    n_steps: Mapped[int | None] = mapped_column(BigInteger)
    n_attempts: Mapped[int] = mapped_column(Integer, default=0)
    n_burned: Mapped[int] = mapped_column(Integer, default=0)
    # Memory ran out for it once: it is tried again with a device to itself.
    is_alone: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    is_stop_requested: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class StudyAttrRow(Base):
    """What Optuna's users (or Optuna itself, `is_system`) note about a study; `value` is JSON as Python writes it."""

    __tablename__ = "study_attr"
    __table_args__ = ({"sqlite_with_rowid": False},)

    study_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    is_system: Mapped[bool] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class TrialAttrRow(Base):
    """What Optuna's users (or Optuna itself, `is_system`) note about a trial; `value` is JSON as Python writes it."""

    __tablename__ = "trial_attr"
    __table_args__ = ({"sqlite_with_rowid": False},)

    trial_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("trial.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    is_system: Mapped[bool] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[str] = mapped_column(Text)


class WorkerRow(Base):
    """One worker process on one machine, known by its heartbeat."""

    __tablename__ = "worker"
    __table_args__ = (CheckConstraint(_one_of("state", WorkerState), name="state"),)

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[str] = mapped_column(String(32))
    queues: Mapped[list[str]] = mapped_column(Json)
    n_slots: Mapped[int] = mapped_column(Integer)
    # GPUs that slots are pinned to, each with the slots.
    devices: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list, server_default=text("'[]'"))
    # Code version, packages and hardware, as the worker found them when it joined; empty where it did not say.
    environment: Mapped[dict[str, Any] | None] = mapped_column(Json)
    state: Mapped[WorkerState] = mapped_column(String(16), default=WorkerState.ALIVE)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    # When it said goodbye: LOST with this is no loss. Empty while it is here, and where it fell silent.
    left_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # What its machine used at the last sign of life; empty where it does not tell.
    machine: Mapped[dict[str, Any] | None] = mapped_column(Json)


class AttemptRow(Base):
    """One try at running a trial on a worker, and the lease that gives the right to write for it."""

    __tablename__ = "attempt"
    __table_args__ = (
        UniqueConstraint("trial_id", "attempt_no"),
        Index(
            "uq_attempt_running",
            "trial_id",
            unique=True,
            sqlite_where=text("state = 'RUNNING'"),
            postgresql_where=text("state = 'RUNNING'"),
        ),
        Index("ix_attempt_state_lease_expires_at", "state", "lease_expires_at"),
        Index("ix_attempt_worker_id_state", "worker_id", "state"),
        Index(
            "ix_attempt_device",
            "device",
            sqlite_where=text("device IS NOT NULL AND state = 'RUNNING'"),
            postgresql_where=text("device IS NOT NULL AND state = 'RUNNING'"),
        ),
        CheckConstraint(_one_of("state", AttemptState), name="state"),
        CheckConstraint("(state = 'RUNNING') = (ended_at IS NULL)", name="ended_at"),
    )

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id", ondelete="CASCADE"))
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("worker.id", ondelete="SET NULL"))
    attempt_no: Mapped[int] = mapped_column(Integer)
    # Which of the worker's slots trains it, with all other attempts in that slot; empty where the worker did not say.
    slot: Mapped[int | None] = mapped_column(Integer)
    # The GPU that it trains on, its share of what its process is promised of the memory, and the most that the process
    # took; empty where the worker told of none.
    device: Mapped[str | None] = mapped_column(String(96))
    reserved_bytes: Mapped[int | None] = mapped_column(BigInteger)
    peak_bytes: Mapped[int | None] = mapped_column(BigInteger)
    state: Mapped[AttemptState] = mapped_column(String(16), default=AttemptState.RUNNING)
    reason: Mapped[str] = mapped_column(Text, default="")
    lease_token: Mapped[str] = mapped_column(String(64))
    lease_expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seq: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MemoryPeakRow(Base):
    """The most that so many lanes of one structure took of a device, in one process of a study."""

    __tablename__ = "memory_peak"
    __table_args__ = ({"sqlite_with_rowid": False},)

    study_id: Mapped[int] = mapped_column(
        BigIntId, ForeignKey("study.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    # Digest of the settings that lanes share.
    structure: Mapped[str] = mapped_column(String(16), primary_key=True)
    n_lanes: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    peak_bytes: Mapped[int] = mapped_column(BigInteger)


class LogLineRow(Base):
    """One line that a trial wrote."""

    __tablename__ = "log_line"
    __table_args__ = (Index("ix_log_line_trial_id_id", "trial_id", "id"),)

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id", ondelete="CASCADE"))
    attempt_no: Mapped[int] = mapped_column(Integer)
    stream: Mapped[str] = mapped_column(String(8))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(Text)


class ArtifactRow(Base):
    """A stored output of a trial. The bytes lie in the artifact store under their hash."""

    __tablename__ = "artifact"
    __table_args__ = (UniqueConstraint("trial_id", "name"), Index("ix_artifact_sha256", "sha256"))

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    trial_id: Mapped[int] = mapped_column(ForeignKey("trial.id", ondelete="CASCADE"))
    attempt_no: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(16))
    step: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))
    n_bytes: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())


class UnnamedArtifactRow(Base):
    """Bytes in the artifact store that lost the row which named them, until they are removed or named again."""

    __tablename__ = "artifact_unnamed"
    __table_args__ = (Index("ix_artifact_unnamed_since", "since"), {"sqlite_with_rowid": False})

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())


class EvaluationRow(Base):
    """Work on request that is no trial, and the lease of the worker that does it.

    `request_key` is what was asked for in one word: the same is done once for a study, unless it failed.
    """

    __tablename__ = "evaluation"
    __table_args__ = (
        Index(
            "uq_evaluation_request",
            "study_id",
            "request_key",
            unique=True,
            sqlite_where=text("state <> 'FAIL'"),
            postgresql_where=text("state <> 'FAIL'"),
        ),
        Index("ix_evaluation_state_lease_expires_at", "state", "lease_expires_at"),
        Index("ix_evaluation_worker_id_state", "worker_id", "state"),
        CheckConstraint("kind IN ('test', 'baselines', 'ensemble')", name="kind"),
        CheckConstraint(_one_of("state", EvaluationState), name="state"),
        CheckConstraint("(state IN ('COMPLETE', 'FAIL')) = (finished_at IS NOT NULL)", name="finished_at"),
        CheckConstraint("(state = 'COMPLETE') = (result IS NOT NULL)", name="result"),
        CheckConstraint("state <> 'RUNNING' OR lease_expires_at IS NOT NULL", name="lease_expires_at"),
    )

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(16))
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    request_key: Mapped[str] = mapped_column(String(64))
    # Ids of the trials whose networks take part, the best first, chosen when it was asked for.
    members: Mapped[list[int]] = mapped_column(Json, default=list)
    state: Mapped[EvaluationState] = mapped_column(String(16), default=EvaluationState.WAITING)
    reason: Mapped[str] = mapped_column(Text, default="")
    result: Mapped[dict[str, Any] | None] = mapped_column(Json)
    n_done: Mapped[int | None] = mapped_column(Integer)
    n_total: Mapped[int | None] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(Text, default="")
    n_attempts: Mapped[int] = mapped_column(Integer, default=0)
    n_burned: Mapped[int] = mapped_column(Integer, default=0)
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("worker.id", ondelete="SET NULL"))
    lease_token: Mapped[str] = mapped_column(String(64), default="")
    lease_expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class EventRow(Base):
    """What happened, in the order in which it became visible: the source of the live stream.

    `xid` is the writing transaction on PostgreSQL and 0 on SQLite; see `db.events`.
    """

    __tablename__ = "event"
    __table_args__ = (Index("ix_event_xid_id", "xid", "id"), Index("ix_event_at", "at"))

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    xid: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    kind: Mapped[str] = mapped_column(String(16))
    study_id: Mapped[int | None] = mapped_column(BigInteger)
    trial_id: Mapped[int | None] = mapped_column(BigInteger)
    payload: Mapped[dict[str, Any]] = mapped_column(Json)


class ApiTokenRow(Base):
    """A credential. Only its SHA-256 is kept: tokens are 256 random bits, so no salt or stretching is needed."""

    __tablename__ = "api_token"
    __table_args__ = (UniqueConstraint("sha256"), CheckConstraint("role IN ('admin', 'user', 'worker')", name="role"))

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(8))
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
