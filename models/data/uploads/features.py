"""Columns become numbers: one for a number, one a value for names, as grades of built-in diamonds do."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.data.scaling import Doubles
from models.data.uploads.frames import MISSING, Column, NumberColumn
from models.data.uploads.options import Limits, Unreadable
from models.data.uploads.parts import Rows


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Numbers of a table, and where each came from.

    Attributes:
        numbers: (n, d), none of them missing.
        names: (d,) such as `carat` and `cut = Ideal`.
        filled: by column, how many missing numbers the mean of the training part took the place of.
    """

    numbers: Doubles
    names: tuple[str, ...]
    filled: dict[str, int]


def make_features(columns: Sequence[Column], train: Rows, limits: Limits) -> Features:
    """Turn columns into numbers.

    A missing number becomes the mean of its column over the training part, so that validation and test tell nothing;
    a missing name has 0 in each of its column's places.

    Args:
        columns: to be read.
        train: row numbers of the training part.
        limits: how many numbers there may be.

    Raises:
        Unreadable: `too_many_features`, `too_large`, or `empty_column` for one without any number to train on.
    """
    n_rows = len(columns[0].is_missing)
    n_features = sum(1 if isinstance(one, NumberColumn) else len(one.levels) for one in columns)
    check_features(n_rows, n_features, limits)
    numbers, names, filled = np.zeros((n_rows, n_features)), [], {}
    place = 0
    for column in columns:
        if isinstance(column, NumberColumn):
            numbers[:, place], n_filled = _fill(column, train)
            names.append(column.name)
            place += 1
            if n_filled:
                filled[column.name] = n_filled
            continue
        known = column.codes != MISSING
        numbers[np.flatnonzero(known), place + column.codes[known]] = 1
        names += [f"{column.name} = {level}" for level in column.levels]
        place += len(column.levels)
    return Features(numbers, tuple(names), filled)


def check_features(n_rows: int, n_features: int, limits: Limits) -> None:
    """Refuse examples of very many numbers, and very many numbers in all.

    Raises:
        Unreadable: `too_many_features` or `too_large`.
    """
    if n_features > limits.n_features:
        message = f"an example has {n_features} numbers: at most {limits.n_features} are accepted"
        raise Unreadable("too_many_features", message)
    if n_rows * n_features > limits.n_numbers:
        message = f"{n_rows} examples of {n_features} numbers: at most {limits.n_numbers} numbers are accepted in all"
        raise Unreadable("too_large", message)


def _fill(column: NumberColumn, train: Rows) -> tuple[Doubles, int]:
    is_missing = column.is_missing
    n_missing = int(is_missing.sum())
    if not n_missing:
        return column.numbers, 0
    known = column.numbers[train][~is_missing[train]]
    if len(known) == 0:
        message = f"the column {column.name!r} has no number in the training part: leave it out"
        raise Unreadable("empty_column", message, "ignore")
    return np.where(is_missing, known.mean(), column.numbers), n_missing
