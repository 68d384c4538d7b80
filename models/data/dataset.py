"""A data set in memory, and the file it is read from; `models.data.prepare` makes the file."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.catalogue import DataShape, Task
from models.catalogue.entries import DataKind
from models.data.digests import Array, digest
from models.data.errors import DatasetError
from models.data.layout import ARRAY_NAMES, MEMBER_NAMES, PART_NAMES, check_rows, layout_members, read_layout
from models.data.shards import open_folder

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """A data set split in three, its features standardised with the mean and deviation of the training part.

    Rows are flat whatever the kind; `data_shape` says how to view one. Tables are standardised column by column; images
    with one mean and deviation for all pixels, because a deviation of its own would blow up the almost empty border;
    sequences feature by feature over the real steps of all training examples, after which missing steps in front are
    0; tokens of a text are left as they are.

    Of data too large for memory, features and tokens are `np.memmap`, read-only: index them with the rows of a batch.

    Attributes:
        sha256: digest of all below, see `digest`.
        data_shape: what one example is and what is predicted from it.
        is_chronological: whether the rows follow each other in time: validation comes after training, the test last.
        x_train: (n, d) float32, d being the product of the shape.
        y_train: (n,) int64 class numbers, (n,) float32 in the target's own unit, or (n, steps) int64 next tokens.
        x_val: (n_val, d) float32.
        y_val: (n_val,) or (n_val, steps)
        x_test: (n_test, d) float32; for the finished network only.
        y_test: (n_test,) or (n_test, steps)
        feature_mean: (d,) float32, what was subtracted from raw features.
        feature_scale: (d,) float32, what they were then divided by; 1 for a constant feature.
        target_mean: () float32, mean of `y_train`; 0 unless regression.
        target_scale: () float32, standard deviation of `y_train`; 1 unless regression.
    """

    sha256: str
    data_shape: DataShape
    is_chronological: bool
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
        """What is predicted."""
        return self.data_shape.task

    @property
    def kind(self) -> DataKind:
        """What the features of one example are."""
        return self.data_shape.kind

    @property
    def shape(self) -> tuple[int, ...]:
        """How one example is arranged: (features,), (channels, height, width), (steps, features) or (steps,) tokens."""
        return self.data_shape.shape

    @property
    def n_outputs(self) -> int:
        """Outputs a network needs (at each step, for `next_token`): one a class or token, or a single number."""
        return self.data_shape.n_outputs

    @property
    def n_classes(self) -> int | None:
        """Number of classes or tokens, or None for regression."""
        return None if self.task == "regression" else self.n_outputs

    @property
    def n_features(self) -> int:
        """Numbers in one example."""
        return self.data_shape.n_inputs

    def members(self) -> dict[str, Array]:
        """Return what the data set's file holds: the arrays above, and what describes them, by `MEMBER_NAMES`."""
        arrays = {name: getattr(self, name) for name in ARRAY_NAMES}
        return arrays | layout_members(self.data_shape, self.is_chronological)


def build_dataset(shape: DataShape, arrays: Mapping[str, Array], is_chronological: bool = False) -> Dataset:
    """Make a data set of arrays in memory.

    Args:
        shape: what one example is and what is predicted from it.
        arrays: one for each of `ARRAY_NAMES`, as `Dataset` describes them.
        is_chronological: whether the rows follow each other in time.

    Raises:
        DatasetError: `inconsistent_dataset`, when features or targets are not of the shape.
    """
    for part in PART_NAMES:
        check_rows(shape, arrays[f"x_{part}"], arrays[f"y_{part}"])
    chosen = {name: arrays[name] for name in ARRAY_NAMES}
    found = digest(chosen | layout_members(shape, is_chronological))
    return Dataset(sha256=found, data_shape=shape, is_chronological=is_chronological, **chosen)


def load_dataset(path: Path) -> Dataset:
    """Read a prepared data set and hold its content against the digest in its name.

    Args:
        path: a file `<sha256>.npz`, read into memory; or a folder `<sha256>`, whose features are mapped and not read.

    Raises:
        DatasetError: `corrupt_dataset`, when it is unreadable or holds other arrays than its name says.
        FileNotFoundError: there is neither file nor folder of that name.

    Effects:
        Beside a folder, the stamp that `open_folder` writes.
    """
    try:
        if path.is_dir():
            return _from_members(path.name, open_folder(path))
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            members = {name: archive[name] for name in archive.files}
        found = digest(members)
        if found != path.stem:
            raise DatasetError("corrupt_dataset", f"{path} holds data with the digest {found}, not that of its name.")
        return _from_members(found, members)
    except FileNotFoundError:
        raise
    except (ValueError, TypeError, KeyError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise DatasetError("corrupt_dataset", f"{path} cannot be read as a prepared data set: {error}") from error


def _from_members(sha256: str, members: Mapping[str, Array]) -> Dataset:
    shape, is_chronological = read_layout(members)
    arrays = {name: members[name] for name in ARRAY_NAMES}
    return Dataset(sha256=sha256, data_shape=shape, is_chronological=is_chronological, **arrays)


__all__ = [
    "ARRAY_NAMES",
    "MEMBER_NAMES",
    "PART_NAMES",
    "Array",
    "Dataset",
    "DatasetError",
    "Floats",
    "build_dataset",
    "digest",
    "load_dataset",
]
