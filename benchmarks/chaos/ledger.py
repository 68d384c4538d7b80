"""What the server holds in the end, read from its database alone, and what the scripts' diaries say."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from sqlalchemy import Connection, create_engine, text

Curve: TypeAlias = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Study:
    """A study's row; `n_epochs` is what it fixes for the networks it trains."""

    id: int
    name: str
    state: str
    n_trials: int | None
    n_epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt's row."""

    attempt_no: int
    state: str
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial's row, its attempts in their order, and its curves by name; `summaries` say how many points each has."""

    id: int
    study_id: int
    number: int
    state: str
    reason: str
    params: Mapping[str, Any]
    n_attempts: int
    n_burned: int
    is_script: bool
    attempts: tuple[Attempt, ...]
    curves: Mapping[str, Curve]
    summaries: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Everything that counts.

    Attributes:
        studies: All of them, by id.
        trials: All of them.
        artifacts: Hashes that the database names.
        n_lines: How many lines of output there are.
    """

    studies: Mapping[int, Study]
    trials: tuple[Trial, ...]
    artifacts: frozenset[str]
    n_lines: int = 0


@dataclass(frozen=True, slots=True)
class Diary:
    """What one try of a script said.

    Attributes:
        kind: run, agent or command.
        rate: The trial's parameter, which no other trial of its study has.
        pid: The process.
        values: By step.
        at: When each step was noted, in seconds since 1970.
        end: How it ended; empty where it was killed.
    """

    kind: str
    rate: float
    pid: int
    values: Curve
    at: Mapping[int, float]
    end: str


def read_ledger(url: str) -> Ledger:
    """Read the database; nobody may write meanwhile.

    Args:
        url: SQLAlchemy address.
    """
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            return _read(connection)
    finally:
        engine.dispose()


def read_diaries(folder: Path) -> tuple[Diary, ...]:
    """Read all diaries; a last line that was cut off does not count."""
    return tuple(_read_diary(path) for path in sorted(folder.glob("*.jsonl")) if path.stat().st_size)


def _read(connection: Connection) -> Ledger:
    rows = connection.execute(text("SELECT id, name, state, n_trials, spec FROM study"))
    studies = {row[0]: _read_study(*row) for row in rows}
    attempts: dict[int, list[Attempt]] = defaultdict(list)
    rows = connection.execute(
        text("SELECT trial_id, attempt_no, state, created_at, ended_at FROM attempt ORDER BY trial_id, attempt_no")
    )
    for trial_id, number, state, created_at, ended_at in rows:
        attempts[trial_id].append(Attempt(number, state, _time(created_at), ended_at and _time(ended_at)))
    curves, summaries = _read_curves(connection)
    rows = connection.execute(
        text(
            "SELECT id, study_id, number, state, reason, params, n_attempts, n_burned, run_key IS NOT NULL "
            "FROM trial ORDER BY id"
        )
    )
    trials = tuple(
        Trial(
            id=row[0],
            study_id=row[1],
            number=row[2],
            state=row[3],
            reason=row[4],
            params=_json(row[5]),
            n_attempts=row[6],
            n_burned=row[7],
            is_script=bool(row[8]),
            attempts=tuple(attempts[row[0]]),
            curves=curves[row[0]],
            summaries=summaries[row[0]],
        )
        for row in rows
    )
    hashes = connection.execute(text("SELECT DISTINCT sha256 FROM artifact")).scalars()
    n_lines = connection.execute(text("SELECT count(*) FROM log_line")).scalar_one()
    return Ledger(studies, trials, frozenset(hashes), n_lines)


def _read_study(study_id: int, name: str, state: str, n_trials: int | None, spec: Any) -> Study:
    return Study(study_id, name, state, n_trials, _json(spec).get("fixed", {}).get("epochs"))


def _read_curves(connection: Connection) -> tuple[dict[int, dict[str, Curve]], dict[int, dict[str, int]]]:
    curves: dict[int, dict[str, Curve]] = defaultdict(dict)
    summaries: dict[int, dict[str, int]] = defaultdict(dict)
    by_series: dict[int, dict[int, float]] = {}
    for series_id, trial_id, name, n in connection.execute(
        text("SELECT id, trial_id, name, n_points FROM metric_series")
    ):
        by_series[series_id] = {}
        curves[trial_id][name] = by_series[series_id]
        summaries[trial_id][name] = n
    for series_id, step, value in connection.execute(text("SELECT series_id, step, value FROM metric_point")):
        by_series[series_id][step] = value
    return curves, summaries


def _read_diary(path: Path) -> Diary:
    whole = path.read_bytes().split(b"\n")[:-1]
    head, *lines = [json.loads(line) for line in whole]
    points = [line for line in lines if "step" in line]
    ends = [line["end"] for line in lines if "end" in line]
    return Diary(
        kind=head["kind"],
        rate=head["rate"],
        pid=head["pid"],
        values={point["step"]: point["value"] for point in points},
        at={point["step"]: point["at"] for point in points},
        end=ends[0] if ends else "",
    )


def _time(value: Any) -> datetime:
    """Return a stored time: SQLite has microseconds since 1970 (see `db.types.UtcDateTime`)."""
    return value if isinstance(value, datetime) else datetime.fromtimestamp(value / 1e6, UTC)


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value
