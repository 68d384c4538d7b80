"""The live stream, on both kinds of database: nothing is lost and nothing comes twice, wherever a reader is cut."""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import api.events
from db import events
from db.engine import Database
from db.events import Cursor, NewEvent
from tests.servers.api import Caller, Served, serving, settings_for
from tests.servers.ports import free_port
from tests.servers.processes import ProcessFamily
from tests.servers.waiting import wait_until

N_WRITERS = 6
N_EVENTS_EACH = 40


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the stream."""

    id: str | None
    kind: str
    data: Any


def messages(answer: httpx.Response) -> Iterator[Message]:
    """Yield the messages of an open stream."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if not line and "event" in fields:
            yield Message(fields.get("id"), fields["event"], json.loads(fields["data"]))
            fields = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


@contextmanager
def following(caller: Caller, cursor: str | None = None, **params: str) -> Iterator[Iterator[Message]]:
    """Open the stream and yield its messages, `hello` first."""
    headers = {} if cursor is None else {"Last-Event-ID": cursor}
    with caller.http.stream("GET", "/events", headers=headers, params=params) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield messages(answer)


def points_of(message: Message) -> list[tuple[int, str, int]]:
    """Return (trial, name, step) of every metric point of a message."""
    trials = message.data["trials"] if message.kind == "metrics" else []
    return [(trial["trial_id"], point[0], point[1]) for trial in trials for point in trial["points"]]


def a_point(trial_id: int, step: int, study_id: int = 1) -> NewEvent:
    payload = {"study_id": study_id, "trial_id": trial_id, "number": 0, "step": step, "n_steps": None}
    return NewEvent("metrics", {**payload, "points": [["m", step, 0.5]]}, study_id, trial_id)


def store(database: Database, *new: NewEvent) -> None:
    with database.write() as session:
        events.store_events(session, new)


def test_hello_comes_first_and_then_what_happens(caller: Caller) -> None:
    caller.create("before")
    with following(caller) as stream:
        hello = next(stream)
        assert (hello.kind, hello.data) == ("hello", {"cursor": hello.id})
        study = caller.create("after")
        first = next(stream)
        assert (first.kind, first.data["name"], first.data["state"]) == ("study", "after", "RUNNING")
        worker_id = caller.join("after")
        assert next(stream).data == {"worker_id": worker_id, "state": "ALIVE"}
        (job,) = caller.claim(worker_id, "after")
        trial = next(message for message in stream if message.kind == "trial")
        assert trial.data["trial_id"] == job["trial_id"]
        assert (trial.data["study_id"], trial.data["state"]) == (study["study_id"], "RUNNING")
        points = [{"name": "val_accuracy", "step": 1, "value": "NaN"}]
        caller.report(job, 1, step=1, n_steps=3, metrics=points, logs=[{"at": "2026-01-01T00:00:00Z", "text": "x"}])
        metrics, logs = next(stream), next(stream)
        assert metrics.data["trials"] == [
            {
                "study_id": study["study_id"],
                "trial_id": job["trial_id"],
                "number": 0,
                "step": 1,
                "n_steps": 3,
                "points": [["val_accuracy", 1, "NaN"]],
            }
        ]
        assert (logs.kind, logs.data["n"]) == ("logs", 1)


def test_a_stream_of_one_study_is_silent_about_others(caller: Caller) -> None:
    own, other = caller.create("own"), caller.create("other")
    for ref in ("own", str(own["study_id"])):
        with following(caller, study=ref) as stream:
            next(stream)
            caller.call("PATCH", "/studies/other", json={"notes": "n"})
            caller.call("PATCH", "/studies/own", json={"notes": "n"})
            assert next(stream).data["study_id"] == own["study_id"] != other["study_id"]
    assert caller.refused("GET", "/events?study=owm", 404)["code"] == "study_not_found"


