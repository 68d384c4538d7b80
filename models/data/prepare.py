"""Make the files of built-in data sets, in a content-addressed cache.

This needs scikit-learn, which takes a second to import, so a worker does it once; a trial's process only reads the
finished file (`models.data.dataset.load_dataset`), which takes milliseconds.
"""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.catalogue import DatasetInfo, get_dataset
from models.data.dataset import Array, DatasetError, digest, load_dataset
from models.data.splits import SPLIT_SEED, split_rows
from models.files import write_atomically


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
