"""The page of a trial over HTTP: its log searched and downloaded, artifacts to look at, where it ran."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json

STAMP = "2026-01-01T12:00:00.123456+02:00"
ENVIRONMENT: Json = {
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "is_dirty": True,
    "python": "3.11.9",
    "torch": "2.13.0+cpu",
    "platform": "Linux",
    "cpu": "A CPU",
    "n_cpus": 2,
    "memory_bytes": 8_000_000_000,
    "gpus": ["A GPU"],
    "packages": {"numpy": "2.3.1", "torch": "2.13.0"},
    "packages_sha256": "ab" * 32,
}


def written(caller: Caller, *texts: str) -> Json:
    """Claim a trial that has written some lines."""
    caller.create("outputs")
    (job,) = caller.claim(caller.join("outputs"), "outputs")
    caller.report(job, 1, logs=[{"at": STAMP, "text": text, "stream": "stderr"} for text in texts])
    return job


def test_a_log_is_searched_as_plain_text(caller: Caller) -> None:
    job = written(caller, "Epoch 1: 100 % done", "epoch 2: 1000 done", "C:\\temp_1", "<b>EPOCH</b>", "tempX1")
    path = f"/trials/{job['trial_id']}/logs"

    def found(q: str, **params: object) -> list[str]:
        return [line["text"] for line in caller.call("GET", path, params={"q": q, **params})["items"]]

    assert found("epoch") == ["Epoch 1: 100 % done", "epoch 2: 1000 done", "<b>EPOCH</b>"]
    assert found("100 %") == ["Epoch 1: 100 % done"]
    assert found("p_1") == ["C:\\temp_1"]
    assert found("\\t") == ["C:\\temp_1"]
    assert found("nothing like it") == []
    page = caller.call("GET", path, params={"q": "done", "limit": 1})
    assert [line["text"] for line in page["items"]] == ["Epoch 1: 100 % done"]
    assert found("done", cursor=page["next_cursor"]) == ["epoch 2: 1000 done"]
    error = caller.refused("GET", path, 422, params={"q": "x" * 201})
    assert (error["code"], error["field"]) == ("string_too_long", "q")


def test_a_whole_log_is_one_file_of_text(caller: Caller) -> None:
    texts = [f"line {place}\U0001f642" for place in range(2_000)]
    job = written(caller, *texts)
    caller.report(job, 2, logs=[{"at": STAMP, "text": "last"}])
    answer = caller.http.get(f"/trials/{job['trial_id']}/log")
    assert answer.headers["content-disposition"] == 'attachment; filename="trial-0.log"'
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[0] == "1\t2026-01-01T10:00:00.123+00:00\tstderr\tline 0\U0001f642"
    assert [line.rsplit("\t")[-1] for line in lines] == [*texts, "last"]
    assert caller.refused("GET", "/trials/999/log", 404)["code"] == "trial_not_found"


@pytest.mark.parametrize(
    ("name", "media_type", "disposition"),
    [
        ("samples.png", "image/png", "inline"),
        ("table.CSV", "text/csv; charset=utf-8", "inline"),
        ("page.html", "application/octet-stream", "attachment"),
        ("drawing.svg", "application/octet-stream", "attachment"),
        ("model.safetensors", "application/octet-stream", "attachment"),
    ],
)
def test_only_what_cannot_act_is_shown_in_place(caller: Caller, name: str, media_type: str, disposition: str) -> None:
    job = written(caller)
    stored = caller.upload(job, name, b"<script>alert(1)</script>")
    assert stored["media_type"] == media_type
    answer = caller.http.get(f"/artifacts/{stored['artifact_id']}/content", params={"preview": True})
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == media_type
    assert answer.headers["content-disposition"] == f'{disposition}; filename="{name}"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'; sandbox" in answer.headers["content-security-policy"]
    plain = caller.http.get(f"/artifacts/{stored['artifact_id']}/content")
    assert plain.headers["content-disposition"].startswith("attachment")


def test_a_trial_says_where_its_attempts_ran(caller: Caller) -> None:
    caller.create("where", budget={"n_trials": 1, "max_retries": 3})
    body = {"name": "told", "host": "h1", "pid": 1, "version": "0.1.0", "queues": ["where"], "n_slots": 1}
    told = caller.call("POST", "/workers", 201, json={**body, "environment": ENVIRONMENT})["worker_id"]
    silent = caller.call("POST", "/workers", 201, json={**body, "name": "silent", "host": "h2"})["worker_id"]
    for worker_id in (told, silent, told):
        (job,) = caller.claim(worker_id, "where")
        caller.finish(job, "PREEMPTED")
    items = caller.call("GET", f"/trials/{job['trial_id']}/environment")["items"]
    assert [(one["worker_name"], one["host"], one["attempt_nos"]) for one in items] == [
        ("told", "h1", [1, 3]),
        ("silent", "h2", [2]),
    ]
    assert [one["environment"] for one in items] == [{**ENVIRONMENT, "branch": None, "command": None}, None]
    assert caller.refused("GET", "/trials/999/environment", 404)["code"] == "trial_not_found"
    unknown = {**ENVIRONMENT, "secrets": {}}
    error = caller.refused("POST", "/workers", 422, json={**body, "environment": unknown})
    assert (error["code"], error["field"]) == ("unknown_field", "environment.secrets")


def test_curves_of_the_machine_stand_apart(caller: Caller) -> None:
    job = written(caller)
    names = ("val_accuracy", "system/process_cpu_percent", "system/gpu0_percent", "own/system/x")
    points = [{"name": name, "step": 1_800_000_000, "value": 0.5} for name in names]
    caller.report(job, 1, metrics=points)
    caller.report(job, 2, metrics=points)
    path = f"/trials/{job['trial_id']}"

    def shown(query: str = "") -> set[str]:
        return {one["name"] for one in caller.call("GET", f"{path}/metrics{query}")["series"]}

    assert shown() == {"val_accuracy", "own/system/x"} == set(caller.call("GET", path)["metric_names"])
    assert shown("?system=true") == {"system/process_cpu_percent", "system/gpu0_percent"}
    assert shown("?names=val_accuracy,system/gpu0_percent") == {"val_accuracy", "system/gpu0_percent"}
    assert caller.call("GET", path)["step"] is None
    caller.finish(job, values={"val_accuracy": 0.5})
    assert caller.call("GET", path)["values"] == {"val_accuracy": 0.5}
