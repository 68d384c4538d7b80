"""What a check says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MIB, GIB = 2**20, 2**30


class Level(StrEnum):
    """How a check ended; `skipped` where there was nothing to look at or no right to look."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        name: What was looked at.
        result: How it ended.
        seen: What was found, for people.
        remedy: What to do about it; empty where nothing is to be done.
    """

    name: str
    result: Level
    seen: str
    remedy: str = ""


def ok(name: str, seen: str) -> Finding:
    """Say that something is as it should be."""
    return Finding(name, Level.OK, seen)


def skipped(name: str, seen: str) -> Finding:
    """Say why something was not looked at."""
    return Finding(name, Level.SKIPPED, seen)


def warning(name: str, seen: str, remedy: str) -> Finding:
    """Say that something works and may not always."""
    return Finding(name, Level.WARNING, seen, remedy)


def problem(name: str, seen: str, remedy: str) -> Finding:
    """Say that something does not work."""
    return Finding(name, Level.PROBLEM, seen, remedy)


def worst_of(findings: Iterable[Finding]) -> Level:
    """Return the worst result among findings; `ok` where there are none."""
    order = list(Level)
    return max((finding.result for finding in findings), key=order.index, default=Level.OK)


def size_words(n_bytes: float) -> str:
    """Write a number of bytes for people: `512 MiB`, `3.2 GiB`."""
    return f"{n_bytes / GIB:.1f} GiB" if n_bytes >= GIB else f"{n_bytes / MIB:.0f} MiB"
