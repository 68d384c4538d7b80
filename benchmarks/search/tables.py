"""Files of tabulated tasks: a small compressed array a column, and the digest of the space that they belong to."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.search.spaces import Space
from models.files import write_atomically

FOLDER = Path(__file__).resolve().parents[1] / "data" / "search"
Column: TypeAlias = npt.NDArray[np.float32]


class TableError(ValueError):
    """A table is missing, unfinished, or of another space (`unusable_table`)."""

    code = "unusable_table"


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What was measured of each cell, (n_cells,) each; NaN where a cell was not evaluated yet.

    Attributes:
        loss: Of the validation part; what is searched for.
        test: Of the test part; no search sees it.
        seconds: CPU time of the training; the durations of simulated workers.
    """

    loss: Column
    test: Column
    seconds: Column

    @property
    def n_missing(self) -> int:
        """Count the cells that were not evaluated."""
        return int(np.isnan(self.loss).sum())


def empty_columns(space: Space) -> Columns:
    """Return columns with nothing evaluated."""
    loss, test, seconds = (np.full(len(space.cells), np.nan, np.float32) for _ in range(3))
    return Columns(loss, test, seconds)


def digest_of(space: Space) -> str:
    """Return a digest of axes and levels: the order of cells follows from them."""
    text = json.dumps([[axis.to_json(), axis.name, list(axis.levels)] for axis in space.axes], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def save_columns(name: str, space: Space, columns: Columns, folder: Path = FOLDER) -> None:
    """Write a table's file.

    Effects:
        Replaces the file as a whole, so that a tabulation that is stopped leaves the last whole one.
    """
    path = folder / f"{name}.npz"
    staging = path.with_suffix(".part.npz")
    np.savez_compressed(
        staging, loss=columns.loss, test=columns.test, seconds=columns.seconds, space=np.array(digest_of(space))
    )
    write_atomically(path, staging.read_bytes())
    staging.unlink()


def load_columns(name: str, space: Space, folder: Path = FOLDER) -> Columns:
    """Read a table's file; an unfinished one too.

    Raises:
        TableError: There is no file, or it belongs to another space.
    """
    path = folder / f"{name}.npz"
    if not path.exists():
        raise TableError(f"there is no table {name}: run `python -m benchmarks.search.tabulate {name}`")
    with np.load(path, allow_pickle=False) as file:
        if str(file["space"]) != digest_of(space):
            raise TableError(
                f"table {name} belongs to another space: remove the file, and run "
                f"`python -m benchmarks.search.tabulate {name}`"
            )
        return Columns(file["loss"], file["test"], file["seconds"])
