"""Numbers from a CSV file: every cell is checked, and a refusal names its line and column."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence

from tunewell.errors import Invalid, Problem

LARGEST = 3.4028234663852886e38  # of the 32-bit numbers that networks read


def read_numbers(lines: Iterable[str], n_columns: int, source: str) -> list[list[float]]:
    """Read a table of numbers.

    A first line in which no cell is a number is taken for a header. Empty lines are skipped.

    Args:
        lines: The table's text.
        n_columns: How many numbers a line must have.
        source: The table's name, for errors.

    Returns:
        One list of `n_columns` finite numbers a line; at least one line.

    Raises:
        Invalid: `bad_table`, with line and column.
    """
    rows: list[list[float]] = []
    reader = csv.reader(lines)
    is_first = True
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            _check_width(cells, n_columns, f"{source}, line {reader.line_num}")
            if not (is_first and not any(map(_is_number, cells))):
                rows.append(_read(cells, f"{source}, line {reader.line_num}"))
            is_first = False
    except UnicodeDecodeError as error:
        raise _bad(f"{source} is not UTF-8 text", "save it as UTF-8") from error
    except csv.Error as error:
        raise _bad(f"{source}, line {reader.line_num}: {error}") from error
    if not rows:
        raise _bad(f"{source} has no line of numbers", f"give {n_columns} numbers a line, separated by commas")
    return rows


def _check_width(cells: Sequence[str], n_columns: int, place: str) -> None:
    if len(cells) == n_columns:
        return
    found = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
    hint = "leave out the target, and every column that the network was not trained on"
    if len(cells) == 1 and n_columns > 1:
        hint = "separate the numbers by commas"
    raise _bad(f"{place}: {found}, where the network reads {n_columns}", hint)


def _read(cells: Sequence[str], place: str) -> list[float]:
    numbers = []
    for column, cell in enumerate(cells, start=1):
        if not cell.strip():
            raise _bad(f"{place}, column {column}: the cell is empty", "give a number in each cell")
        if not _is_number(cell):
            raise _bad(f"{place}, column {column}: {cell!r:.50} is not a number", "give a number in each cell")
        number = float(cell)
        if not abs(number) <= LARGEST:
            raise _bad(f"{place}, column {column}: {cell!r:.50} is not a finite 32-bit number")
        numbers.append(number)
    return numbers


def _is_number(cell: str) -> bool:
    try:
        is_finite = not math.isnan(float(cell))
    except ValueError:
        return False
    return is_finite and "_" not in cell  # Python reads 1_000 as a thousand; a table hardly means it


def _bad(message: str, hint: str | None = None) -> Invalid:
    return Invalid(Problem("bad_table", message, hint=hint))
