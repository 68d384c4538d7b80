"""Data sets in memory and in a content-addressed cache.

Preparing a data set (`prepare_dataset`) needs scikit-learn, which takes a second to import, so a worker does it once;
a trial's process only reads the finished file (`load_dataset`), which takes milliseconds.
"""

import hashlib
import io
import math
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.catalogue import DatasetInfo, Task, get_dataset
from models.files import write_atomically

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]

SPLIT_SEED = 20260101
"""Part of what a data set *is*: another seed would be another data set with another digest."""
SHARE_HELD_OUT = 5
"""One fifth of each class for validation, one fifth for the test, the rest for training."""


class DatasetError(RuntimeError):
    """A data set's arrays are not what their digest promises, or cannot be read.

    Attributes:
        code: `corrupt_dataset` (a damaged file) or `different_dataset` (the source gives other data than catalogued).
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set split in three, its features standardised with the mean and deviation of the training part.

    Targets are int64 class numbers, or float32 in their own unit for regression.

    Attributes:
        sha256: digest of all arrays below, see `digest`.
        x_train: (n, d) float32.
        y_train: (n,) int64 or float32.
        x_val: (n_val, d) float32.
        y_val: (n_val,)
        x_test: (n_test, d) float32; for the finished network only.
        y_test: (n_test,)
        feature_mean: (d,) float32, what was subtracted from raw features.
        feature_scale: (d,) float32, what they were then divided by; 1 for a constant feature.
        target_mean: () float32, mean of `y_train`; 0 for classification.
        target_scale: () float32, standard deviation of `y_train`; 1 for classification.
    """

    sha256: str
    x_train: Floats
    y_train: Array
    x_val: Floats
    y_val: Array
    x_test: Floats
    y_test: Array
    feature_mean: Floats
    feature_scale: Floats
    target_mean: Floats
    target_scale: Floats

    @property
    def task(self) -> Task:
        """Classification where targets are whole numbers."""
        return "classification" if self.y_train.dtype.kind == "i" else "regression"

    @property
    def n_classes(self) -> int | None:
        """Number of classes, or None for regression."""
        return int(self.y_train.max()) + 1 if self.task == "classification" else None

    @property
    def n_features(self) -> int:
        """Inputs of one example."""
        return int(self.x_train.shape[1])

    @property
    def n_outputs(self) -> int:
        """Outputs a network needs: one a class, or a single number."""
        return self.n_classes or 1


ARRAY_NAMES = tuple(field.name for field in fields(Dataset) if field.name != "sha256")


def digest(arrays: dict[str, Array]) -> str:
    """Hash arrays by content: names, types, shapes and little-endian bytes, in order of name.

    Returns:
        SHA-256, lower-case hexadecimal. The same on every machine, unlike the digest of a compressed file.
    """
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        total.update(f"{name} {little.dtype.str} {array.shape}\n".encode())
        total.update(little.tobytes())
    return total.hexdigest()


def prepare_dataset(name: str, cache_dir: Path) -> Path:
    """Make sure that a built-in data set lies in the cache.

    Several processes may prepare the same data set at once: each writes a file of its own and renames it into place.

    Args:
        name: a name in the catalogue.
        cache_dir: folder of prepared data sets; made where it is missing.

    Returns:
        The file, `<sha256>.npz`, for `load_dataset`.

    Raises:
        CatalogueError: `unknown_dataset`.
        DatasetError: `different_dataset`, when scikit-learn supplies other data than the catalogue describes.

    Effects:
        Writes the file unless a sound one is there; a damaged one is replaced.
    """
    info = get_dataset(name)
    path = cache_dir / f"{info.sha256}.npz"
    if _is_sound(path):
        return path
    arrays = build_arrays(info)
    found = digest(arrays)
    if found != info.sha256:
        raise DatasetError(
            "different_dataset",
            f"The data set {name} prepared here has the digest {found}; the catalogue says {info.sha256}. "
            "Install the version of scikit-learn that the lock file names.",
        )
    _write_npz(path, arrays)
    return path


