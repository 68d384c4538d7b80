"""The rooms of `models/` are those that the page on architecture lists, and use those above them only."""

from __future__ import annotations

import re

import pytest

from tests.docs import pages

PAGE = "ARCHITECTURE.md"
NO_ROOM = {"commands"}  # the command line of all of them


def rooms() -> list[str]:
    """Return the rooms in the order of the page."""
    (table,) = [part for part in pages.read(PAGE).split("\n\n") if part.startswith("| room |")]
    return re.findall(r"^\| `(\w+)/`", table, re.MULTILINE)


def used_by(room: str) -> set[str]:
    """Return the rooms that a room's files import from, itself included."""
    sources = (path.read_text(encoding="utf-8") for path in (pages.ROOT / "models" / room).rglob("*.py"))
    return {used for source in sources for used in re.findall(r"(?:from|import) models\.(\w+)[.\s]", source)}


def test_every_room_is_on_the_page() -> None:
    there = {path.parent.name for path in (pages.ROOT / "models").glob("*/__init__.py")}
    assert set(rooms()) == there - NO_ROOM


@pytest.mark.parametrize("room", rooms())
def test_a_room_uses_only_those_above_it(room: str) -> None:
    below = rooms()[rooms().index(room) + 1 :]
    assert used_by(room) & set(below) == set()


def test_what_a_room_uses_is_seen() -> None:
    assert {"data", "engine", "layers", "measures", "networks"} <= used_by("engine")
    assert used_by("diagnosis") == {"catalogue", "diagnosis"}