@pytest.mark.parametrize("cursor", ["x", "1", "1-", "-1", "1-2-3", "1--2", "9" * 30 + "-1", "1-" + "9" * 19])
def test_what_is_no_event_id_is_refused_before_the_stream_begins(caller: Caller, cursor: str) -> None:
    error = caller.refused("GET", "/events", 422, headers={"Last-Event-ID": cursor})
    assert (error["code"], error["field"]) == ("cursor_malformed", "Last-Event-ID")


@pytest.mark.parametrize("by_header", [True, False])
def test_a_reader_resumes_behind_the_last_event_it_saw(live_api: Served, caller: Caller, by_header: bool) -> None:
    with following(caller) as stream:
        start = next(stream).id
    store(live_api.control.database, a_point(1, 1))
    with following(caller, start) as stream:
        assert next(stream).kind == "hello"
        seen = next(stream)
        assert points_of(seen) == [(1, "m", 1)]
    store(live_api.control.database, a_point(1, 2), a_point(2, 1))
    assert seen.id is not None
    again = following(caller, seen.id) if by_header else following(caller, last_event_id=seen.id)
    with again as stream:
        assert next(stream).kind == "hello"
        assert points_of(next(stream)) == [(1, "m", 2), (2, "m", 1)]


def test_readers_that_come_and_go_see_every_event_of_many_writers_once(live_api: Served, caller: Caller) -> None:
    database = live_api.control.database
    wanted = {(writer, "m", step) for writer in range(1, N_WRITERS + 1) for step in range(N_EVENTS_EACH)}
    chance = random.Random(5)
    with following(caller) as stream:
        cursor = next(stream).id
    assert cursor is not None

    def write(writer: int) -> None:
        own = random.Random(writer)
        step = 0
        while step < N_EVENTS_EACH:
            n = own.randint(1, 3)
            batch = [a_point(writer, one) for one in range(step, min(step + n, N_EVENTS_EACH))]
            with database.write() as session:
                # The first event of the transaction is numbered well before the transaction commits.
                events.store_events(session, batch[:1])
                events.newest_cursor(session)
                events.store_events(session, batch[1:])
            step += n

    with ThreadPoolExecutor(N_WRITERS) as pool:
        futures = [pool.submit(write, writer) for writer in range(1, N_WRITERS + 1)]
        seen: list[tuple[int, str, int]] = []
        while len(set(seen)) < len(wanted):
            cursor, read = read_some(caller, cursor, chance.randint(1, 2))
            seen += read
        for future in futures:
            future.result()
    assert sorted(seen) == sorted(wanted)
    assert len(seen) == len(wanted)


def read_some(caller: Caller, cursor: str, n_batches: int) -> tuple[str, list[tuple[int, str, int]]]:
    """Read whole batches from a cursor on, hang up, and return the new cursor and the points."""
    read: list[tuple[int, str, int]] = []
    with following(caller, cursor) as stream:
        assert next(stream).kind == "hello"
        for message in stream:
            assert message.kind == "metrics"
            read += points_of(message)
            assert message.id is not None
            cursor = message.id
            n_batches -= 1
            if not n_batches:
                break
    return cursor, read


def test_a_transaction_that_commits_late_is_not_skipped(database: Database) -> None:
    """On PostgreSQL its number is older than one that is visible already; on SQLite the second writer waits."""
    with database.read() as session:
        start = events.newest_cursor(session)

    def list_steps(cursor: Cursor) -> list[int]:
        with database.read() as session:
            return [event.payload["step"] for event in events.list_after(session, cursor, 100)]

    second = threading.Thread(target=store, args=(database, a_point(1, 2)))
    with database.write() as session:
        events.store_events(session, [a_point(1, 1)])
        second.start()
        if not database.is_sqlite:
            second.join(10.0)
            assert not second.is_alive()
        assert list_steps(start) == []
    second.join(10.0)
    assert list_steps(start) == [1, 2]


