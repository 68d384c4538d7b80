"""Which rows train, which validate and which are kept for the test."""

import hashlib

import numpy as np
import numpy.typing as npt

SPLIT_SEED = 20260101
"""Part of what a data set *is*: another seed would be another data set with another digest."""
SHARE_HELD_OUT = 5
"""One fifth of each class for validation, one fifth for the test, the rest for training."""


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
