"""Times, numbers and cursors keep what they are on the way through the database."""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, MetaData, Table, insert, literal, select
from sqlalchemy.exc import StatementError

from db.engine import Database
from db.events import Cursor
from db.types import UtcDateTime, decode_float, encode_float, utc_now

TIMES = Table("tested_time", MetaData(), Column("at", UtcDateTime))
# PostgreSQL's and Python's calendars both hold these years in every zone.
AWARE = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(2200, 1, 1),  # noqa: DTZ001
    timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
SLACK = timedelta(milliseconds=2)  # SQLite's clock counts milliseconds, and its day number is exact to about 0.04 ms


@pytest.fixture
def times(database: Database) -> Database:
    """Return a database with one table of times."""
    TIMES.create(database.engine)
    return database


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.lists(AWARE, min_size=2, max_size=8))
def test_times_come_back_in_utc_and_in_order(times: Database, at: list[datetime]) -> None:
    with times.write() as session:
        session.execute(TIMES.delete())
        session.execute(insert(TIMES), [{"at": one} for one in at])
        found = list(session.execute(select(TIMES.c.at).order_by(TIMES.c.at)).scalars())
        later = list(session.execute(select(TIMES.c.at).where(TIMES.c.at > at[0])).scalars())
    assert found == sorted(at)
    assert all(one.tzinfo is UTC for one in found)
    assert sorted(later) == sorted(one for one in at if one > at[0])


def test_a_time_without_zone_is_refused_and_none_is_not(times: Database) -> None:
    with pytest.raises(StatementError, match="naive datetime"), times.write() as session:
        session.execute(insert(TIMES).values(at=datetime(2026, 1, 1)))  # noqa: DTZ001 - what is refused
    with times.write() as session:
        session.execute(insert(TIMES).values(at=None))
        assert session.execute(select(TIMES.c.at)).scalars().all() == [None]


def test_the_databases_clock_is_ours_and_never_goes_back(database: Database) -> None:
    before = datetime.now(UTC)
    seen = []
    for _ in range(50):
        with database.read() as session:
            seen.append(session.execute(select(utc_now())).scalar_one())
    assert seen == sorted(seen)
    assert before - SLACK <= seen[0]
    assert seen[-1] <= datetime.now(UTC) + SLACK


@pytest.mark.parametrize("offset_s", [-3600.0, -0.5, 0.25, 86400.0])
def test_the_clock_is_shifted_by_seconds(database: Database, offset_s: float) -> None:
    with database.read() as session:
        now, shifted = session.execute(select(utc_now(), utc_now(offset_s))).one()
        is_later = session.execute(select(utc_now(offset_s) > utc_now())).scalar_one()
    assert abs((shifted - now) - timedelta(seconds=offset_s)) <= 2 * SLACK
    assert bool(is_later) is (offset_s > 0)


def test_a_time_can_be_compared_with_the_clock(database: Database) -> None:
    hour = timedelta(hours=1)
    with database.read() as session:
        for at, is_past in ((datetime.now(UTC) - hour, True), (datetime.now(UTC) + hour, False)):
            found = session.execute(select(literal(at, UtcDateTime()) < utc_now())).scalar_one()
            assert bool(found) is is_past


@given(st.floats())
def test_every_float_travels_through_json(value: float) -> None:
    back = decode_float(json.loads(json.dumps(encode_float(value), allow_nan=False)))
    assert back == value or (math.isnan(back) and math.isnan(value))
    assert math.copysign(1, back) == math.copysign(1, value) or math.isnan(value)


@given(st.integers(0, 10**18 - 1), st.integers(0, 10**18 - 1))
def test_a_cursor_reads_what_it_writes(xid: int, event_id: int) -> None:
    assert Cursor.parse(str(Cursor(xid, event_id))) == Cursor(xid, event_id)


@given(st.text(alphabet="0123456789-+ .x", max_size=45))
def test_anything_else_is_no_cursor(text: str) -> None:
    is_cursor = re.fullmatch(r"[0-9]{1,18}-[0-9]{1,18}", text) is not None
    assert (Cursor.parse(text) is not None) is is_cursor
