"""Prepare data that does not fit in memory, chunk by chunk."""

import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.catalogue import DataShape
from models.data.digests import Array
from models.data.errors import DatasetError
from models.data.layout import PART_NAMES, check_rows, layout_members
from models.data.npy import GrowingArray
from models.data.scaling import Flags, RunningStatistics, Scaling, columns_of, standardise
from models.data.shards import publish_folder, save_member


class Chunk(NamedTuple):
    """Some examples in the order of their part, in the unit of their source.

    Attributes:
        features: (n, d) flat, whatever the kind.
        targets: (n,), or (n, steps) tokens.
        is_real: (n, steps): False for steps in front that only fill up; None where all are real.
    """

    features: Array
    targets: Array
    is_real: Flags | None = None


ReadPart = Callable[[str], Iterable[Chunk]]
"""Reads `train`, `val` or `test` from its beginning, each time it is called."""


def write_shards(cache_dir: Path, shape: DataShape, read_part: ReadPart, is_chronological: bool = False) -> Path:
    """Standardise data of any size and write it as a folder that `load_dataset` maps.

    The training part is read twice: once for its means and deviations, once to be written. No more than a chunk is
    held in memory.

    Args:
        cache_dir: folder of prepared data sets; made where it is missing.
        shape: what one example is and what is predicted from it.
        read_part: gives the examples.
        is_chronological: whether the rows follow each other in time.

    Returns:
        The folder, `<sha256>`.

    Raises:
        DatasetError: `inconsistent_dataset`, for rows that are not of the shape, or a part without any.

    Effects:
        Writes the folder, under another name until it is complete; nothing stays of one that is not.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".shards-", dir=cache_dir))
    try:
        scaling = _measure(shape, read_part("train"))
        for part in PART_NAMES:
            _write_part(temporary, part, shape, scaling, read_part(part))
        for name, array in {**scaling.members(), **layout_members(shape, is_chronological)}.items():
            save_member(temporary, name, array)
        return publish_folder(temporary, cache_dir)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _measure(shape: DataShape, chunks: Iterable[Chunk]) -> Scaling:
    features, targets = RunningStatistics(), RunningStatistics()
    for chunk in chunks:
        check_rows(shape, chunk.features, chunk.targets)
        if shape.kind != "text":
            features.add(columns_of(np.asarray(chunk.features, np.float64), shape, chunk.is_real))
        if shape.task == "regression":
            targets.add(np.asarray(chunk.targets, np.float64)[:, None])
    return Scaling.spread(shape, features.result(), targets.result())


def _write_part(folder: Path, part: str, shape: DataShape, scaling: Scaling, chunks: Iterable[Chunk]) -> None:
    target_shape = shape.shape if shape.task == "next_token" else ()
    target_type = np.float32 if shape.task == "regression" else np.int64
    with (
        GrowingArray(folder / f"x_{part}.npy", np.float32, (shape.n_inputs,)) as x,
        GrowingArray(folder / f"y_{part}.npy", target_type, target_shape) as y,
    ):
        for chunk in chunks:
            check_rows(shape, chunk.features, chunk.targets)
            x.append(standardise(chunk.features, shape, scaling, chunk.is_real))
            y.append(chunk.targets)
    if x.n_rows == 0:
        raise DatasetError("inconsistent_dataset", f"The part {part} has no rows; each part needs one at least.")
