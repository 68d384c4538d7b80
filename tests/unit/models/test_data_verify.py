"""Prepared data sets hashed anew, whatever their stamps say."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from models import __main__ as cli
from models.data.dataset import load_dataset
from models.data.prepare import prepare_dataset


def test_damage_behind_a_stamp_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = prepare_dataset("iris_two", tmp_path)
    folder = prepare_dataset("iris_two", tmp_path, is_mapped=True)
    (tmp_path / "notes.txt").touch()
    assert cli.main(["verify", "--cache-dir", str(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out) == {"sound": sorted([file.name, folder.name]), "damaged": {}}

    member = folder / "x_train.npy"
    before = member.stat()
    content = bytearray(member.read_bytes())
    content[-1] ^= 1
    member.write_bytes(content)
    os.utime(member, ns=(before.st_atime_ns, before.st_mtime_ns))
    load_dataset(folder)  # which trusts the stamp: neither size nor time has changed
    file.write_bytes(file.read_bytes()[:-100])
    assert cli.main(["verify", "--cache-dir", str(tmp_path)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["sound"], set(found["damaged"])) == ([], {file.name, folder.name})
    assert found["damaged"][folder.name].startswith("it holds data with the digest ")