def test_a_reader_is_told_to_start_anew_where_events_were_dropped(live_api: Served, caller: Caller) -> None:
    database = live_api.control.database
    store(database, a_point(1, 1))
    with database.read() as session:
        old = events.newest_cursor(session)
    store(database, a_point(1, 2))
    with database.read() as session:
        newest = events.newest_cursor(session)
    with following(caller, str(old)) as stream:
        assert [next(stream).kind, next(stream).kind] == ["hello", "metrics"]
    with database.write() as session:
        events.drop_old_events(session, older_than_s=-60.0)
    with following(caller, str(old)) as stream:
        hello, reset = next(stream), next(stream)
        assert (hello.kind, hello.id, reset.kind, reset.id) == ("hello", str(newest), "reset", str(newest))
        store(database, a_point(1, 3))
        assert points_of(next(stream)) == [(1, "m", 3)]
    with following(caller, str(newest)) as stream:
        assert [next(stream).kind, next(stream).kind] == ["hello", "metrics"]


def test_events_within_their_retention_are_kept(database: Database) -> None:
    for step in range(3):
        store(database, a_point(1, step))
    with database.write() as session:
        events.drop_old_events(session, older_than_s=60.0)
    with database.read() as session:
        assert len(events.list_after(session, Cursor(0, 0), 10)) == 3


def test_an_event_holds_any_text_and_no_number_that_json_lacks(database: Database) -> None:
    told = {"text": "NaN é -Infinity", "points": [["m", 1, "NaN"], ["m", 2, 1.5e-9], ["m", 3, 0.1]]}
    with database.write() as session:
        events.store_events(session, [events.NewEvent("metrics", told)])
    with database.read() as session:
        assert [one.payload for one in events.list_after(session, Cursor(0, 0), 10)] == [told]
    for number in (math.nan, math.inf):
        with pytest.raises(ValueError, match="JSON"), database.write() as session:
            events.store_events(session, [events.NewEvent("metrics", {"points": [["m", 1, number]]})])


def test_much_news_comes_in_few_messages(live_api: Served, caller: Caller) -> None:
    with following(caller) as stream:
        next(stream)
        for step in range(200):
            notice = NewEvent("logs", {"study_id": 1, "trial_id": 1, "n": 1}, 1, 1)
            store(live_api.control.database, a_point(1, step), notice)
        n_messages, steps = 0, set[int]()
        while len(steps) < 200:
            message = next(stream)
            n_messages += 1
            steps |= {point[2] for point in points_of(message)}
    assert n_messages < 100


def test_a_quiet_stream_is_kept_alive_and_readers_are_counted(
    live_api: Served, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.events, "_KEEP_ALIVE_S", 0.0)
    monkeypatch.setattr(api.events, "_LOOK_INTERVAL_S", 0.05)
    hub = live_api.control.hub
    with caller.http.stream("GET", "/events") as answer:
        lines = answer.iter_lines()  # dropping it would hang up
        assert ": keep-alive" in lines
        assert hub.n_readers >= 1
    wait_until(lambda: hub.n_readers == 0, 10.0, what="the reader that left is forgotten")


def test_an_open_stream_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path)) as served:
        caller = Caller(served.address)
        with following(caller) as stream:
            assert next(stream).kind == "hello"
            served.stop(5.0)
            assert list(stream) == []
        caller.close()


def test_the_process_ends_soon_with_an_open_stream(processes: ProcessFamily, tmp_path: Path) -> None:
    port = free_port()
    env = {
        "TUNEWELL_HOME": str(tmp_path / "home"),
        "TUNEWELL_PORT": str(port),
        "TUNEWELL_BROKER_URL": "memory://",
        "TUNEWELL_DATABASE_URL": "",
    }
    process = processes.start_module("api", env=env)
    caller = Caller(f"http://127.0.0.1:{port}")

    def answers() -> bool:
        assert process.is_running, process.log_text()
        try:
            return caller.http.get("/studies").status_code == 200
        except httpx.TransportError:
            return False

    wait_until(answers, 60.0)
    with following(caller) as stream:
        assert next(stream).kind == "hello"
        assert process.terminate(5.0) in (0, -15)
        assert list(stream) == []
    caller.close()
    processes.assert_none_left()
