"""What a table is taken for, where nobody said: which column is predicted, as what, and from which others."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from models.data.uploads.frames import Column, Frame, NameColumn, NumberColumn
from models.data.uploads.options import Limits, Options, Unreadable

TARGET_NAMES = ("target", "label", "class", "y")
MAX_WHOLE_CLASSES = 20
"""Whole numbers with no more different values than this are classes, where there are ten rows a value or more."""
_SHOWN_ROWS = 5
Task = Literal["classification", "regression"]
ASKED = "you asked for that"
"""Why a column is left out that somebody named."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a table is read.

    Attributes:
        target: the column to predict.
        task: as what.
        features: the columns to predict it from.
        ignored: names of all others, with the reason, but for the column that says the parts.
        split: the column that says the parts, or None.
    """

    target: Column
    task: Task
    features: tuple[Column, ...]
    ignored: dict[str, str]
    split: Column | None


def plan_table(frame: Frame, options: Options, limits: Limits) -> Plan:
    """Decide how a table is read.

    Raises:
        Unreadable: `unknown_column`, `target_missing_values`, `not_a_number`, `no_features`, or what `check_classes`
            refuses.
    """
    for name in options.ignore:
        frame.find(name, "ignore")
    split = frame.find(options.split_column, "split_column") if options.split_column else None
    target = _target(frame, options, split)
    _require_targets(target, frame)
    task = options.task or guess_task(target)
    if task == "regression" and isinstance(target, NameColumn):
        message = (
            f"the target {target.name!r} holds names such as {target.levels[0][:40]!r}: a regression needs numbers"
        )
        raise Unreadable("not_a_number", message, "task")
    ignored = dict.fromkeys(options.ignore, ASKED)
    features = []
    for column in frame.columns:
        if column in (target, split) or column.name in ignored:
            continue
        if isinstance(column, NameColumn) and len(column.levels) > limits.n_categories:
            ignored[column.name] = f"it holds {len(column.levels)} different texts, and a network reads numbers"
        else:
            features.append(column)
    if not features:
        why = "; ".join(f"{name}: {reason}" for name, reason in list(ignored.items())[:5]) or "there is no other column"
        raise Unreadable("no_features", f"no column is left to predict {target.name!r} from ({why})", "ignore")
    return Plan(target, task, tuple(features), ignored, split)


def guess_task(target: Column) -> Task:
    """Tell what is predicted: classes where there are names or few different whole numbers, else numbers."""
    if isinstance(target, NameColumn):
        return "classification"
    values = np.unique(target.numbers)
    is_whole = bool((values == np.round(values)).all())
    is_few = len(values) <= MAX_WHOLE_CLASSES and len(values) * 10 <= max(20, len(target.numbers))
    return "classification" if is_whole and is_few else "regression"


def class_names(target: Column) -> tuple[tuple[str, ...], np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return the names of the classes, in order, and the class of each row."""
    if isinstance(target, NameColumn):
        used = np.unique(target.codes)
        return tuple(target.levels[code] for code in used), np.searchsorted(used, target.codes).astype(np.int64)
    values, classes = np.unique(target.numbers, return_inverse=True)
    return tuple(f"{value:.15g}" for value in values), classes.astype(np.int64)


def check_classes(n_classes: int, limits: Limits) -> None:
    """Refuse a classification of one class, or of very many.

    Raises:
        Unreadable: `one_class` or `too_many_classes`.
    """
    if n_classes < 2:
        raise Unreadable("one_class", "all rows are of one class: there is nothing to learn", "target")
    if n_classes > limits.n_classes:
        message = f"the target has {n_classes} different values: a classification has at most {limits.n_classes}"
        raise Unreadable("too_many_classes", message, "task")


def _target(frame: Frame, options: Options, split: Column | None) -> Column:
    if options.target:
        return frame.find(options.target, "target")
    open_columns = [one for one in frame.columns if one is not split and one.name not in options.ignore]
    if not open_columns:
        raise Unreadable("no_features", "every column is ignored", "ignore")
    for name in TARGET_NAMES:
        for column in open_columns:
            if column.name.lower() == name:
                return column
    return open_columns[-1]


def _require_targets(target: Column, frame: Frame) -> None:
    rows = np.flatnonzero(target.is_missing)
    if len(rows):
        shown = ", ".join(str(row + frame.first_line) for row in rows[:_SHOWN_ROWS].tolist())
        more = f" and {len(rows) - _SHOWN_ROWS} more" if len(rows) > _SHOWN_ROWS else ""
        message = f"the target {target.name!r} is missing in the rows {shown}{more}: fill it in or leave those rows out"
        raise Unreadable("target_missing_values", message, "target")


__all__ = ["NumberColumn", "Plan", "check_classes", "class_names", "guess_task", "plan_table"]
