"""How the numbers and names of a column are spread: what people look at before they trust a data set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from models.data.digests import Array
from models.data.layout import PART_NAMES

N_BINS = 20
MAX_TOP = 12
MAX_NAME_CHARS = 80
_DIGITS = 6


def number_column(name: str, numbers: Array, role: str = "feature") -> dict[str, Any]:
    """Describe a column of numbers, of which NaN stands for missing ones.

    Args:
        name: of the column.
        numbers: (n,)
        role: feature, target or ignored.
    """
    known = numbers[np.isfinite(numbers)].astype(np.float64)  # (known,)
    column = _column(name, "number", role, int(len(numbers) - len(known)), len(np.unique(known)))
    if len(known):
        statistics = (known.mean(), known.std(), known.min(), known.max())
        column |= dict(zip(("mean", "std", "min", "max"), map(shorten, statistics), strict=True))
        column["histogram"] = histogram(known)
    return column


def name_column(name: str, kind: str, values: Sequence[str | None], role: str = "feature") -> dict[str, Any]:
    """Describe a column of names or texts, of which None stands for missing ones; its most frequent ones are listed."""
    counts = Counter(value for value in values if value is not None)
    n_missing = len(values) - counts.total()
    top = sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:MAX_TOP]
    column = _column(name, kind, role, n_missing, len(counts))
    return column | {"top": [{"value": value[:MAX_NAME_CHARS], "count": count} for value, count in top]}


def image_column(shape: Sequence[int], n_missing: int = 0) -> dict[str, Any]:
    """Describe the one column of a data set of images: (channels, height, width)."""
    channels, height, width = shape
    return _column(f"image, {channels} x {height} x {width}", "image", "feature", n_missing, None)


def count_classes(names: Sequence[str], targets: Mapping[str, Array]) -> list[dict[str, Any]]:
    """Count the rows of each class in each part.

    Args:
        names: (classes,)
        targets: class numbers by part.
    """
    counts = {part: np.bincount(targets[part].reshape(-1), minlength=len(names)).tolist() for part in PART_NAMES}
    return [
        {"name": name[:MAX_NAME_CHARS], **{part: counts[part][place] for part in PART_NAMES}}
        for place, name in enumerate(names)
    ]


def count_targets(targets: Mapping[str, Array]) -> dict[str, Any]:
    """Count the targets of a regression in 20 bins, by part; `edges` has one number more than there are bins."""
    edges = np.histogram_bin_edges(np.concatenate(list(targets.values())), N_BINS)  # (bins + 1,)
    counts = {part: np.histogram(targets[part], edges)[0].tolist() for part in PART_NAMES}
    return {"edges": shorten_all(edges), **counts}


def histogram(numbers: Array) -> dict[str, Any]:
    """Count numbers (n,) in 20 bins of equal width."""
    counts, edges = np.histogram(numbers, N_BINS)
    return {"edges": shorten_all(edges), "counts": counts.tolist()}


def shorten(number: float) -> float:
    """Return a number with six digits, which is as many as people read."""
    return float(f"{number:.{_DIGITS}g}")


def shorten_all(numbers: Array) -> list[float]:
    """Return numbers (n,) with six digits each."""
    return [shorten(number) for number in numbers.tolist()]


def _column(name: str, kind: str, role: str, n_missing: int, n_distinct: int | None) -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(("mean", "std", "min", "max", "histogram"))
    facts = {"name": name[:MAX_NAME_CHARS], "type": kind, "role": role}
    return {**facts, "n_missing": n_missing, "n_distinct": n_distinct, **empty, "top": []}