def load_dataset(path: Path) -> Dataset:
    """Read a prepared data set and hold its content against the digest in its file name.

    Raises:
        DatasetError: `corrupt_dataset`, when the file is unreadable or holds other arrays than its name says.
        FileNotFoundError: there is no such file.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in ARRAY_NAMES}
            extra = set(archive.files) - set(ARRAY_NAMES)
    except FileNotFoundError:
        raise
    except (ValueError, TypeError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DatasetError("corrupt_dataset", f"{path} cannot be read as a prepared data set: {error}") from error
    found = digest(arrays)
    if extra or found != path.stem:
        raise DatasetError("corrupt_dataset", f"{path} holds arrays with the digest {found}, not what its name says.")
    return Dataset(sha256=found, **arrays)


def build_arrays(info: DatasetInfo) -> dict[str, Array]:
    """Fetch a built-in data set from scikit-learn, split and standardise it.

    Returns:
        The arrays of `Dataset` by name.
    """
    features, targets = _fetch(info.name)
    parts = split_rows(targets if info.task == "classification" else np.zeros(len(targets), np.int64), SPLIT_SEED)
    mean, scale = column_statistics(features[parts["train"]])
    standard = ((features - mean) / scale).astype(np.float32)
    wanted = np.int64 if info.task == "classification" else np.float32
    arrays: dict[str, Array] = {}
    for part, rows in parts.items():
        arrays[f"x_{part}"] = standard[rows]
        arrays[f"y_{part}"] = targets[rows].astype(wanted)
    target_mean, target_scale = np.zeros(1), np.ones(1)
    if info.task == "regression":
        target_mean, target_scale = column_statistics(targets[parts["train"], None].astype(np.float64))
    arrays |= {"feature_mean": mean.astype(np.float32), "feature_scale": scale.astype(np.float32)}
    arrays |= {
        "target_mean": target_mean[0].astype(np.float32).reshape(()),
        "target_scale": target_scale[0].astype(np.float32).reshape(()),
    }
    return arrays


def split_rows(classes: npt.NDArray[np.int64], seed: int) -> dict[str, npt.NDArray[np.int64]]:
    """Split rows 60/20/20 within each class, in an order that depends on nothing but the seed.

    Rows are ordered by a hash rather than by a library's generator, whose streams may change between releases.

    Args:
        classes: (n,) class of each row; all equal for an unstratified split.
        seed: which of the possible splits.

    Returns:
        Row numbers, shuffled, under `train`, `val` and `test`; together each row once.
    """
    ranks = [hashlib.sha256(f"{seed}:{row}".encode()).digest() for row in range(len(classes))]
    shuffled = sorted(range(len(classes)), key=ranks.__getitem__)
    members: dict[int, list[int]] = {}
    for row in shuffled:
        members.setdefault(int(classes[row]), []).append(row)
    part_of: dict[int, str] = {}
    for rows in members.values():
        n_held_out = len(rows) // SHARE_HELD_OUT
        for place, row in enumerate(rows):
            part_of[row] = "val" if place < n_held_out else "test" if place < 2 * n_held_out else "train"
    return {
        part: np.array([row for row in shuffled if part_of[row] == part], np.int64) for part in ("train", "val", "test")
    }


def column_statistics(rows: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return each column's mean and standard deviation, the latter 1 where a column is constant.

    The sums are exact (`math.fsum`), so that the digest cannot depend on how a machine orders its additions.

    Args:
        rows: (n, d)

    Returns:
        Mean (d,) and scale (d,), float64.
    """
    n_rows = len(rows)
    mean = np.array([math.fsum(column) / n_rows for column in rows.T])
    squares = (rows - mean) ** 2
    deviation = np.array([math.sqrt(math.fsum(column) / n_rows) for column in squares.T])
    return mean, np.where(deviation > 0, deviation, 1.0)


def _fetch(name: str) -> tuple[npt.NDArray[np.float64], Array]:
    from sklearn import datasets  # a second of import that only preparing pays

    loaders: dict[str, Callable[[], Any]] = {
        "digits": datasets.load_digits,
        "breast_cancer": datasets.load_breast_cancer,
        "wine": datasets.load_wine,
        "iris": datasets.load_iris,
        "diabetes": lambda: datasets.load_diabetes(scaled=False),
    }
    bunch = loaders[name]()
    return np.asarray(bunch.data, np.float64), np.asarray(bunch.target)


def _is_sound(path: Path) -> bool:
    try:
        load_dataset(path)
    except (FileNotFoundError, DatasetError):
        return False
    return True


def _write_npz(path: Path, arrays: dict[str, Array]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())
