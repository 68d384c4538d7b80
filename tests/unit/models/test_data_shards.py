"""Data in folders: written chunk by chunk, mapped instead of read, verified once, whole or not there at all."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import __main__ as cli
from models.catalogue import DATASETS, DataShape
from models.data import shards
from models.data.dataset import Array, Dataset, DatasetError, build_dataset, digest, load_dataset
from models.data.layout import PART_NAMES
from models.data.npy import GrowingArray
from models.data.prepare import prepare_dataset
from models.data.scaling import RunningStatistics, column_statistics, fit_scaling, standardise
from models.data.streaming import Chunk, ReadPart, write_shards

TABLE = DataShape("regression", "table", (3,), 1)

EPOCH_WITHIN = """
import resource, sys
from pathlib import Path
import numpy as np
from models.data.dataset import load_dataset

def used_bytes():
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData")]
    return int(line.split()[1]) * 1024

limit = used_bytes() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
dataset = load_dataset(Path(sys.argv[1]))
order = np.random.default_rng(0).permutation(len(dataset.x_train))
total = sum(float(dataset.x_train[rows].sum(dtype=np.float64)) for rows in np.array_split(order, 256))
try:
    np.array(dataset.x_train)
    whole = "fits"
except MemoryError:
    whole = "too large"
