"""Which rows train, which validate and which are kept for the test, of data that somebody brought."""

import numpy as np
import numpy.typing as npt

from models.data.layout import PART_NAMES
from models.data.splits import split_rows
from models.data.uploads.frames import Column, NameColumn
from models.data.uploads.options import Options, Unreadable

Rows = npt.NDArray[np.int64]
Parts = dict[str, Rows]
PART_OF = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}


def split_source(classes: Rows, options: Options, column: Column | None) -> Parts:
    """Part rows in three, as the options say.

    Args:
        classes: (n,) class of each row, whose shares the parts keep; all equal for a regression.
        options: shares, seed and order.
        column: the one that says train, val or test of each row, or None.

    Returns:
        Row numbers by part.

    Raises:
        Unreadable: `unknown_part` or `empty_part`.
    """
    if column is not None:
        parts = _by_column(column)
        if len(parts["val"]) == 0:
            parts = complete_parts(parts, classes, options)
    elif options.is_chronological:
        parts = _by_time(len(classes), options)
    else:
        shares = {"val": options.val_fraction, "test": options.test_fraction}
        parts = split_rows(classes, options.seed, shares=shares)
    for part in PART_NAMES:
        if len(parts[part]) == 0:
            raise Unreadable(
                "empty_part",
                f"no row of {len(classes)} is left for the part {part!r}: with these shares each class needs "
                f"{_rows_needed(options)} rows or more, and one class must have them",
                "split_column" if column is not None else f"{part}_fraction" if part != "train" else "val_fraction",
            )
    return parts


def complete_parts(parts: Parts, classes: Rows, options: Options) -> Parts:
    """Take a validation part from the training part of data that comes with a test part alone.

    Args:
        parts: `train` and `test`.
        classes: (n,) of all rows.
        options: the share of all rows but those of the test that validate, and the seed.
    """
    train = parts["train"]
    inner = split_rows(classes[train], options.seed, shares={"val": options.val_fraction})
    return {"train": train[inner["train"]], "val": train[inner["val"]], "test": parts["test"]}


def _by_time(n_rows: int, options: Options) -> Parts:
    n_test, n_val = int(n_rows * options.test_fraction + 1e-9), int(n_rows * options.val_fraction + 1e-9)
    rows = np.arange(n_rows)
    n_train = n_rows - n_test - n_val
    return {"train": rows[:n_train], "val": rows[n_train : n_train + n_val], "test": rows[n_train + n_val :]}


def _by_column(column: Column) -> Parts:
    if not isinstance(column, NameColumn):
        raise Unreadable("unknown_part", f"the column {column.name!r} holds numbers: needed are train, val and test")
    places = {code: PART_OF.get(level.strip().lower()) for code, level in enumerate(column.levels)}
    unknown = [column.levels[code] for code, part in places.items() if part is None]
    if unknown or column.is_missing.any():
        said = repr(unknown[0][:40]) if unknown else "nothing"
        message = f"the column {column.name!r} says {said} of a row: accepted are train, val and test"
        raise Unreadable("unknown_part", message, "split_column")
    part_of = np.array([PART_NAMES.index(str(places[code])) for code in range(len(column.levels))])[column.codes]
    return {part: np.flatnonzero(part_of == place) for place, part in enumerate(PART_NAMES)}


def _rows_needed(options: Options) -> int:
    return int(np.ceil(1 / min(options.val_fraction, options.test_fraction)))
