"""Data sets over HTTP: the list, what is known of one, and a look into it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from models.catalogue import DATASETS
from tests.servers.api import Caller, Served, serving, settings_for


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Return somebody who reads from a server that looks into each data set only once."""
    with serving(settings_for(tmp_path_factory.mktemp("home"))) as served:
        caller = Caller(served.address)
        yield caller
        caller.close()


def test_every_built_in_data_set_is_listed_with_its_use(caller: Caller) -> None:
    caller.create("first")
    caller.create("second", dataset="wine", model="mlp")
    found = {one["name"]: one for one in caller.call("GET", "/datasets")["items"]}
    assert list(found) == list(DATASETS)
    digits = found["digits"]
    assert (digits["source"], digits["state"], digits["version"], digits["n_studies"]) == ("builtin", "ready", 1, 1)
    assert (digits["task"], digits["kind"], digits["shape"]) == ("classification", "image", [1, 8, 8])
    assert (digits["n_train"], digits["n_val"], digits["n_test"]) == (1087, 355, 355)
    assert found["iris"]["n_studies"] == 0


def test_a_study_says_its_data_by_name_or_by_version(caller: Caller) -> None:
    plain = caller.create("plain")
    assert (plain["spec"]["dataset"], plain["spec"]["data"]) == ("digits", None)
    first = caller.create("first", dataset="digits@1")
    assert first["spec"]["dataset"] == "digits"
    study = {**plain["spec"], "name": "second", "dataset": "digits@2"}
    refusal = caller.refused("POST", "/studies", 422, json=study)
    assert (refusal["code"], refusal["field"]) == ("unknown_dataset", "dataset")
    refusal = caller.refused("POST", "/studies", 422, json={**study, "dataset": "digts"})
    assert refusal["code"] == "unknown_dataset"
    assert "'digits'" in refusal["hint"]


def test_what_the_server_fills_in_cannot_be_given(caller: Caller) -> None:
    facts = {"name": "x", "version": 1, "sha256": "0" * 64, "task": "classification", "kind": "table", "shape": [4]}
    counts = dict.fromkeys(("n_rows", "n_features", "n_train", "n_val", "n_test"), 10)
    data = {**facts, **counts, "n_classes": 3, "is_chronological": False}
    assert caller.create("given", data=data)["spec"]["data"] is None


def test_a_built_in_data_set_tells_columns_classes_and_uses(reader: Caller) -> None:
    study = reader.create("uses-iris", dataset="iris")
    iris = reader.call("GET", "/datasets/iris")
    assert (iris["shown_version"], iris["n_versions"], iris["note"]) == (1, 1, "")
    assert [one["role"] for one in iris["columns"]] == ["feature"] * 4 + ["target"]
    assert [(one["train"], one["val"], one["test"]) for one in iris["classes"]] == [(30, 10, 10)] * 3
    assert iris["versions"][0]["sha256"] == DATASETS["iris"].sha256
    uses = [(one["study_id"], one["version"]) for one in iris["studies"]]
    assert uses == [(study["study_id"], 1)]


def test_a_preview_has_rows_or_pictures(reader: Caller) -> None:
    rows = reader.call("GET", "/datasets/iris/preview")
    assert len(rows["rows"]) == 20
    assert all(len(row) == len(rows["columns"]) == 5 for row in rows["rows"])
    assert rows["pictures"] is None
    digits = reader.call("GET", "/datasets/digits/preview", params={"version": 1})
    assert digits["rows"] == []
    assert digits["pictures"]["labels"][:3] == ["0", "1", "2"]


def test_what_does_not_exist_is_refused_with_what_does(reader: Caller) -> None:
    refusal = reader.refused("GET", "/datasets/irris", 404)
    assert refusal["code"] == "dataset_not_found"
    assert "'iris'" in refusal["hint"]
    assert reader.refused("GET", "/datasets/irris/preview", 404)["code"] == "dataset_not_found"
    for path in ("/datasets/iris", "/datasets/iris/preview"):
        refusal = reader.refused("GET", path, 404, params={"version": 2})
        assert (refusal["code"], refusal["hint"]) == ("version_not_found", "its versions: 1")


def test_a_data_set_that_cannot_be_had_says_why(live_api: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.programs import ProgramFailed
    from api.services import dataset_looks

    def unreachable(*_: object) -> None:
        raise ProgramFailed("unavailable_dataset", "its source cannot be reached")

    monkeypatch.setattr(dataset_looks, "run_models", unreachable)
    caller = Caller(live_api.address)
    diamonds = caller.call("GET", "/datasets/diamonds")
    assert (diamonds["columns"], diamonds["n_rows"]) == ([], 53940)
    assert "its source cannot be reached" in diamonds["note"]
    assert caller.refused("GET", "/datasets/diamonds/preview", 503)["code"] == "preview_unavailable"
    caller.close()
