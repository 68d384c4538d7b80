"""The timeline of a study over HTTP: every attempt at its trials, where it ran and how it ended."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json

PATH = "/studies/timed/attempts"


@pytest.fixture
def study(caller: Caller) -> Caller:
    """Return a caller whose study ran one trial to its end, lost another's worker, and runs that one again."""
    caller.create("timed")
    worker_id = caller.join("timed")
    first, second = caller.claim(worker_id, "timed", n_max=2)
    caller.finish(first, values={"val_accuracy": 0.5})
    caller.finish(second, "CRASHED", reason="killed by the kernel")
    caller.claim(worker_id, "timed")
    return caller


def rows(read: Json, *names: str) -> list[tuple[object, ...]]:
    """Return columns as rows."""
    return list(zip(*(read[name] for name in names), strict=True))


def test_each_attempt_is_told_with_its_end(study: Caller) -> None:
    read = study.call("GET", PATH)
    assert rows(read, "trial_numbers", "attempt_nos", "states") == [
        (0, 1, "COMPLETE"),
        (1, 1, "CRASHED"),
        (1, 2, "RUNNING"),
    ]
    assert read["reasons"][1] == "killed by the kernel"
    assert read["worker_ids"] == [read["workers"][0]["worker_id"]] * 3
    assert [one["name"] for one in read["workers"]] == ["w"]
    assert (read["n_attempts"], read["earlier"]) == (3, None)


def test_times_are_those_of_the_databases_clock(study: Caller) -> None:
    read = study.call("GET", PATH)
    ends = read["ended_s"]
    assert ends[2] is None
    assert all(start <= end <= read["now_s"] for start, end in zip(read["started_s"][:2], ends[:2], strict=True))
    assert read["ended_s"][1] <= read["started_s"][2] <= read["now_s"]
    detail = study.call("GET", "/studies/timed/trials/1")
    assert [one["attempt_id"] for one in detail["attempts"]] == read["attempt_ids"][1:]


def test_a_long_study_is_read_from_its_end_backwards(study: Caller) -> None:
    newest = study.call("GET", PATH, params={"limit": 2})
    assert (newest["attempt_nos"], newest["n_attempts"]) == ([1, 2], 3)
    before = study.call("GET", PATH, params={"limit": 2, "before": newest["earlier"]})
    assert (before["trial_numbers"], before["earlier"]) == ([0], None)


def test_the_slot_is_told_where_the_worker_says_it(caller: Caller) -> None:
    caller.create("timed")
    worker_id = caller.join("timed")
    for slot in (None, 3):
        body = {"worker_id": worker_id, "queues": ["timed"], "n_max": 1, "slot": slot}
        assert len(caller.call("POST", "/work:claim", json=body)["attempts"]) == 1
    assert caller.call("GET", PATH)["slots"] == [None, 3]


def test_a_study_without_attempts_has_empty_columns(caller: Caller) -> None:
    caller.create("timed")
    read = caller.call("GET", PATH)
    assert (read["attempt_ids"], read["workers"], read["n_attempts"]) == ([], [], 0)


def test_what_there_is_not_is_refused(study: Caller) -> None:
    assert study.refused("GET", "/studies/nowhere/attempts", 404)["code"] == "study_not_found"
    error = study.refused("GET", PATH, 422, params={"limit": 20_001})
    assert "20000" in error["message"]
