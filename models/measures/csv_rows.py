"""Examples from a text table: every cell is checked, and a refusal names its line and column."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

import numpy as np

from models.catalogue import DataShape
from models.catalogue.entries import DataKind
from models.data.dataset import Floats

Header = Literal["auto", "yes", "no"]

AXES: Mapping[DataKind, str] = MappingProxyType(
    {"table": "features", "image": "channels x height x width", "sequence": "steps x features", "text": "tokens"}
)
"""What the numbers of an example are, in the order of its shape."""
LARGEST = float(np.finfo(np.float32).max)


class CsvError(ValueError):
    """A table cannot be read as examples of the network's kind (`malformed_csv`)."""

    code = "malformed_csv"


def read_rows(
    lines: Iterable[str], data: DataShape, source: str, delimiter: str = ",", header: Header = "auto"
) -> Floats:
    """Read examples, one a line, their numbers in the order of the data set's features.

    A first line in which no cell is a number is taken for a header. Empty lines are skipped. The cells of a sequence
    may be empty for whole steps in front, where a series is shorter than the network reads.

    Args:
        lines: the table's text.
        data: what the network was built for.
        source: the table's name, for errors.
        delimiter: what stands between cells.
        header: whether the first line names columns; `auto` looks at it.

    Returns:
        (n, d) float32; NaN at steps that a sequence lacks.

    Raises:
        CsvError: a cell that is not a finite number (or not a token of the vocabulary), another number of columns than
            the network reads, or no example at all.
    """
    reader = csv.reader(lines, delimiter=delimiter)
    names: list[str] | None = None
    rows: list[list[float]] = []
    try:
        for cells in reader:
            place = f"{source}, line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            _check_width(cells, data, place, delimiter)
            if names is None:
                is_header = header == "yes" or (header == "auto" and not any(map(_is_number, cells)))
                names = cells if is_header else []
                if is_header:
                    continue
            rows.append(_read_cells(cells, names, data, place))
    except UnicodeDecodeError as error:
        raise CsvError(f"{source} is not text in UTF-8: {error.reason} at byte {error.start}.") from error
    except csv.Error as error:
        raise CsvError(f"{source}, line {reader.line_num}: {error}.") from error
    if not rows:
        raise CsvError(f"{source} holds no example; a line of {data.n_inputs} numbers would be one.")
    return np.array(rows, np.float32)  # (n, d)


def _check_width(cells: Sequence[str], data: DataShape, place: str, delimiter: str) -> None:
    if len(cells) == data.n_inputs:
        return
    message = f"{place}: {_counted(len(cells))}, where the network reads {data.n_inputs} ({_described(data)})."
    if len(cells) == 1 and data.n_inputs > 1:
        message += f" Cells are taken to be separated by {delimiter!r}; --delimiter names another."
    raise CsvError(message)


def _read_cells(cells: Sequence[str], names: Sequence[str], data: DataShape, place: str) -> list[float]:
    n_missing = _missing_in_front(cells, data)
    numbers = [math.nan] * n_missing
    for column, cell in enumerate(cells[n_missing:], start=n_missing + 1):
        objection = _objection(cell, data)
        if objection is not None:
            name = f" ({names[column - 1]})" if names else ""
            raise CsvError(f"{place}, column {column}{name}: {_shown(cell)} {objection}.")
        numbers.append(float(cell))
    return numbers


def _missing_in_front(cells: Sequence[str], data: DataShape) -> int:
    # Whole steps only: half a step is a mistake, which the cell that is empty then shows.
    if data.kind != "sequence":
        return 0
    n_empty = next(place for place, cell in enumerate(cells) if cell.strip())
    return n_empty - n_empty % data.shape[-1]


def _objection(cell: str, data: DataShape) -> str | None:
    if not cell.strip():
        return "is empty; each cell needs a number"
    if not _is_number(cell):
        return "is not a number"
    if not abs(float(cell)) <= LARGEST:
        return "is not a finite number"
    if data.kind == "text" and not (float(cell).is_integer() and 0 <= float(cell) < data.n_outputs):
        return f"is not a token, a whole number from 0 to {data.n_outputs - 1}"
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # Python reads 1_000 as a thousand; a table hardly means it


def _counted(n_columns: int) -> str:
    return "1 column" if n_columns == 1 else f"{n_columns} columns"


def _described(data: DataShape) -> str:
    sizes = " x ".join(map(str, data.shape))
    words = {
        "table": "features",
        "image": "channels x height x width",
        "sequence": "steps x features",
        "text": "tokens",
    }
    return f"{sizes} {words[data.kind]}"


def _shown(cell: str, limit: int = 40) -> str:
    text = repr(cell)
    return text if len(text) <= limit else text[: limit - 3] + "..."
