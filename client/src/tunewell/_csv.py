"""Cells of CSV files that people open in spreadsheets."""

from __future__ import annotations

from typing import Final, TypeVar

T = TypeVar("T")
# Also as East Asian keyboards write them, which spreadsheets read alike.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def csv_cell(value: T) -> T | str:
    """Return a value as a cell: a spreadsheet runs text that begins like a formula; an apostrophe makes it text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
