"""Lists of studies: filters, order, pages, owners, what is put aside, deleted and erased."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from api.services.reconcile import Reconciler
from db.tokens import insert_token
from tests.servers.api import Caller, Json, Served, serving, settings_for


def names(caller: Caller, q: str = "", **params: object) -> list[str]:
    """Return the names of the studies that a filter chooses, newest first."""
    found = caller.call("GET", "/studies", params={"q": q, **params})
    return [study["name"] for study in found["items"]]


def run(caller: Caller, name: str, values: list[float], **changes: object) -> Json:
    """Submit a study and finish a trial for each value."""
    study = caller.create(name, budget={"n_trials": 8, "max_parallel": 8}, **changes)
    worker_id = caller.join(name)
    for value in values:
        (job,) = caller.claim(worker_id, name)
        caller.finish(job, values={"val_accuracy": value, "val_loss": value})
    return study


@pytest.fixture
def three(caller: Caller) -> Caller:
    """Store three studies: two that maximise, one that minimises and is paused."""
    run(caller, "digits-a", [0.5, 0.9], tags=["cnn", "größe"], notes="first try")
    run(caller, "digits-b", [0.98], tags=["cnn2"])
    run(caller, "other", [0.3, 0.1], objectives=[{"metric": "val_loss", "direction": "minimize"}])
    caller.call("PATCH", "/studies/other", json={"action": "pause"})
    return caller


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("", ["other", "digits-b", "digits-a"]),
        ("state:running", ["digits-b", "digits-a"]),
        ("state:paused,complete", ["other"]),
        ("-state:running", ["other"]),
        ("state!=running", ["other"]),
        ("tag:cnn", ["digits-a"]),
        ("tag~cnn", ["digits-b", "digits-a"]),
        ("tag:größe", ["digits-a"]),
        ("best>0.97", ["digits-b"]),
        ("best<=0.1", ["other"]),
        ("best>=0.1 best<0.95", ["other", "digits-a"]),
        ("name~DIGITS", ["digits-b", "digits-a"]),
        ("name:digits-a", ["digits-a"]),
        ("name~_", []),
        ("model:mlp dataset:digits", ["other", "digits-b", "digits-a"]),
        ("metric:val_loss", ["other"]),
        ("owner:anonymous trials=2", ["other", "digits-a"]),
        ("owner:ann", []),
        ('"first try"', ["digits-a"]),
        ("größe", ["digits-a"]),
        ("-finished>2020-01-01", ["other", "digits-b", "digits-a"]),
        ("created>2020-01-01", ["other", "digits-b", "digits-a"]),
        ("sampler:random kind:native pruner:none running=0 failed=0", ["other", "digits-b", "digits-a"]),
    ],
)
def test_filters_choose_studies(three: Caller, q: str, found: list[str]) -> None:
    assert names(three, q) == found


@pytest.mark.parametrize(
    ("q", "code", "marked", "hint"),
    [
        ("stat:running", "filter_field", "stat", "'state'"),
        ("state:runing", "filter_value", "runing", "'running'"),
        ("state>running", "filter_operator", ">", ":"),
        ("best>high", "filter_value", "high", "0.97"),
        ("best~1", "filter_operator", "~", ">="),
        ("created>soon", "filter_value", "soon", "2026-"),
        ("tag:", "filter_malformed", "", "tag:abc"),
    ],
)
def test_a_wrong_filter_is_marked_where_it_is_wrong(three: Caller, q: str, code: str, marked: str, hint: str) -> None:
    error = three.refused("GET", "/studies", 422, params={"q": q})
    assert (error["code"], error["field"], q[slice(*error["span"])]) == (code, "q", marked)
    assert hint in error["hint"]


@pytest.mark.parametrize(
    ("order_by", "descending", "found"),
    [
        ("created", True, ["other", "digits-b", "digits-a", "unfinished"]),
        ("created", False, ["unfinished", "digits-a", "digits-b", "other"]),
        ("name", False, ["digits-a", "digits-b", "other", "unfinished"]),
        ("best", True, ["digits-b", "digits-a", "other", "unfinished"]),
        ("best", False, ["other", "digits-a", "digits-b", "unfinished"]),
        ("trials", True, ["other", "digits-a", "digits-b", "unfinished"]),
        ("state", False, ["other", "digits-b", "digits-a", "unfinished"]),
    ],
)
def test_pages_of_every_order_hold_each_study_once(
    caller: Caller, order_by: str, descending: bool, found: list[str]
) -> None:
    caller.create("unfinished")
    test_studies = (("digits-a", [0.5, 0.9]), ("digits-b", [0.98]), ("other", [0.3, 0.1]))
    for name, values in test_studies:
        run(caller, name, values)
    caller.call("PATCH", "/studies/other", json={"action": "pause"})
    pages = caller.pages("/studies", order_by=order_by, descending=descending, limit=1)
    assert [study["name"] for page in pages for study in page] == found
    assert [len(page) for page in pages] == [1, 1, 1, 1]


def test_a_list_shows_the_best_so_far_and_a_study_alone_does_not(three: Caller) -> None:
    (study,) = three.call("GET", "/studies", params={"q": "name:digits-a"})["items"]
    progress = study["progress"]
    assert progress == [0.5] + [0.9] * (len(progress) - 1)
    (less,) = three.call("GET", "/studies", params={"q": "name:other"})["items"]
    assert less["progress"][0] == 0.3
    assert less["progress"][-1] == 0.1
    assert three.call("GET", "/studies/digits-a")["progress"] is None


def test_what_breaks_a_limit_on_the_outcome_is_no_best_value(caller: Caller) -> None:
    limits = [{"metric": "val_loss", "at_most": 0.6}]
    run(caller, "limited", [0.5, 0.9], outcome_constraints=limits)
    assert names(caller, "best>0.4 best<0.6") == ["limited"]
    assert names(caller, "best>0.6") == []
    (study,) = caller.call("GET", "/studies")["items"]
    assert set(study["progress"]) == {0.5}


def test_archived_studies_are_shown_where_they_are_asked_for(three: Caller) -> None:
    assert three.call("PATCH", "/studies/other", json={"archived": True})["archived_at"] is not None
    assert names(three) == ["digits-b", "digits-a"]
    assert names(three, archived="yes") == ["other"]
    assert names(three, "state:paused", archived="all") == ["other"]
    assert three.call("GET", "/studies/other")["state"] == "PAUSED"
    assert three.call("PATCH", "/studies/other", json={"archived": False})["archived_at"] is None
    assert names(three) == ["other", "digits-b", "digits-a"]


def test_tags_are_changed_and_found(three: Caller) -> None:
    three.call("PATCH", "/studies/other", json={"tags": ["new"]})
    assert names(three, "tag:new") == ["other"]
    refusal = three.refused("PATCH", "/studies/other", 422, json={"tags": ["no spaces"]})
    assert refusal["field"] == "tags.0"


def test_a_study_is_owned_by_the_token_that_submitted_it(tmp_path: Path) -> None:
    settings = settings_for(tmp_path, require_tokens="yes", user_token=SecretStr("u"), admin_token=SecretStr("a"))
    with serving(settings) as served:
        with served.control.ledger.write() as tx:
            insert_token(tx.session, name="ann", role="user", token="anns", expires_in_s=None)
        for token, owner in (("anns", "ann"), ("u", "user"), ("a", "admin")):
            caller = Caller(served.address, token)
            assert caller.create(f"by-{owner}")["owner"] == owner
            forked = {"name": f"fork-by-{owner}", "history": "none"}
            assert caller.call("POST", f"/studies/by-{owner}:fork", 201, json=forked)["owner"] == owner
            assert names(caller, f"owner:{owner}") == [f"fork-by-{owner}", f"by-{owner}"]
            caller.close()


def test_a_deleted_study_is_met_nowhere_and_comes_back_whole(three: Caller) -> None:
    study = three.call("GET", "/studies/digits-a")
    (trial,) = three.call("GET", "/studies/digits-a/trials", params={"limit": 1})["items"]
    three.call("DELETE", "/studies/digits-a", 204)
    assert names(three, archived="all") == ["other", "digits-b"]
    for path in ("", "/trials", "/export", "/curves?metric=val_loss", "/trials/0"):
        three.refused("GET", f"/studies/digits-a{path}", 404)
    three.refused("GET", f"/trials/{trial['trial_id']}", 404)
    assert three.claim(three.join("digits-a"), "digits-a") == []
    assert three.create("digits-a")["study_id"] != study["study_id"]
    assert three.refused("POST", f"/studies/{study['study_id']}:restore", 409)["code"] == "name_taken"
    three.call("PATCH", "/studies/digits-a", json={"name": "newer"})
    assert three.call("POST", f"/studies/{study['study_id']}:restore")["best_trial"] == study["best_trial"]


def test_a_deleted_study_is_erased_with_its_artifacts_once_nobody_can_restore_it(
    live_api: Served, caller: Caller
) -> None:
    kept, gone = caller.create("kept"), caller.create("gone")
    hashes = {}
    for name in ("kept", "gone"):
        (job,) = caller.claim(caller.join(name), name)
        caller.upload(job, "own.json", f'{{"of": "{name}"}}'.encode())
        hashes[name] = caller.upload(job, "shared.json", b"{}")["sha256"]
        own = caller.call("GET", f"/trials/{job['trial_id']}/artifacts")["items"]
        hashes[f"own-{name}"] = next(one["sha256"] for one in own if one["name"] == "own.json")
        caller.report(job, 1, step=1, metrics=[{"name": "val_loss", "step": 1, "value": 0.5}])
        caller.finish(job, values={"val_accuracy": 0.5})
    caller.call("DELETE", "/studies/gone", 204)
    store, settings = live_api.control.store, live_api.control.settings
    root = Path(settings.effective_artifact_url)
    an_hour_ago = time.time() - 3600
    for path in root.glob("*/*"):
        os.utime(path, (an_hour_ago, an_hour_ago))

    Reconciler(live_api.control.ledger, settings, store).run_once(with_leases=False)
    assert len(list(root.glob("*/*"))) == 3
    at_once = settings.model_copy(update={"deleted_retention_s": 1e-6})
    Reconciler(live_api.control.ledger, at_once, store).run_once(with_leases=False)

    assert {path.name for path in root.glob("*/*")} == {hashes["kept"], hashes["own-kept"]}
    refusal = caller.refused("POST", f"/studies/{gone['study_id']}:restore", 404)
    assert refusal["code"] == "study_not_found"
    assert names(caller, archived="all") == ["kept"]
    assert b"".join(store.get(hashes["kept"])) == b"{}"
    assert caller.call("GET", f"/studies/{kept['study_id']}")["best_trial"]["values"] == {"val_accuracy": 0.5}


def test_a_study_with_a_trial_that_still_runs_is_not_erased(live_api: Served, caller: Caller) -> None:
    study = caller.create("running")
    (job,) = caller.claim(caller.join("running"), "running")
    caller.call("DELETE", "/studies/running", 204)
    at_once = live_api.control.settings.model_copy(update={"deleted_retention_s": 1e-6})
    reconciler = Reconciler(live_api.control.ledger, at_once, live_api.control.store)
    reconciler.run_once(with_leases=False)
    assert caller.report(job, 1, step=1)["decision"] == "stop"
    caller.finish(job, "STOPPED")
    reconciler.run_once(with_leases=False)
    restored = caller.refused("POST", f"/studies/{study['study_id']}:restore", 404)
    assert restored["message"] == f"there is no deleted study {study['study_id']}"
