"""Bringing data over HTTP: in pieces, resumed after a break, prepared under limits, used by studies, deleted."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from models.catalogue import DATASETS
from models.data.dataset import load_dataset
from tests.servers.api import Caller, Served, a_study
from tests.servers.datasets import a_table, begin, bring, iris_csv, send_piece, send_pieces, wait_for


def test_a_table_becomes_the_same_data_as_the_built_in_one(caller: Caller, tmp_path: Path) -> None:
    version = bring(caller, "my-iris", iris_csv(), "flowers.csv")
    assert (version["state"], version["sha256"]) == ("ready", DATASETS["iris"].sha256)
    detail = caller.call("GET", "/datasets/my-iris")
    assert (detail["source"], detail["task"], detail["kind"], detail["shape"]) == (
        "upload",
        "classification",
        "table",
        [4],
    )
    assert [one["name"] for one in detail["classes"]] == ["setosa", "versicolor", "virginica"]
    assert [one["role"] for one in detail["columns"]] == ["feature"] * 4 + ["target"]
    preview = caller.call("GET", "/datasets/my-iris/preview")
    assert preview["rows"][0] == ["setosa", 5.1, 3.5, 1.4, 0.2]
    answer = caller.http.get(f"/datasets/content/{version['sha256']}")
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    path = tmp_path / f"{version['sha256']}.npz"
    path.write_bytes(answer.content)
    assert load_dataset(path).sha256 == DATASETS["iris"].sha256


def test_a_built_in_data_set_is_looked_into_where_somebody_brought_the_same(caller: Caller) -> None:
    assert bring(caller, "mine", iris_csv())["sha256"] == DATASETS["iris"].sha256
    names = [one["name"] for one in caller.call("GET", "/datasets/iris")["columns"]]
    assert names == ["feature 1", "feature 2", "feature 3", "feature 4", "target"]
    assert caller.call("GET", "/datasets/mine/preview")["columns"][0] == "species"


def test_parquet_is_known_by_its_first_bytes(caller: Caller) -> None:
    file = io.BytesIO()
    parquet.write_table(arrow_csv.read_csv(io.BytesIO(iris_csv())), file)
    version = bring(caller, "packed", file.getvalue(), "flowers.bin")
    assert (version["format"], version["sha256"]) == ("parquet", DATASETS["iris"].sha256)
    upload = begin(caller, "unknown", b"\x00\x01", "flowers.bin")
    send_pieces(caller, upload, b"\x00\x01")
    refusal = caller.refused("POST", f"/datasets/uploads/{upload['upload_id']}:finish", 422)
    assert (refusal["code"], refusal["field"]) == ("unknown_format", "format")


def test_content_comes_in_parts_too(caller: Caller) -> None:
    sha256 = bring(caller, "parts", a_table())["sha256"]
    path = f"/datasets/content/{sha256}"
    whole = caller.http.get(path).content
    part = caller.http.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole)}"
    assert caller.http.get(path, headers={"Range": f"bytes={len(whole) - 5}-"}).content == whole[-5:]
    assert caller.http.get(path, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    assert caller.refused("GET", f"/datasets/content/{'0' * 64}", 404)["code"] == "content_not_found"


def test_an_upload_goes_on_where_it_was_broken_off(caller: Caller) -> None:
    content = a_table()
    upload = begin(caller, "broken", content, sha256=hashlib.sha256(content).hexdigest())
    upload_id = upload["upload_id"]
    assert (upload["offset"], upload["state"]) == (0, "receiving")
    assert send_piece(caller, upload_id, 0, content[:1000]) == {"offset": 1000}
    # The answer was lost, and the piece comes again; or a piece was left out.
    for wrong in (0, 2000):
        headers = {"Upload-Offset": str(wrong)}
        answer = caller.http.patch(f"/datasets/uploads/{upload_id}", content=content[:1000], headers=headers)
        assert (answer.status_code, answer.headers["Upload-Offset"]) == (409, "1000")
        assert answer.json()["error"]["code"] == "offset_differs"
    refusal = caller.refused("POST", f"/datasets/uploads/{upload_id}:finish", 409)
    assert refusal["code"] == "upload_incomplete"
    now = caller.call("GET", f"/datasets/uploads/{upload_id}")
    assert now["offset"] == 1000
    send_pieces(caller, now, content, 700)
    version = caller.call("POST", f"/datasets/uploads/{upload_id}:finish")
    assert caller.call("POST", f"/datasets/uploads/{upload_id}:finish")["version"] == version["version"]
    assert caller.call("GET", f"/datasets/uploads/{upload_id}")["state"] == "finished"
    assert wait_for(caller, "broken", 1)["state"] == "ready"


def test_pieces_that_do_not_fit_are_refused(caller: Caller, live_api: Served) -> None:
    upload_id = begin(caller, "small", b"x" * 10)["upload_id"]
    path, headers = f"/datasets/uploads/{upload_id}", {"Upload-Offset": "0"}
    refusal = caller.refused("PATCH", path, 422, content=b"y" * 11, headers=headers)
    assert refusal["code"] == "too_many_bytes"
    assert caller.refused("PATCH", path, 422, content=b"", headers=headers)["code"] == "empty_piece"
    large = b"z" * (live_api.control.settings.dataset_chunk_bytes + 1)
    assert caller.refused("PATCH", path, 413, content=large, headers=headers)["code"] == "piece_too_large"
    assert caller.call("PATCH", path, content=b"y" * 10, headers=headers) == {"offset": 10}
    caller.call("DELETE", path, 204)
    assert caller.refused("GET", path, 404)["code"] == "upload_not_found"
    assert not list(Path(live_api.control.settings.dataset_url).glob(f"uploads/{upload_id}"))


def test_bytes_that_are_not_those_announced_are_refused(caller: Caller) -> None:
    content = a_table()
    upload = begin(caller, "hashed", content, sha256="0" * 64)
    send_pieces(caller, upload, content)
    refusal = caller.refused("POST", f"/datasets/uploads/{upload['upload_id']}:finish", 422)
    assert (refusal["code"], refusal["field"]) == ("hash_mismatch", "sha256")


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [("digits", 409, "name_builtin"), ("uploads", 422, "bad_name"), ("a@b", 422, "bad_name"), ("-x", 422, "bad_name")],
)
def test_names_are_checked(caller: Caller, name: str, status: int, code: str) -> None:
    body = {"n_bytes": 10, "filename": "x.csv"}
    assert caller.refused("POST", f"/datasets/{name}/uploads", status, json=body)["code"] == code
    assert caller.call("POST", "/datasets/fine/uploads", 201, json=body)["offset"] == 0


def test_what_is_too_large_is_refused_before_it_comes(caller: Caller, live_api: Served) -> None:
    limit = live_api.control.settings.max_dataset_bytes
    body = {"n_bytes": limit + 1, "filename": "x.csv"}
    refusal = caller.refused("POST", "/datasets/huge/uploads", 413, json=body)
    assert (refusal["code"], refusal["field"]) == ("dataset_too_large", "n_bytes")
    caller.call("POST", "/datasets/huge/uploads", 201, json={**body, "n_bytes": limit})
    options = {"options": {"val_fraction": 0.5, "test_fraction": 0.5}}
    refusal = caller.refused("POST", "/datasets/huge/uploads", 422, json={**body, "n_bytes": 1, **options})
    assert refusal["code"] == "fractions_too_large"


def test_the_same_bytes_read_in_the_same_way_are_one_version(caller: Caller) -> None:
    content = a_table()
    assert [bring(caller, "same", content)["version"] for _ in range(2)] == [1, 1]
    assert bring(caller, "same", content, target="colour")["version"] == 2
    body = {"from_version": 1, "options": {"target": "length"}}
    made = caller.call("POST", "/datasets/same/versions", 201, json=body)
    assert made["version"] == 3
    assert caller.call("POST", "/datasets/same/versions", 200, json=body)["version"] == 3
    assert wait_for(caller, "same", 3)["state"] == "ready"
    detail = caller.call("GET", "/datasets/same")
    assert (detail["task"], detail["version"], detail["n_versions"]) == ("regression", 3, 3)
    assert detail["target_histogram"] is not None
    assert caller.call("GET", "/datasets/same", params={"version": 1})["task"] == "classification"
    body["from_version"] = 9
    assert caller.refused("POST", "/datasets/same/versions", 404, json=body)["code"] == "version_not_found"


def test_what_cannot_be_read_says_why_and_is_no_data_for_a_study(caller: Caller) -> None:
    version = bring(caller, "ragged", b"a,b,c\n1,2,3\n4,5\n")
    assert (version["state"], version["error"]["code"]) == ("failed", "ragged_row")
    assert "line 3 has 2 cells" in version["error"]["message"]
    refusal = caller.refused("POST", "/studies", 409, json=a_study("s", dataset="ragged"))
    assert refusal["code"] == "dataset_not_ready"
    listed = {one["name"]: one for one in caller.call("GET", "/datasets")["items"]}["ragged"]
    assert (listed["state"], listed["version"], listed["task"]) == ("failed", None, "")
    assert "could not be prepared" in caller.refused("GET", "/datasets/ragged/preview", 404)["hint"]


def test_hostile_arrays_are_refused_by_the_program_that_reads_them(caller: Caller) -> None:
    pickled = io.BytesIO()
    np.savez(pickled, x=np.array([[{}]], dtype=object), y=np.zeros(1), allow_pickle=True)
    assert bring(caller, "pickled", pickled.getvalue(), "x.npz")["error"]["code"] == "pickled_array"
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", b"\0" * (64 << 20))
    assert bring(caller, "bomb", bomb.getvalue(), "x.npz")["error"]["code"] == "packed_too_tightly"


def test_a_study_keeps_the_version_it_began_with(caller: Caller) -> None:
    bring(caller, "mine", a_table())
    study = caller.create("first", dataset="mine")
    assert study["spec"]["dataset"] == "mine@1"
    assert study["spec"]["data"]["sha256"] == caller.call("GET", "/datasets/mine")["sha256"]
    bring(caller, "mine", a_table(seed=8))
    assert caller.create("second", dataset="mine")["spec"]["dataset"] == "mine@2"
    assert caller.create("third", dataset="mine@1")["spec"]["data"] == study["spec"]["data"]
    worker = caller.join("first")
    order = caller.call("POST", "/work:claim", json={"worker_id": worker, "queues": ["first"], "n_max": 1})
    assert (order["dataset"], order["dataset_sha256"]) == ("mine@1", study["spec"]["data"]["sha256"])
    detail = caller.call("GET", "/datasets/mine")
    assert [(one["name"], one["version"]) for one in detail["studies"]] == [("third", 1), ("second", 2), ("first", 1)]
    assert [(one["version"], one["n_studies"]) for one in detail["versions"]] == [(2, 1), (1, 2)]
    refusal = caller.refused("POST", "/studies", 422, json=a_study("s", dataset="mine@7"))
    assert (refusal["code"], refusal["hint"]) == ("unknown_dataset", "its versions: 1, 2")


def test_rules_on_data_hold_for_data_that_somebody_brought(caller: Caller) -> None:
    bring(caller, "mine", a_table())
    refusal = caller.refused("POST", "/studies", 422, json=a_study("s", dataset="mine", model="cnn"))
    assert refusal["code"] == "unfit_dataset"
    objectives = [{"metric": "val_rmse", "direction": "minimize"}]
    refusal = caller.refused("POST", "/studies", 422, json=a_study("s", dataset="mine", objectives=objectives))
    assert refusal["code"] == "unknown_metric"
    study = caller.create("s", dataset="mine")
    changed = caller.call(
        "PATCH", f"/studies/{study['study_id']}", json={"search_space": {"learning_rate": {"high": 0.05}}}
    )
    assert changed["spec"]["data"] == study["spec"]["data"]
    fork = {"name": "t", "history": "none", "changes": {"dataset": "wine"}}
    forked = caller.call("POST", f"/studies/{study['study_id']}:fork", 201, json=fork)
    assert (forked["spec"]["dataset"], forked["spec"]["data"]) == ("wine", None)


def test_a_data_set_is_deleted_unless_a_study_needs_it(caller: Caller, live_api: Served) -> None:
    bring(caller, "gone", a_table())
    study = caller.create("needs-it", dataset="gone")
    refusal = caller.refused("DELETE", "/datasets/gone", 409)
    assert refusal["code"] == "dataset_in_use"
    assert "'needs-it'" in refusal["message"]
    caller.call("PATCH", f"/studies/{study['study_id']}", json={"action": "stop"})
    caller.call("DELETE", "/datasets/gone", 204)
    assert caller.refused("GET", "/datasets/gone", 404)["code"] == "dataset_not_found"
    assert caller.refused("DELETE", "/datasets/gone", 404)["code"] == "dataset_not_found"
    assert bring(caller, "gone", a_table())["version"] == 1


def test_an_upload_that_nobody_goes_on_with_is_forgotten(caller: Caller, live_api: Served) -> None:
    from api.services.dataset_builds import Builder

    control = live_api.control
    upload_id = begin(caller, "left", b"x" * 10)["upload_id"]
    send_piece(caller, upload_id, 0, b"x" * 5)
    keeping = Builder(control.ledger, control.data_store, control.pieces, control.settings)
    keeping.drop_stale()
    assert caller.call("GET", f"/datasets/uploads/{upload_id}")["offset"] == 5
    impatient = control.settings.model_copy(update={"upload_retention_s": -1.0})
    Builder(control.ledger, control.data_store, control.pieces, impatient).drop_stale()
    assert caller.refused("GET", f"/datasets/uploads/{upload_id}", 404)["code"] == "upload_not_found"
