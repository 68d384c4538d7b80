"""A data set in memory, and the file it is read from; `models.data.prepare` makes the file."""

import hashlib
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.catalogue import Task

Floats = npt.NDArray[np.float32]
Array = npt.NDArray[Any]


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