print(dataset.x_train.nbytes, round(total), whole)
"""


def chunks_of(dataset: dict[str, Chunk], n_rows: int) -> ReadPart:
    """Return a reader that gives the parts in chunks of so many rows."""

    def read_part(part: str) -> Iterator[Chunk]:
        features, targets, is_real = dataset[part]
        for start in range(0, len(features), n_rows):
            rows = slice(start, start + n_rows)
            yield Chunk(features[rows], targets[rows], None if is_real is None else is_real[rows])

    return read_part


def make_parts(shape: DataShape, sizes: tuple[int, int, int] = (50, 11, 12)) -> dict[str, Chunk]:
    """Draw raw examples of a shape."""
    rng = np.random.default_rng(5)
    parts: dict[str, Chunk] = {}
    for part, n_rows in zip(PART_NAMES, sizes, strict=True):
        features: Array = rng.normal(40, 7, (n_rows, shape.n_inputs))
        target_shape = (n_rows, *shape.shape) if shape.task == "next_token" else (n_rows,)
        targets: Array = rng.integers(0, shape.n_outputs, target_shape)
        if shape.task == "regression":
            targets = features.sum(axis=1)
        if shape.kind == "text":
            features = rng.integers(0, shape.n_outputs, features.shape)
        is_real = None
        if shape.kind == "sequence":
            is_real = np.arange(shape.shape[0]) >= rng.integers(0, shape.shape[0], n_rows)[:, None]
        parts[part] = Chunk(features, targets, is_real)
    return parts


@pytest.mark.parametrize("name", ["wine", "diabetes", "descriptions"])
def test_folder_holds_the_same_data_set_as_the_file(name: str, tmp_path: Path) -> None:
    read = load_dataset(prepare_dataset(name, tmp_path))
    path = prepare_dataset(name, tmp_path, is_mapped=True)
    assert path == tmp_path / DATASETS[name].sha256
    mapped = load_dataset(path)
    assert (mapped.sha256, mapped.data_shape) == (read.sha256, read.data_shape)
    assert mapped.is_chronological == read.is_chronological
    assert all(np.array_equal(member, mapped.members()[name]) for name, member in read.members().items())
    for part in PART_NAMES:
        assert isinstance(getattr(mapped, f"x_{part}"), np.memmap)
        assert not isinstance(getattr(read, f"x_{part}"), np.memmap)
        assert isinstance(getattr(mapped, f"y_{part}"), np.memmap) == (mapped.task == "next_token")


@pytest.mark.parametrize(
    "shape",
    [
        TABLE,
        DataShape("classification", "image", (2, 3, 3), 4),
        DataShape("classification", "sequence", (5, 2), 3),
        DataShape("next_token", "text", (6,), 9),
    ],
    ids=lambda shape: shape.kind,
)
@pytest.mark.parametrize("n_rows", [1, 7, 1000])
def test_streamed_data_is_standardised_like_data_in_memory(shape: DataShape, n_rows: int, tmp_path: Path) -> None:
    parts = make_parts(shape)
    dataset = load_dataset(write_shards(tmp_path, shape, chunks_of(parts, n_rows)))
    scaling = fit_scaling(*parts["train"][:2], shape, parts["train"].is_real)
    for part, raw in parts.items():
        expected = standardise(raw.features, shape, scaling, raw.is_real)
        np.testing.assert_allclose(getattr(dataset, f"x_{part}"), expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(getattr(dataset, f"y_{part}"), raw.targets, rtol=1e-6)
    np.testing.assert_allclose(dataset.target_mean, scaling.target_mean[0], rtol=1e-6)
    np.testing.assert_allclose(dataset.target_scale, scaling.target_scale[0], rtol=1e-6)
    assert build_dataset(shape, dataset.members()).sha256 == dataset.sha256


def test_epoch_is_verified_and_gathered_in_a_fraction_of_the_memory_that_the_data_would_need(tmp_path: Path) -> None:
    shape, n_chunks = DataShape("classification", "table", (512,), 4), 24
    chunk = Chunk(np.random.default_rng(1).normal(size=(2048, 512)), np.arange(2048) % 4)

    def read_part(part: str) -> Iterator[Chunk]:
        for number in range(n_chunks if part == "train" else 1):
            yield Chunk(chunk.features + number, chunk.targets)

    folder = write_shards(tmp_path, shape, read_part)
    folder.with_name(f"{folder.name}.verified.json").unlink()  # so that the content is hashed within the limit too
    program = [sys.executable, "-c", EPOCH_WITHIN, str(folder), str(24 << 20)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    n_bytes, total, whole = done.stdout.split(maxsplit=2)
    assert int(n_bytes) == n_chunks * 2048 * 512 * 4 > 3 * (24 << 20)
    assert abs(int(total)) <= 5  # standardised features sum to nothing
    assert whole.strip() == "too large"


def test_content_is_hashed_once_and_again_when_a_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_shards(tmp_path, TABLE, chunks_of(make_parts(TABLE), 20))
    stamp = tmp_path / f"{folder.name}.verified.json"
    stamp.unlink()
    hashed: list[str] = []

    def record(members: dict[str, Array]) -> str:
        hashed.append(digest(members))
        return hashed[-1]

    monkeypatch.setattr(shards, "digest", record)
    load_dataset(folder)
    assert (len(hashed), stamp.is_file()) == (1, True)
    load_dataset(folder)
    assert len(hashed) == 1
    _flip_last_byte(folder / "x_train.npy")
    with pytest.raises(DatasetError) as refusal:
        load_dataset(folder)
    assert refusal.value.code == "corrupt_dataset"
    assert len(hashed) == 2
    _flip_last_byte(folder / "x_train.npy")
    load_dataset(folder)
    assert len(hashed) == 3


def _flip_last_byte(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


@pytest.mark.parametrize("damage", [_flip_last_byte, _cut, Path.unlink, lambda path: path.with_suffix(".tmp").touch()])
def test_damaged_folder_is_refused_and_rebuilt(damage: Callable[[Path], None], tmp_path: Path) -> None:
    folder = prepare_dataset("iris", tmp_path, is_mapped=True)
    damage(folder / "x_val.npy")
    with pytest.raises(DatasetError) as refusal:
        load_dataset(folder)
    assert refusal.value.code == "corrupt_dataset"
    assert prepare_dataset("iris", tmp_path, is_mapped=True) == folder
    assert load_dataset(folder).sha256 == DATASETS["iris"].sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, f"{folder.name}.verified.json"]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (Chunk(np.zeros((4, 2)), np.zeros(4)), "(4, 3) and (4,)"),
        (Chunk(np.zeros((4, 3)), np.zeros(5)), "(4, 3) and (4,)"),
        (Chunk(np.array([[0, 0, 0], [0, np.nan, 0]]), np.zeros(2)), "row 1 of 2"),
        (Chunk(np.zeros((3, 3)), np.array([0, 0, np.inf])), "row 2 of 3"),
        (Chunk(np.zeros((0, 3)), np.zeros(0)), "The part val has no rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused_and_nothing_stays(wrong: Chunk, rule: str, tmp_path: Path) -> None:
    parts = make_parts(TABLE)
    with pytest.raises(DatasetError) as refusal:
        write_shards(tmp_path, TABLE, chunks_of(parts | {"val": wrong}, 1000))
    assert refusal.value.code == "inconsistent_dataset"
    assert rule in str(refusal.value)
    assert list(tmp_path.iterdir()) == []
    assert load_dataset(write_shards(tmp_path, TABLE, chunks_of(parts, 1000))).n_features == 3


@pytest.mark.parametrize(
    ("targets", "rule"), [(np.array([0, 4]), "numbered 0 to 3"), (np.array([0.0, 1.0]), "whole numbers")]
)
def test_classes_that_do_not_fit_are_refused(targets: Array, rule: str, tmp_path: Path) -> None:
    shape = DataShape("classification", "table", (3,), 4)
    parts = {part: Chunk(np.zeros((2, 3)), np.array([0, 3])) for part in PART_NAMES}
    with pytest.raises(DatasetError) as refusal:
        write_shards(tmp_path, shape, chunks_of(parts | {"test": Chunk(np.zeros((2, 3)), targets)}, 10))
    assert refusal.value.code == "inconsistent_dataset"
    assert rule in str(refusal.value)
    assert load_dataset(write_shards(tmp_path, shape, chunks_of(parts, 10))).n_outputs == 4


def test_source_that_fails_midway_leaves_nothing(tmp_path: Path) -> None:
    parts = make_parts(TABLE)

    def read_part(part: str) -> Iterator[Chunk]:
        yield parts[part]
        if part == "test":
            raise OSError("the disk of the source is gone")

    with pytest.raises(OSError, match="is gone"):
        write_shards(tmp_path, TABLE, read_part)
    assert list(tmp_path.iterdir()) == []


def test_many_may_write_the_same_folder_at_once(tmp_path: Path) -> None:
    start, folders = threading.Barrier(4), list[Path]()
    read_part = chunks_of(make_parts(TABLE), 9)

    def write() -> None:
        start.wait()
        folders.append(write_shards(tmp_path, TABLE, read_part))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folders) == 4
    assert len(set(folders)) == 1
    dataset: Dataset = load_dataset(folders[0])
    assert dataset.sha256 == folders[0].name
    assert len(list(tmp_path.iterdir())) == 2


@given(st.lists(st.integers(0, 40), max_size=5), st.sampled_from([(), (3,), (2, 2)]), st.sampled_from(["f4", "i8"]))
def test_growing_array_is_an_ordinary_file(sizes: list[int], row_shape: tuple[int, ...], dtype: str) -> None:
    rng = np.random.default_rng(0)
    chunks = [rng.integers(0, 99, (size, *row_shape)).astype(dtype) for size in sizes]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.npy"
        with GrowingArray(path, dtype, row_shape) as array:
            for chunk in chunks:
                array.append(chunk)
        found = np.load(path)
    expected = np.concatenate([np.zeros((0, *row_shape), dtype), *chunks])
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    assert np.array_equal(found, expected)


@given(st.lists(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 2), max_size=20), min_size=1, max_size=6))
def test_running_statistics_are_those_of_all_rows(chunks: list[list[tuple[float, float]]]) -> None:
    running = RunningStatistics()
    for chunk in chunks:
        running.add(np.array(chunk, np.float64).reshape(-1, 2))
    rows = np.array([row for chunk in chunks for row in chunk], np.float64).reshape(-1, 2)
    mean, scale = running.result()
    if len(rows) == 0:
        assert (mean.tolist(), scale.tolist()) == ([0], [1])
        return
    expected_mean, expected_scale = column_statistics(rows)
    np.testing.assert_allclose(mean, expected_mean, rtol=1e-9, atol=1e-6)
    spread = np.ptp(rows, axis=0) > 1e-3 * (1 + np.abs(rows).max(axis=0))  # a constant column's deviation is rounding
    np.testing.assert_allclose(scale[spread], expected_scale[spread], rtol=1e-6)


def test_command_line_prepares_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prepare", "iris", "--cache-dir", str(tmp_path), "--mapped"]) == 0
    assert str(tmp_path / DATASETS["iris"].sha256) in capsys.readouterr().out
    assert isinstance(load_dataset(tmp_path / DATASETS["iris"].sha256).x_train, np.memmap)
