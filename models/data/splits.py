"""Which rows train, which validate and which are kept for the test."""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from models.data.dataset import Array, Dataset, DatasetError

Rows = npt.NDArray[np.int64]

SPLIT_SEED = 20260101
"""Part of what a data set *is*: another seed would be another data set with another digest."""
SHARE_HELD_OUT = 5
"""One fifth of each class for validation, one fifth for the test, the rest for training."""
N_BINS = 10
"""Bins of a regression's targets that folds keep the shares of."""


def split_rows(
    classes: Rows,
    seed: int,
    held_out: tuple[str, ...] = ("val", "test"),
    shares: Mapping[str, float] | None = None,
) -> dict[str, Rows]:
    """Hold out a share of each class for each part named, in an order that depends on nothing but the seed.

    Rows are ordered by a hash rather than by a library's generator, whose streams may change between releases.

    Args:
        classes: (n,) class of each row; all equal for an unstratified split.
        seed: which of the possible splits.
        held_out: the parts beside `train`, which gets what they leave; a fifth of each class goes to each.
        shares: the parts with other shares than a fifth, from 0 to 1; takes the place of `held_out`.

    Returns:
        Row numbers, shuffled, under `train` and each part held out; together each row once.
    """
    ranks = [hashlib.sha256(f"{seed}:{row}".encode()).digest() for row in range(len(classes))]
    shuffled = sorted(range(len(classes)), key=ranks.__getitem__)
    members: dict[int, list[int]] = {}
    for row in shuffled:
        members.setdefault(int(classes[row]), []).append(row)
    part_of: dict[int, str] = {}
    wanted = dict.fromkeys(held_out, 1 / SHARE_HELD_OUT) if shares is None else shares
    for rows in members.values():
        # A fifth of 15 is 3, whatever the sum of the bits of 0.2 says.
        names = [name for name, share in wanted.items() for _ in range(int(len(rows) * share + 1e-9))]
        part_of |= dict.fromkeys(rows, "train") | dict(zip(rows, names, strict=False))
    return {part: np.array([row for row in shuffled if part_of[row] == part], np.int64) for part in ("train", *wanted)}


class Fold(NamedTuple):
    """One way to part rows in two.

    Attributes:
        train: (n_train,) row numbers, ascending.
        val: (n_val,) row numbers, ascending; none of them is in `train`.
    """

    train: Rows
    val: Rows


def fold_rows(dataset: Dataset, fold: int, n_folds: int) -> Fold:
    """Return which rows train and which validate in one fold of a cross-validation.

    The data set's own training and validation parts are joined and parted anew; the test part is never touched.
    Classes, or ten bins of a regression's targets, keep their shares. Features stay standardised as they are, with the
    training part's mean and deviation, so a fold that holds out some of its rows has seen those two numbers of them.

    Args:
        dataset: the data.
        fold: which, from 1 to `n_folds`.
        n_folds: how many there are; the same rows belong to a fold whenever it is asked for.

    Returns:
        Row numbers into the training part followed by the validation part. All folds are of the same sizes.

    Raises:
        DatasetError: `unfit_folds`, for rows that follow each other in time, or folds that the rows do not suffice for.
    """
    if dataset.is_chronological:
        raise DatasetError(
            "unfit_folds",
            "The rows follow each other in time: a fold would be validated on the past of its training part, and "
            "training parts that end before it would differ in size. Use the holdout.",
        )
    if not 1 <= fold <= n_folds:
        raise DatasetError("unfit_folds", f"There is no fold {fold}; {n_folds} folds are numbered 1 to {n_folds}.")
    targets = np.concatenate([dataset.y_train, dataset.y_val])  # (n,)
    classes = quantile_bins(targets, n_folds) if dataset.task == "regression" else targets
    return stratified_folds(classes, n_folds, SPLIT_SEED)[fold - 1]


def stratified_folds(classes: Rows, n_folds: int, seed: int) -> list[Fold]:
    """Part rows into folds of equal size, each with its share of every class, by nothing but the seed.

    Folds that train as lanes of one program must have equally many rows. So the rows left over when the folds are
    full, fewer than there are folds, train in every fold; they are taken from the largest class.

    Args:
        classes: (n,) class of each row.
        n_folds: how many folds, from 2 to the size of the smallest class.
        seed: which of the possible partitions.

    Returns:
        The folds: each validates n // n_folds rows and trains on all others. A class has as many validation rows in one
        fold as in another, or one more.

    Raises:
        DatasetError: `unfit_folds`.
    """
    names, class_of, counts = np.unique(classes, return_inverse=True, return_counts=True)
    if not 2 <= n_folds <= counts.min(initial=len(classes)):
        raise DatasetError(
            "unfit_folds",
            f"{n_folds} folds: accepted is a number from 2 to that of the rows of the smallest class, which is "
            f"{_smallest(names, counts)}.",
        )
    order = np.lexsort((hash_rows(len(classes), seed), class_of))  # by class, shuffled within each
    ends = np.cumsum(counts)
    is_dealt = np.ones(len(order), np.bool_)
    for _ in range(len(order) % n_folds):
        largest = int(counts.argmax())
        counts[largest] -= 1
        is_dealt[ends[largest] - counts[largest] - 1] = False
    dealt = order[is_dealt]
    return [_hold_out(dealt[fold::n_folds], len(classes)) for fold in range(n_folds)]


def quantile_bins(targets: Array, n_folds: int) -> Rows:
    """Number the targets of a regression by bins of equally many, so that folds get small and large ones alike.

    Args:
        targets: (n,)
        n_folds: each bin holds at least as many targets, where there are as many.

    Returns:
        (n,) bins, from 0 to 9 at most.
    """
    n_bins = max(1, min(N_BINS, len(targets) // n_folds))
    ranks = np.empty(len(targets), np.int64)
    ranks[np.argsort(targets, kind="stable")] = np.arange(len(targets))
    return ranks * n_bins // max(1, len(targets))


def hash_rows(n_rows: int, seed: int) -> npt.NDArray[np.uint64]:
    """Hash row numbers: what orders rows by nothing but the seed, on every machine and with every release of NumPy.

    Much faster than SHA-256, which matters because each trial's process folds its rows anew.

    Returns:
        (n_rows,) the first numbers of SplitMix64 from this seed.

    Source: G. Steele, D. Lea and C. Flood, Fast splittable pseudorandom number generators, 2014.
    """
    state = np.arange(1, n_rows + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed % 2**64)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def _hold_out(rows: Rows, n_rows: int) -> Fold:
    is_held_out = np.zeros(n_rows, np.bool_)
    is_held_out[rows] = True
    return Fold(np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out))


def _smallest(names: Array, counts: Array) -> str:
    return f"{counts.min()} (class {names[counts.argmin()]})" if len(counts) else "0: there are none"
