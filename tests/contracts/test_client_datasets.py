"""The SDK and the command line bring data sets to the real server, over a real socket."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tunewell import Client, Conflict, Invalid, NotFound
from tunewell._transport import Transport
from tunewell.cli import main
from tunewell.errors import Problem, ServerUnreachable

from models.catalogue import DATASETS
from tests.servers.api import a_study, serving, settings_for
from tests.servers.datasets import a_table, iris_csv

PIECE_BYTES = 1000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an API that takes small pieces."""
    with serving(settings_for(tmp_path_factory.mktemp("api"), dataset_chunk_bytes=PIECE_BYTES)) as served:
        yield served.address


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


@pytest.fixture
def flowers(tmp_path: Path) -> Path:
    path = tmp_path / "flowers.csv"
    path.write_bytes(iris_csv())
    return path


def test_a_file_is_brought_read_again_and_deleted(client: Client, flowers: Path) -> None:
    told: list[tuple[int, int]] = []
    version = client.add_dataset(flowers, "flowers", tell=lambda n, of: told.append((n, of)))
    assert (version.state, version.sha256) == ("ready", DATASETS["iris"].sha256)
    n_bytes = flowers.stat().st_size
    assert told == [(n, n_bytes) for n in range(0, n_bytes, PIECE_BYTES)] + [(n_bytes, n_bytes)]
    detail = client.get_dataset("flowers")
    assert [one.name for one in detail.classes] == ["setosa", "versicolor", "virginica"]
    assert (detail.columns[0].name, detail.columns[0].type, detail.source) == ("sepal length", "number", "upload")
    again = client.read_dataset_again("flowers", 1, {"target": "sepal length"})
    assert client.wait_for_dataset("flowers", again.version).state == "ready"
    study = client.create_study(a_study("blooms", dataset="flowers@1"))
    assert study.spec.dataset == "flowers@1"
    with pytest.raises(Conflict, match="blooms"):
        client.delete_dataset("flowers")
    client.stop_study("blooms")
    client.delete_dataset("flowers")
    with pytest.raises(NotFound):
        client.get_dataset("flowers")
    assert "flowers" not in [one.name for one in client.list_datasets()]


def test_a_connection_that_breaks_is_taken_up_where_it_broke(
    client: Client, flowers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send, broken = client._transport.patch, [2, 4]
    offsets: list[str] = []

    def patch(path: str, content: bytes, *, headers: dict[str, str]) -> object:
        offsets.append(headers["Upload-Offset"])
        if len(offsets) in broken:
            if len(offsets) == 4:
                send(path, content, headers=headers)  # it came, but its answer was lost
            raise ServerUnreachable(Problem("unreachable", "the line is cut"))
        return send(path, content, headers=headers)

    monkeypatch.setattr(client._transport, "patch", patch)
    assert client.add_dataset(flowers, "broken").state == "ready"
    assert offsets[:6] == ["0", "1000", "1000", "2000", "2000", "3000"]
    client.delete_dataset("broken")


def test_what_cannot_be_sent_is_refused_here(client: Client, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no file with content"):
        client.add_dataset(tmp_path / "nothing.csv", "nothing")
    (tmp_path / "one.csv").write_bytes(a_table())
    with pytest.raises(Conflict, match="built in"):
        client.add_dataset(tmp_path / "one.csv", "digits")
    assert client.add_dataset(tmp_path / "one.csv", "one").state == "ready"


def run(address: str, *arguments: str) -> int:
    """Run the command line, and return its exit code."""
    with pytest.raises(SystemExit) as end:
        main(["--server", address, *arguments])
    return int(end.value.code or 0)


def test_the_command_line_brings_shows_and_deletes(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "table.csv"
    path.write_bytes(a_table())
    assert run(address, "dataset", "add", str(path), "--name", "table", "--test", "0.3", "--ignore", "colour") == 0
    out = capsys.readouterr().out
    assert "classification, of 2 classes" in out
    assert ["colour", "category", "ignored", "3"] in [line.split() for line in out.splitlines()]
    assert list((tmp_path / "cache" / "tunewell" / "uploads").iterdir()) == []
    assert run(address, "dataset", "show", "table", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["n_test"], shown["versions"][0]["options"]["test_fraction"]) == (35, 0.3)
    assert run(address, "dataset", "list") == 0
    assert "table" in capsys.readouterr().out
    assert run(address, "dataset", "show", "digits") == 0
    assert "image 1x8x8" in capsys.readouterr().out
    path.write_text("a,b\n1,2,3\n")
    assert run(address, "dataset", "add", str(path), "--name", "table") == 1
    assert "line 2 has 3 cells" in capsys.readouterr().err
    assert run(address, "dataset", "rm", "table") == 0
    assert run(address, "dataset", "show", "table") == 1


def test_a_folder_of_pictures_is_packed_the_same_way_each_time(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    draw, pets = np.random.default_rng(0), tmp_path / "pets"
    for place in range(20):
        folder = pets / "cd"[place % 2]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 255, (5 + place % 3, 6), dtype=np.uint8)).save(folder / f"{place}.png")
    (pets / ".hidden").write_text("not sent")
    command = ("dataset", "add", str(pets), "--name", "pets", "--json")
    assert run(address, *command) == 1
    assert "must be of one size" in capsys.readouterr().err
    assert [run(address, *command, "--image-size", "4x8") for _ in range(2)] == [0, 0]
    assert run(address, "dataset", "show", "pets") == 0
    out = capsys.readouterr().out
    assert "image 1x4x8" in out
    assert "pets@2" in out, "the same folder again is the same version"
    assert run(address, *command, "--image-size", "4") == 2


def test_a_command_that_was_broken_off_goes_on(
    address: str,
    client: Client,
    flowers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    send = Transport.patch
    sent: list[int] = []

    def cut(self: Transport, path: str, content: bytes, *, headers: Mapping[str, str]) -> Any:
        if len(sent) == 2:
            sent.append(-1)
            raise KeyboardInterrupt
        sent.append(int(headers["Upload-Offset"]))
        return send(self, path, content, headers=headers)

    monkeypatch.setattr(Transport, "patch", cut)
    assert run(address, "dataset", "add", str(flowers), "--name", "cut") == 130
    (memory,) = (tmp_path / "cache" / "tunewell" / "uploads").iterdir()
    assert client.get_upload(memory.read_text()).offset == 2 * PIECE_BYTES
    assert run(address, "dataset", "add", str(flowers), "--name", "cut") == 0
    assert sent[:4] == [0, PIECE_BYTES, -1, 2 * PIECE_BYTES]
    capsys.readouterr()
