"""Data that lies elsewhere, over HTTP: fetched once, verified, prepared like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tunewell.cli import main

from models.catalogue import DATASETS
from tests.servers.api import Caller, Json, serving, settings_for
from tests.servers.datasets import bring, iris_csv, wait_for


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shared")


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Caller]:
    home = tmp_path_factory.mktemp("referring")
    with serving(settings_for(home, reference_roots=str(root), reference_hosts="data.example.org")) as served:
        caller = Caller(served.address)
        yield caller
        caller.close()


def _refer(near: Caller, name: str, path: Path, sha256: str, status: int = 201, **more: Any) -> Json:
    body = {"reference": str(path), "sha256": sha256, **more}
    answer: Json = near.call("POST", f"/datasets/{name}/references", status, json=body)
    return answer


def _write(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def test_a_file_that_is_referred_to_is_data_even_when_it_is_gone(near: Caller, root: Path) -> None:
    sha256 = _write(root / "flowers.csv", iris_csv())
    made = _refer(near, "flowers", root / "flowers.csv", sha256)
    assert (made["state"], made["n_raw_bytes"], made["filename"]) == ("preparing", None, "flowers.csv")
    ready = wait_for(near, "flowers", made["version"])
    assert (ready["state"], ready["sha256"], ready["error"]) == ("ready", DATASETS["iris"].sha256, None)
    assert (ready["n_raw_bytes"], ready["reference"]) == (len(iris_csv()), str(root / "flowers.csv"))
    (root / "flowers.csv").unlink()
    again = near.call("POST", "/datasets/flowers/versions", 201, json={"from_version": 1, "options": {"seed": 5}})
    assert wait_for(near, "flowers", again["version"])["state"] == "ready"
    assert bring(near, "flowers", iris_csv())["version"] == 1  # the same bytes, wherever they come from


def test_other_bytes_than_were_named_are_refused_and_right_ones_taken_later(near: Caller, root: Path) -> None:
    content = iris_csv().replace(b"setosa", b"first")
    sha256 = _write(root / "moving.csv", iris_csv())
    right = hashlib.sha256(content).hexdigest()
    made = _refer(near, "moving", root / "moving.csv", right)
    failed = wait_for(near, "moving", made["version"])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "hash_mismatch")
    assert sha256 not in failed["error"]["message"]
    _write(root / "moved.csv", content)
    again = _refer(near, "moving", root / "moved.csv", right)
    assert again["version"] == made["version"]
    ready = wait_for(near, "moving", made["version"])
    assert (ready["state"], ready["reference"]) == ("ready", str(root / "moved.csv"))
    assert _refer(near, "moving", root / "moved.csv", right, 200)["state"] == "ready"


def test_what_no_setting_allows_is_refused_at_once(near: Caller, root: Path) -> None:
    refused = {
        "https://other.example.org/a.csv": "host_not_allowed",
        "https://data.example.org@other.example.org/a.csv": "bad_reference",
        "/etc/hostname": "path_not_allowed",
        "https://data.example.org/a": "unknown_format",
    }
    for reference, code in refused.items():
        body = {"reference": reference, "sha256": "0" * 64}
        assert near.refused("POST", "/datasets/x/references", 422, json=body)["code"] == code, reference
    body = {"reference": "https://data.example.org/a.csv", "sha256": "0" * 64}
    assert near.refused("POST", "/datasets/digits/references", 409, json=body)["code"] == "name_builtin"
    assert near.refused("POST", "/datasets/bad name/references", 422, json=body)["code"] == "bad_name"


def test_the_command_line_refers_too(near: Caller, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sha256 = _write(root / "told.csv", iris_csv())
    address = str(near.http.base_url).split("/api/")[0]
    words = ["--server", address, "dataset", "add", "--reference", str(root / "told.csv"), "--name", "told"]
    with pytest.raises(SystemExit) as end:
        main([*words, "--sha256", sha256])
    assert not end.value.code
    assert "told@1" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert "--sha256" in capsys.readouterr().err
