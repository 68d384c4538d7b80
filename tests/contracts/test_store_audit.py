"""The audit log: what people change is in it, with the change itself; refusals are gathered; nothing stays for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from api.audit import MAX_KINDS
from api.services.reconcile import Reconciler
from db.access_tables import AuditRow
from tests.servers.api import Caller, Json, Served, a_study, serving, settings_for
from tests.servers.migrated import MakeUrl, empty


@pytest.fixture(scope="module")
def served_once(make_database: MakeUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    tokens: dict[str, Any] = {f"{role}_token": SecretStr(f"the-{role}") for role in ("admin", "user", "worker")}
    home = tmp_path_factory.mktemp("home")
    settings = settings_for(home, make_database(), require_tokens="yes", max_failed_sign_ins=1000, **tokens)
    with serving(settings) as served:
        yield served


@pytest.fixture
def guarded(served_once: Served) -> Served:
    empty(served_once.control.database)
    served_once.control.refusals.take()
    return served_once


@pytest.fixture
def admin(guarded: Served) -> Iterator[Caller]:
    with closing(Caller(guarded.address, "the-admin")) as caller:
        yield caller


@pytest.fixture
def user(guarded: Served) -> Iterator[Caller]:
    with closing(Caller(guarded.address, "the-user")) as caller:
        yield caller


def entries(admin: Caller, **params: Any) -> list[Json]:
    """Return what the log says, the oldest first."""
    return [*reversed(admin.call("GET", "/audit", params=params)["items"])]


def short(entry: Json) -> tuple[str, str, str, str]:
    return entry["who"], entry["action"], entry["target"], entry["result"]


def test_what_people_change_is_remembered_and_what_they_read_or_workers_do_is_not(
    guarded: Served, admin: Caller, user: Caller
) -> None:
    study = user.create("watched")
    user.call("PATCH", "/studies/watched", json={"notes": "=1+1"})
    user.call("GET", "/studies/watched")
    user.call("POST", "/studies/watched:check", json={"changes": {"n_trials": 9}})
    with closing(Caller(guarded.address, "the-worker")) as worker:
        worker_id = worker.join("watched")
        (job,) = worker.claim(worker_id, "watched")
        network = worker.upload(job, "network.safetensors", b"weights", kind="network")
        plain = worker.upload(job, "notes.txt", b"text", kind="file")
        for one in (network, plain):
            for reader in (worker, user):
                assert reader.http.get(f"/artifacts/{one['artifact_id']}/content").status_code == 200
    made = admin.call("POST", "/tokens", 201, json={"name": "ana", "role": "user"})
    user.call("DELETE", "/studies/watched", 204)

    told = entries(admin)
    assert [short(entry) for entry in told] == [
        ("user", "POST /studies", "", "done"),
        ("user", "PATCH /studies/{study}", "study=watched", "done"),
        (
            "user",
            "GET /artifacts/{artifact_id}/content",
            f"artifact {network['artifact_id']}: network.safetensors of trial {job['trial_id']}",
            "done",
        ),
        ("admin", "POST /tokens", f"token {made['token_id']}: ana (user)", "done"),
        ("user", "DELETE /studies/{study}", "study=watched", "done"),
    ]
    study_id = study["study_id"]
    assert [entry["study_id"] for entry in told] == [study_id, study_id, None, None, study_id]
    assert {(entry["role"], entry["address"], entry["n"]) for entry in told} <= {
        ("user", "127.0.0.1", 1),
        ("admin", "127.0.0.1", 1),
    }
    assert made["token"] not in str(told)


def test_a_change_that_fails_leaves_no_entry(admin: Caller, user: Caller) -> None:
    user.create("twice")
    user.refused("POST", "/studies", 409, json=a_study("twice"))
    user.refused("DELETE", "/studies/nowhere", 404)
    assert [entry["action"] for entry in entries(admin)] == ["POST /studies"]


def test_sign_ins_and_refusals_are_told_and_a_flood_of_them_stays_small(
    guarded: Served, admin: Caller, user: Caller
) -> None:
    with closing(Caller(guarded.address)) as browser:
        browser.refused("GET", "/studies", 401)  # everybody begins without a token
        for _ in range(3):
            browser.refused("POST", "/session", 401, json={"token": "guessed"})
        browser.call("POST", "/session", 201, json={"token": "the-user"})
        browser.refused("DELETE", "/studies/mine", 403)
    user.refused("GET", "/audit", 403)
    user.refused("POST", "/tokens", 403, json={"name": "x", "role": "admin"})
    told = [(*short(entry), entry["n"]) for entry in entries(admin)]
    assert told == [
        ("user", "POST /session", "", "done", 1),
        ("", "POST /session", "", "token_unknown", 3),
        ("", "DELETE /studies/{study}", "study=mine", "csrf_token_wrong", 1),
        ("user", "GET /audit", "", "role_forbidden", 1),
        ("user", "POST /tokens", "", "role_forbidden", 1),
    ]
    for n in range(MAX_KINDS + 5):
        user.refused("POST", f"/tokens/{n}:revoke", 403)
    flood = entries(admin, result="refused", target="")[4:]
    assert len(flood) == MAX_KINDS + 1
    assert (flood[-1]["action"], flood[-1]["n"]) == ("many different requests", 5)


def test_the_log_is_filtered_and_read_page_by_page(admin: Caller, user: Caller) -> None:
    first = user.create("first")
    admin.create("second")
    user.call("DELETE", "/studies/first", 204)
    user.refused("GET", "/tokens", 403)
    assert [entry["action"] for entry in entries(admin, who="user", result="done")] == [
        "POST /studies",
        "DELETE /studies/{study}",
    ]
    assert [entry["who"] for entry in entries(admin, action="post /STUDIES")] == ["user", "admin"]
    assert len(entries(admin, study_id=first["study_id"])) == 2
    assert [entry["result"] for entry in entries(admin, result="refused")] == ["role_forbidden"]
    assert [entry["target"] for entry in entries(admin, target="FIRST")] == ["study=first"]
    assert entries(admin, action="%") == []
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert len(entries(admin, until=later)) == 4
    assert entries(admin, since=later) == []
    assert [len(page) for page in admin.pages("/audit", limit=3)] == [3, 1]
    wrong = admin.refused("GET", "/audit", 422, params={"cursor": "x"})
    assert wrong["code"] == "cursor_malformed"
    assert admin.refused("GET", "/audit", 422, params={"since": "2026-01-01T00:00:00"})["field"] == "since"
    for field, at in (("since", "0001-01-01T00:00:00+14:00"), ("until", "9999-12-31T23:59:59-14:00")):
        assert admin.refused("GET", "/audit", 422, params={field: at})["code"] == "time_range"


def test_old_entries_go_and_refusals_reach_the_log_without_a_reader(guarded: Served, user: Caller) -> None:
    user.create("old")
    control = guarded.control
    with control.database.write() as session:
        session.execute(update(AuditRow).values(at=datetime.now(UTC) - timedelta(days=91)))
    user.create("new")
    user.refused("GET", "/tokens", 403)
    Reconciler(control.ledger, control.settings, refusals=control.refusals).run_once(with_leases=False)
    with control.database.read() as session:
        assert session.execute(select(AuditRow.result).order_by(AuditRow.id)).scalars().all() == [
            "done",
            "role_forbidden",
        ]
