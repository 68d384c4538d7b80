"""What about data a study's result may suffer from: each finding names its evidence and a remedy. Pure functions."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.data.digests import Array
from models.data.layout import PART_NAMES
from models.data.scaling import Doubles
from models.data.uploads.frames import MISSING, Column, NameColumn, NumberColumn
from models.data.uploads.parts import Parts
from models.data.uploads.plans import ASKED

IMBALANCE = 10
"""How many times as large as the smallest class the largest must be to be told."""
FEW_ROWS = 10
_SHOWN = 8
_ROWS_A_VALUE = 3
_SAME_DIGITS = 7
_TINY = 1e-6
_MAX_COMPARED = 60_000_000
Finding = dict[str, Any]


def finding(code: str, message: str, evidence: Sequence[str], remedy: str) -> Finding:
    """Return a finding as JSON values, with the first of its evidence."""
    shown = [one[:120] for one in evidence[:_SHOWN]]
    if len(evidence) > _SHOWN:
        shown.append(f"and {len(evidence) - _SHOWN} more")
    return {"code": code, "message": message, "evidence": shown, "remedy": remedy}


def find_leaks(features: Array, parts: Parts, first_row: int) -> list[Finding]:
    """Tell of equal examples that stand in two parts, so that the result is partly remembered and not learned.

    Args:
        features: (n, d)
        parts: row numbers by part.
        first_row: what people call row 0.
    """
    if features.size > _MAX_COMPARED:
        return []
    rows = np.ascontiguousarray(features).view(np.void(features.shape[1] * features.itemsize).dtype).reshape(-1)
    _, groups = np.unique(rows, return_inverse=True)  # (n,)
    train = parts["train"]
    found = []
    first_of = {int(group): int(row) for group, row in zip(groups[train][::-1], train[::-1], strict=True)}
    for part in ("val", "test"):
        twins = [(int(row), first_of[int(groups[row])]) for row in parts[part] if int(groups[row]) in first_of]
        if twins:
            evidence = [f"row {row + first_row} ({part}) equals row {twin + first_row} (train)" for row, twin in twins]
            message = f"{len(twins)} of {len(parts[part])} examples of the part {part} stand in the training part too"
            remedy = "Leave repeated rows out of the source, or say in a column of your own which part each belongs to."
            found.append(finding("rows_in_two_parts", message, evidence, remedy))
    return found


def find_imbalance(names: Sequence[str], classes: Array, parts: Parts) -> list[Finding]:
    """Tell of classes that are rare, or have no example to be judged by.

    Args:
        names: (k,)
        classes: (n,) from 0 to k - 1.
        parts: row numbers by part.
    """
    counts = np.bincount(classes, minlength=len(names))
    found = []
    if counts.max() >= IMBALANCE * counts.min():
        most, least = int(counts.argmax()), int(counts.argmin())
        evidence = [f"{names[most]}: {counts[most]} rows", f"{names[least]}: {counts[least]} rows"]
        message = f"The largest class has {counts[most] / counts[least]:.0f} times as many rows as the smallest"
        remedy = "Judge by val_balanced_accuracy or val_f1_macro, which count rare classes as much as common ones."
        found.append(finding("class_imbalance", message, evidence, remedy))
    absent = {
        part: [
            names[one] for one in np.flatnonzero(np.bincount(classes[parts[part]], minlength=len(names)) == 0).tolist()
        ]
        for part in PART_NAMES
    }
    missing = [f"{name}: no row in {part}" for part, lacking in absent.items() for name in lacking]
    if missing:
        message = "Some classes have no example in some part: nobody will know how well they are recognised"
        found.append(finding("class_missing_in_part", message, missing, "Bring more rows of them, or join classes."))
    return found


def find_columns(columns: Sequence[Column], target: Column) -> list[Finding]:
    """Tell of columns that say nothing, say the same, say too much, or miss values."""
    return [
        *_missing(columns),
        *_constant(columns),
        *_duplicates(columns),
        *_identifiers(columns),
        *_determining(columns, target),
    ]


def find_ignored(ignored: dict[str, str]) -> list[Finding]:
    """Tell of columns that nobody asked to be left out, and were."""
    names = {name: why for name, why in ignored.items() if why != ASKED}
    if not names:
        return []
    evidence = [f"{name}: {why}" for name, why in names.items()]
    message = f"Columns of text that are left out: {len(names)}"
    return [finding("text_left_out", message, evidence, "Turn what matters of them into numbers or fewer names.")]


def values_of(column: Column) -> Array:
    """Return what tells two rows of a column apart: (n,)."""
    return column.numbers if isinstance(column, NumberColumn) else column.codes


def _missing(columns: Sequence[Column]) -> list[Finding]:
    counts = {one.name: int(one.is_missing.sum()) for one in columns}
    evidence = [f"{name}: {n} rows" for name, n in counts.items() if n]
    if not evidence:
        return []
    message = f"Columns with missing values: {len(evidence)}; missing numbers are the mean of the training part"
    return [finding("missing_values", message, evidence, "Fill them in by what you know, or leave the columns out.")]


def _constant(columns: Sequence[Column]) -> list[Finding]:
    names = [one.name for one in columns if _n_distinct(one) <= 1]
    if not names:
        return []
    return [finding("constant_column", f"Columns that never change: {len(names)}", names, "Leave them out.")]


def _duplicates(columns: Sequence[Column]) -> list[Finding]:
    alike: dict[bytes, list[str]] = defaultdict(list)
    for one in columns:
        key = _meaning_of(one)
        if key is not None:
            alike[key].append(one.name)
    groups = [" = ".join(names) for names in alike.values() if len(names) > 1]
    if not groups:
        return []
    message = f"Groups of columns that say the same in every row, if in another unit or by other names: {len(groups)}"
    return [finding("duplicate_columns", message, groups, "Leave all but one of each group out.")]


def _identifiers(columns: Sequence[Column]) -> list[Finding]:
    names = [one.name for one in columns if isinstance(one, NumberColumn) and _counts_rows(one)]
    if not names:
        return []
    message = f"Columns that count the rows: {len(names)}; what a network learns from them holds for these rows alone"
    return [finding("identifier_column", message, names, "Leave them out: ignore them when the bytes are read.")]


def _determining(columns: Sequence[Column], target: Column) -> list[Finding]:
    names = [one.name for one in columns if _determines(one, target)]
    if not names:
        return []
    message = f"Columns that tell the target by themselves: {len(names)}; they may have been made from it"
    remedy = "Ask whether the column is known when a prediction is needed. If not, leave it out."
    return [finding("target_leak", message, names, remedy)]


def _determines(column: Column, target: Column) -> bool:
    """Tell whether each value of a column goes with one target, and with several rows; or is the target in a unit."""
    meaning = _meaning_of(column)
    if meaning is not None and meaning == _meaning_of(target):
        return True
    if column.is_missing.any() or _n_distinct(column) < 2:
        return False
    order, goal = _order_of(column), _order_of(target)
    n_values = int(order.max()) + 1
    if n_values * _ROWS_A_VALUE > len(order):
        return False
    low, high = np.full(n_values, goal.max() + 1), np.full(n_values, -1)
    np.minimum.at(low, order, goal)
    np.maximum.at(high, order, goal)
    return bool((low == high).all()) and len(np.unique(low)) == len(np.unique(goal))


def _meaning_of(column: Column) -> bytes | None:
    """Return what is equal for columns that say the same; None for one that says too little to compare.

    Of numbers, what a mean and a deviation leave of them, whatever their sign; of names, which rows have the same one.
    """
    n_distinct = _n_distinct(column)
    if n_distinct < 2:
        return None
    if isinstance(column, NameColumn):
        return b"names" + _order_of(column).tobytes() if n_distinct * _ROWS_A_VALUE <= len(column.codes) else None
    known = column.numbers[~column.is_missing]
    standard = np.where(column.is_missing, np.inf, (column.numbers - known.mean()) / known.std())
    first = standard[np.flatnonzero(np.abs(standard) > _TINY)[0]]
    rounded: Doubles = np.round(standard * np.sign(first), _SAME_DIGITS) + 0.0  # no -0
    return b"numbers" + rounded.tobytes()


def _counts_rows(column: NumberColumn) -> bool:
    numbers = column.numbers
    if len(numbers) < FEW_ROWS or column.is_missing.any():
        return False
    steps = np.diff(np.sort(numbers))
    return bool((numbers == np.round(numbers)).all() and (steps == 1).all())


def _order_of(column: Column) -> Array:
    """Return the place of each row's value in the order of first appearance: (n,). A missing one counts as a value."""
    values = values_of(column)
    if isinstance(column, NumberColumn):
        values = np.where(column.is_missing, np.inf, values)
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[inverse]


def _n_distinct(column: Column) -> int:
    if isinstance(column, NameColumn):
        return len(np.unique(column.codes[column.codes != MISSING]))
    return len(np.unique(column.numbers[~column.is_missing]))
