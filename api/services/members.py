"""Names of members' curves: `val_loss@r2f3` is the curve of repeat 2 on fold 3, `val_loss` that of the trial.

A trial with n repeats and k folds trains n * k networks, its members. Both numbers count from 1, and a study without
folds (or without repeats) has fold 1 (or repeat 1) alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

SYSTEM = "system/"
"""Begins the names of curves that tell what a training takes of its machine, over seconds since 1970."""
_SUFFIX = re.compile(r"@r([1-9][0-9]{0,2})f([1-9][0-9]?)$")


@dataclass(frozen=True, slots=True)
class Member:
    """One network of a trial: repeat 1 to 100, fold 1 to 20."""

    repeat: int
    fold: int


def split_name(name: str) -> tuple[str, Member | None]:
    """Return the metric of a curve, and which member it is of; None for the trial's own curve.

    Examples:
        >>> split_name("val_loss@r2f3")
        ('val_loss', Member(repeat=2, fold=3))
        >>> split_name("val_loss")
        ('val_loss', None)
    """
    found = _SUFFIX.search(name)
    if found is None:
        return name, None
    return name[: found.start()], Member(repeat=int(found[1]), fold=int(found[2]))


def is_member(name: str) -> bool:
    """Tell whether a curve is a member's."""
    return _SUFFIX.search(name) is not None


def is_system(name: str) -> bool:
    """Tell whether a curve is of the machine, not of the training."""
    return name.startswith(SYSTEM)
