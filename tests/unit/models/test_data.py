"""Prepared data sets are what the catalogue says, however many prepare them and whatever befalls the file."""

import io
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from models.catalogue import DATASETS, CatalogueError, DatasetInfo
from models.data import prepare
from models.data.dataset import MEMBER_NAMES, Array, Dataset, DatasetError, build_dataset, digest, load_dataset
from models.data.prepare import prepare_dataset
from models.data.splits import split_rows


@pytest.mark.parametrize("info", DATASETS.values(), ids=lambda info: info.name)
def test_prepared_arrays_are_as_catalogued(info: DatasetInfo, cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset(info.name, cache_dir))
    assert dataset.sha256 == info.sha256
    assert (dataset.task, dataset.n_classes) == (info.task, info.n_classes)
    assert (dataset.kind, dataset.shape, dataset.is_chronological) == (info.kind, info.shape, info.is_chronological)
    assert info.n_rows == info.n_train + info.n_val + info.n_test
    assert dataset.n_outputs == (info.n_classes or 1)
    for part, n_rows in (("train", info.n_train), ("val", info.n_val), ("test", info.n_test)):
        x, y = getattr(dataset, f"x_{part}"), getattr(dataset, f"y_{part}")
        assert (x.shape, x.dtype) == ((n_rows, info.n_features), np.float32)
        steps = info.shape if info.task == "next_token" else ()
        assert (y.shape, y.dtype) == ((n_rows, *steps), np.float32 if info.task == "regression" else np.int64)


@pytest.mark.parametrize(
    "info", [info for info in DATASETS.values() if info.kind != "text"], ids=lambda info: info.name
)
def test_features_are_standardised_on_the_training_part_only(info: DatasetInfo, cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset(info.name, cache_dir))
    train, val = (_standardised_columns(part, dataset) for part in (dataset.x_train, dataset.x_val))
    assert np.allclose(train.mean(axis=0, dtype=np.float64), 0, atol=1e-5)
    deviation = train.std(axis=0, dtype=np.float64)
    assert np.all(np.isclose(deviation, 1, atol=1e-4) | (deviation == 0))
    assert not np.allclose(val.mean(axis=0, dtype=np.float64), 0, atol=1e-4)


def test_parts_of_a_data_set_share_no_row_and_each_class_its_share(cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset("digits", cache_dir))
    shares = [np.bincount(y) / len(y) for y in (dataset.y_train, dataset.y_val, dataset.y_test)]
    assert np.allclose(shares[0], shares[1], atol=0.01)
    assert np.allclose(shares[1], shares[2], atol=1e-9)
    rows = {part: {row.tobytes() for row in getattr(dataset, f"x_{part}")} for part in ("train", "val", "test")}
    assert not rows["train"] & rows["test"]
    assert not rows["train"] & rows["val"]


@given(arrays_of.arrays(np.int64, st.integers(1, 80), elements=st.integers(0, 3)), st.integers(0, 9))
def test_split_takes_each_row_once_and_repeats_itself(classes: Array, seed: int) -> None:
    parts = split_rows(classes, seed)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(classes)))
    assert all(np.array_equal(rows, split_rows(classes, seed)[part]) for part, rows in parts.items())
    for number in np.unique(classes):
        n_val, n_test = (int((classes[parts[part]] == number).sum()) for part in ("val", "test"))
        assert n_val == n_test == int((classes == number).sum()) // 5


def test_another_seed_is_another_split() -> None:
    classes = np.zeros(100, np.int64)
    assert not np.array_equal(split_rows(classes, 1)["test"], split_rows(classes, 2)["test"])


def test_digest_depends_on_names_types_shapes_and_bytes_but_not_on_layout() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    original = digest({"a": array})
    assert digest({"a": np.asfortranarray(array)}) == original
    assert digest({"a": array.astype(">f4")}) == original
    others: list[dict[str, Array]] = [{"b": array}, {"a": array.astype(np.float64)}, {"a": array.T}, {"a": array + 1}]
    assert original not in [digest(other) for other in others]


def test_sound_file_is_reused_without_asking_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = prepare_dataset("iris", tmp_path)
    written_at = path.stat().st_mtime_ns
    monkeypatch.setattr(prepare, "build", _must_not_be_called)
    assert prepare_dataset("iris", tmp_path) == path
    assert path.stat().st_mtime_ns == written_at


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "other", "text", "array"])
def test_damaged_file_is_refused_and_rebuilt(damage: str, tmp_path: Path) -> None:
    path = prepare_dataset("iris", tmp_path)
    content = path.read_bytes()
    other = prepare_dataset("wine", tmp_path).read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    single = io.BytesIO()
    np.save(single, np.zeros(3))
    damaged = {"empty": b"", "cut": content[:middle], "flipped": flipped, "other": other, "text": b"not an archive"}
    path.write_bytes({**damaged, "array": single.getvalue()}[damage])
    with pytest.raises(DatasetError) as refusal:
        load_dataset(path)
    assert refusal.value.code == "corrupt_dataset"
    assert prepare_dataset("iris", tmp_path) == path
    assert load_dataset(path).sha256 == DATASETS["iris"].sha256


def test_pickled_objects_are_refused(tmp_path: Path) -> None:
    path = tmp_path / f"{'0' * 64}.npz"
    np.savez(path, allow_pickle=True, **{name: np.array([{}]) for name in MEMBER_NAMES})
    with pytest.raises(DatasetError) as refusal:
        load_dataset(path)
    assert refusal.value.code == "corrupt_dataset"


def test_other_data_from_the_source_is_refused_and_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = prepare.build(DATASETS["iris"], tmp_path)
    changed = build_dataset(built.data_shape, {**built.members(), "x_test": built.x_test + 1})
    monkeypatch.setattr(prepare, "build", lambda *_: changed)
    with pytest.raises(DatasetError) as refusal:
        prepare_dataset("iris", tmp_path)
    assert refusal.value.code == "different_dataset"
    assert list(tmp_path.iterdir()) == []


def test_unknown_name_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as refusal:
        prepare_dataset("mnist", tmp_path)
    assert refusal.value.code == "unknown_dataset"
    with pytest.raises(FileNotFoundError):
        load_dataset(tmp_path / "absent.npz")


def test_many_may_prepare_at_once(tmp_path: Path) -> None:
    start = threading.Barrier(6)
    paths: list[Path] = []

    def prepare() -> None:
        start.wait()
        paths.append(prepare_dataset("iris", tmp_path))

    threads = [threading.Thread(target=prepare) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths) == 6
    assert list(tmp_path.iterdir()) == [paths[0]]
    assert load_dataset(paths[0]).sha256 == DATASETS["iris"].sha256


def _must_not_be_called(info: DatasetInfo, *_: object) -> None:
    raise AssertionError(f"{info.name} was built again")


def _standardised_columns(part: Array, dataset: Dataset) -> Array:
    """Return (numbers, columns): what shares a mean stands in one column, steps that only fill up left out."""
    if dataset.kind == "image":
        return part.reshape(-1, 1)
    if dataset.kind == "sequence":
        steps = part.reshape(-1, dataset.shape[1])
        return np.asarray(steps[(steps != 0).any(axis=1)])
    return part
