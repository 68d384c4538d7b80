"""Which rows train, which validate and which are kept for the test."""

import hashlib

import numpy as np
import numpy.typing as npt

SPLIT_SEED = 20260101
"""Part of what a data set *is*: another seed would be another data set with another digest."""
SHARE_HELD_OUT = 5
"""One fifth of each class for validation, one fifth for the test, the rest for training."""


def split_rows(
    classes: npt.NDArray[np.int64], seed: int, held_out: tuple[str, ...] = ("val", "test")
) -> dict[str, npt.NDArray[np.int64]]:
    """Hold out a fifth of each class for each part named, in an order that depends on nothing but the seed.

    Rows are ordered by a hash rather than by a library's generator, whose streams may change between releases.

    Args:
        classes: (n,) class of each row; all equal for an unstratified split.
        seed: which of the possible splits.
        held_out: the parts beside `train`, which gets what they leave.

    Returns:
        Row numbers, shuffled, under `train` and each part held out; together each row once.
    """
    ranks = [hashlib.sha256(f"{seed}:{row}".encode()).digest() for row in range(len(classes))]
    shuffled = sorted(range(len(classes)), key=ranks.__getitem__)
    members: dict[int, list[int]] = {}
    for row in shuffled:
        members.setdefault(int(classes[row]), []).append(row)
    part_of: dict[int, str] = {}
    for rows in members.values():
        n_held_out = len(rows) // SHARE_HELD_OUT
        names = [name for name in held_out for _ in range(n_held_out)]
        part_of |= dict.fromkeys(rows, "train") | dict(zip(rows, names, strict=False))
    return {
        part: np.array([row for row in shuffled if part_of[row] == part], np.int64) for part in ("train", *held_out)
    }
