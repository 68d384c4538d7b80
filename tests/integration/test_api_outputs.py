"""What trials leave behind, over HTTP and on both kinds of database: metrics, curves, logs, artifacts."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from db.tables import AttemptRow
from tests.servers.api import Caller, Json, Served, serving, settings_for
from tests.servers.waiting import wait_until

CONTENT = bytes(range(256)) * 100
HASH = hashlib.sha256(CONTENT).hexdigest()


def claimed(caller: Caller, name: str) -> Json:
    caller.create(name)
    (job,) = caller.claim(caller.join(name), name)
    return job


def point(step: int, value: float | str, name: str = "val_accuracy") -> Json:
    return {"name": name, "step": step, "value": value}


def test_metrics_come_back_as_they_were_reported(caller: Caller) -> None:
    job = claimed(caller, "metrics")
    path = f"/trials/{job['trial_id']}/metrics"
    assert caller.call("GET", path)["series"] == []
    values: list[float | str] = [0.1 + 0.2, 1e-300, -0.0, 1.7976931348623157e308, "NaN", "Infinity", "-Infinity", 0.5]
    body = [point(step, value) for step, value in enumerate(values)]
    caller.report(job, 1, metrics=[*body, point(3, 7.0, "own/metric:1")])
    first, second = caller.call("GET", path)["series"]
    assert (first["name"], first["steps"], first["values"]) == ("own/metric:1", [3], [7.0])
    assert (second["steps"], second["values"], second["n_points"]) == (list(range(8)), values, 8)
    assert (second["min_value"], second["max_value"]) == (-0.0, 1.7976931348623157e308)
    assert (second["latest_step"], second["latest_value"]) == (7, 0.5)
    (named,) = caller.call("GET", f"{path}?names=val_accuracy,nothing")["series"]
    assert named == second


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"metrics": [point(1, "0.5")]}, "metrics.0.value"),
        ({"metrics": [point(1, "nan")]}, "metrics.0.value"),
        ({"metrics": [point(1, True)]}, "metrics.0.value"),
        ({"metrics": [point(-1, 0.5)]}, "metrics.0.step"),
        ({"metrics": [point(1, 0.5, "a\nb")]}, "metrics.0.name"),
        ({"metrics": [{**point(1, 0.5), "at": "0001-01-01T00:00:00+10:00"}]}, "metrics.0.at"),
        ({"logs": [{"text": "x", "at": "9999-12-31T23:59:59-10:00"}]}, "logs.0.at"),
        ({"logs": [{"text": "x", "at": "2026-01-01T00:00:00"}]}, "logs.0.at"),
        ({"logs": [{"text": "x" * 20_000, "at": "2026-01-01T00:00:00Z"}]}, "logs.0.text"),
    ],
)
def test_a_report_is_stored_whole_or_not_at_all(caller: Caller, wrong: Json, field: str) -> None:
    job = claimed(caller, "whole")
    good = {"metrics": [point(1, 0.5)], "logs": [{"text": "x", "at": "2026-01-01T00:00:00Z"}]}
    assert caller.report(job, 1, 422, **{**good, **wrong})["error"]["field"] == field
    trial = f"/trials/{job['trial_id']}"
    assert caller.call("GET", f"{trial}/metrics")["series"] == caller.call("GET", f"{trial}/logs")["items"] == []
    caller.report(job, 1, 200, **good)
    assert len(caller.call("GET", f"{trial}/logs")["items"]) == 1


def test_a_step_is_stored_once_and_late_steps_do_not_become_the_latest(caller: Caller) -> None:
    job = claimed(caller, "steps")
    caller.report(job, 1, step=5, metrics=[point(5, 0.5), point(5, 0.9)])
    caller.report(job, 2, step=3, metrics=[point(3, 0.3), point(5, 0.1)])
    (series,) = caller.call("GET", f"/trials/{job['trial_id']}/metrics")["series"]
    assert (series["steps"], series["values"], series["n_points"]) == ([3, 5], [0.3, 0.5], 2)
    assert (series["latest_step"], series["latest_value"]) == (5, 0.5)
    assert (series["min_value"], series["max_value"]) == (0.3, 0.5)
    assert caller.call("GET", f"/trials/{job['trial_id']}")["step"] == 5


def test_long_curves_are_thinned_and_keep_their_extremes(caller: Caller) -> None:
    job = claimed(caller, "long")
    values = [float(step % 7) for step in range(3000)]
    values[1234], values[2345] = -50.0, 50.0
    caller.report(job, 1, metrics=[point(step, value) for step, value in enumerate(values)])
    (series,) = caller.call("GET", f"/trials/{job['trial_id']}/metrics?max_points=100")["series"]
    assert series["n_points"] == 3000
    assert len(series["steps"]) == len(series["values"]) <= 200
    assert {1234: -50.0, 2345: 50.0}.items() <= dict(zip(series["steps"], series["values"], strict=True)).items()
    curves = caller.call("GET", "/studies/long/curves?max_points=100")
    assert (curves["metric"], curves["n_trials"]) == ("val_accuracy", 1)
    (curve,) = curves["curves"]
    assert (curves["column"], curve["n_points"]) == (64.0, 3000)
    assert {1234: -50.0, 2345: 50.0}.items() <= dict(zip(curve["steps"], curve["values"], strict=True)).items()
    assert len(curve["steps"]) <= 200
    assert caller.refused("GET", f"/trials/{job['trial_id']}/metrics?max_points=3", 422)["field"] == "max_points"


def test_curves_show_the_newest_trials_and_refuse_unknown_metrics(caller: Caller) -> None:
    caller.create("curves")
    for job in caller.claim(caller.join("curves"), "curves", n_max=3):
        caller.report(job, 1, metrics=[point(1, job["number"] / 10)])
    shown = caller.call("GET", "/studies/curves/curves?max_trials=2")
    assert (shown["n_trials"], [curve["number"] for curve in shown["curves"]]) == (3, [2, 1])
    error = caller.refused("GET", "/studies/curves/curves?metric=val_acuracy", 422)
    assert (error["code"], error["field"]) == ("unknown_metric", "metric")
    assert "'val_accuracy'" in error["hint"]


def test_logs_are_read_page_by_page_and_on_from_the_end(caller: Caller) -> None:
    job = claimed(caller, "logs")
    path = f"/trials/{job['trial_id']}/logs"

    def write(seq: int, *texts: str) -> None:
        stamp = "2026-01-01T12:00:00.123456+02:00"
        caller.report(job, seq, logs=[{"at": stamp, "text": text, "stream": "stderr"} for text in texts])

    empty = caller.call("GET", path)
    assert empty["items"] == []
    write(1, "one", "two", "three\x00\U0001f642")
    first = caller.call("GET", path, params={"limit": 2, "cursor": empty["next_cursor"]})
    assert [line["text"] for line in first["items"]] == ["one", "two"]
    assert first["items"][0]["at"] == "2026-01-01T10:00:00.123456Z"
    assert first["items"][0]["stream"] == "stderr"
    second = caller.call("GET", path, params={"limit": 2, "cursor": first["next_cursor"]})
    assert [line["text"] for line in second["items"]] == ["three\\0\U0001f642"]
    write(2, "four")
    third = caller.call("GET", path, params={"cursor": second["next_cursor"]})
    assert [line["text"] for line in third["items"]] == ["four"]
    assert caller.call("GET", path, params={"cursor": third["next_cursor"]})["items"] == []
    assert caller.refused("GET", path, 422, params={"cursor": "W251bGxd"})["code"] == "cursor_malformed"


def test_an_artifact_comes_back_byte_for_byte(caller: Caller) -> None:
    job = claimed(caller, "artifact")
    stored = caller.upload(job, "net.json", CONTENT, kind="network", step=3)
    assert (stored["name"], stored["kind"], stored["step"]) == ("net.json", "network", 3)
    assert (stored["sha256"], stored["n_bytes"]) == (HASH, len(CONTENT))
    answer = caller.http.get(f"/artifacts/{stored['artifact_id']}/content")
    assert answer.content == CONTENT
    assert answer.headers["content-disposition"] == 'attachment; filename="net.json"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert caller.call("GET", f"/trials/{job['trial_id']}/artifacts")["items"] == [stored]
    replaced = caller.upload(job, "net.json", b"newer", kind="network", step=4)
    assert replaced["artifact_id"] == stored["artifact_id"]
    assert caller.http.get(f"/artifacts/{stored['artifact_id']}/content").content == b"newer"
    assert caller.upload(job, "empty", b"")["n_bytes"] == 0


def test_a_checkpoint_is_what_the_next_attempt_resumes_from(caller: Caller) -> None:
    job = claimed(caller, "resume")
    assert job["checkpoint"] is None
    for step in (2, 1):
        caller.upload(job, f"checkpoint-{step}", CONTENT + bytes([step]), kind="checkpoint", step=step)
    caller.upload(job, "later.bin", CONTENT, step=9)
    assert caller.finish(job, "PREEMPTED")["trial_state"] == "WAITING"
    (again,) = caller.claim(caller.join("resume"), "resume")
    assert (again["params"], again["seed"], again["attempt_no"]) == (job["params"], job["seed"], 2)
    assert again["checkpoint"]["step"] == 2
    assert again["checkpoint"]["sha256"] == hashlib.sha256(CONTENT + bytes([2])).hexdigest()


def test_bytes_that_do_not_match_their_hash_are_not_kept(live_api: Served, caller: Caller) -> None:
    job = claimed(caller, "hash")
    error = caller.upload(job, "a", CONTENT, 422, sha256="0" * 64)["error"]
    assert (error["code"], error["field"]) == ("hash_mismatch", "sha256")
    assert HASH in error["message"]
    assert caller.upload(job, "a", CONTENT, 422, sha256=HASH.upper())["error"]["field"] == "sha256"
    assert caller.upload(job, "a", CONTENT, 422, kind="virus")["error"]["field"] == "kind"
    assert caller.call("GET", f"/trials/{job['trial_id']}/artifacts")["items"] == []
    assert files_of(live_api) == []
    caller.upload(job, "a", CONTENT)
    assert [path.name for path in files_of(live_api)] == [HASH]


def files_of(live_api: Served) -> list[Path]:
    root = Path(live_api.control.settings.effective_artifact_url)
    return [path for path in root.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name",
    [
        "%2e%2e",
        ".hidden",
        "a%2Fb",
        "..%2Fup",
        "%252e%252e",
        "a\\b",
        "..%5Cup",
        "a;b",
        "a%0Ab",
        "x" * 201,
        "C:evil",
        "%E2%80%A5",
    ],
)
def test_names_that_could_be_paths_are_refused(live_api: Served, caller: Caller, name: str) -> None:
    job = claimed(caller, "names")
    headers = {"X-Lease-Token": job["lease_token"]}
    url = f"{live_api.address}/api/v1/attempts/{job['attempt_id']}/artifacts/{name}?sha256={HASH}"
    answer = caller.http.put(url, content=CONTENT, headers=headers)
    assert answer.status_code in (404, 405, 422)
    assert answer.json()["error"]["code"] in (
        "route_not_found",
        "http_error",
        "string_pattern_mismatch",
        "string_too_long",
    )
    assert files_of(live_api) == []
    assert caller.upload(job, "..".join("ab"), CONTENT)["name"] == "a..b"


def test_only_the_holder_of_the_lease_uploads(live_api: Served, caller: Caller) -> None:
    job = claimed(caller, "holder")
    path = f"/attempts/{job['attempt_id']}/artifacts/a"
    error = caller.refused("PUT", path, 422, params={"sha256": HASH}, content=CONTENT)
    assert (error["code"], error["field"]) == ("missing_field", "X-Lease-Token")
    for wrong in ({**job, "lease_token": "guessed"}, {**job, "attempt_id": 999}):
        assert caller.upload(wrong, "a", CONTENT, 409)["error"]["code"] == "lease_lost"
    assert files_of(live_api) == []
    caller.upload(job, "a", CONTENT)
    caller.finish(job, values={"val_accuracy": 0.5})
    assert caller.upload(job, "b", CONTENT, 409)["error"]["code"] == "lease_lost"


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Caller]:
    with serving(settings_for(tmp_path, max_artifact_bytes=1000)) as served:
        caller = Caller(served.address)
        yield caller
        caller.close()


def test_an_artifact_over_the_limit_is_refused(narrow: Caller, tmp_path: Path) -> None:
    job = claimed(narrow, "limit")
    error = narrow.upload(job, "a", b"x" * 1001, 413)["error"]
    assert (error["code"], "1000" in error["message"]) == ("artifact_too_large", True)
    assert [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()] == []
    assert narrow.upload(job, "a", b"x" * 1000)["n_bytes"] == 1000


def test_an_upload_that_breaks_off_leaves_nothing(narrow: Caller, tmp_path: Path) -> None:
    job = claimed(narrow, "broken")

    def breaks() -> Iterator[bytes]:
        yield b"x" * 100
        raise ConnectionAbortedError

    path = f"/attempts/{job['attempt_id']}/artifacts/a"
    with pytest.raises(ConnectionAbortedError):
        narrow.http.put(path, params={"sha256": HASH}, content=breaks(), headers={"X-Lease-Token": job["lease_token"]})
    root = tmp_path / "artifacts"
    wait_until(lambda: not [path for path in root.rglob("*") if path.is_file()], what="the part that came is removed")
    assert narrow.call("GET", f"/trials/{job['trial_id']}/artifacts")["items"] == []


def test_a_long_upload_renews_the_lease(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path / "home", lease_s=0.4)) as served:
        caller = Caller(served.address)
        job = claimed(caller, "slow")
        database, deadline = served.control.database, time.monotonic() + 20

        def expiry() -> object:
            with database.read() as session:
                statement = select(AttemptRow.lease_expires_at).where(AttemptRow.id == job["attempt_id"])
                return session.execute(statement).scalar_one()

        first = expiry()
        seen = [first]

        def chunks() -> Iterator[bytes]:
            while seen[-1] == first and time.monotonic() < deadline:
                yield b"x"
                seen.append(expiry())

        path = f"/attempts/{job['attempt_id']}/artifacts/big?kind=file&sha256={'0' * 64}"
        error = caller.refused("PUT", path, 422, content=chunks(), headers={"X-Lease-Token": job["lease_token"]})
        assert error["code"] == "hash_mismatch"
        assert seen[-1] != first
        caller.close()
