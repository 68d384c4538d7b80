"""Tables in text: comma, semicolon, tab or bar between cells, one row a line.

The text is read twice: first to learn which columns are numbers throughout, then for their values. So it need not lie
in memory as text, and a column of a million numbers with a name in its last line is one of names.
"""

import codecs
import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from models.data.uploads.frames import MISSING, Column, Frame, NameColumn, NumberColumn, check_size
from models.data.uploads.options import Limits, Unreadable

DELIMITERS = (",", ";", "\t", "|")
MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
_SAMPLE_ROWS = 50
_BLOCK_BYTES = 1 << 20
_BLOCK_ROWS = 20_000
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written.

    Attributes:
        encoding: of its text.
        delimiter: between cells.
        names: of the columns.
        has_header: whether they stand in the first row.
    """

    encoding: str
    delimiter: str
    names: tuple[str, ...]
    has_header: bool


def read_csv(path: Path, limits: Limits) -> Frame:
    """Read a table.

    Args:
        path: the file.
        limits: the most that is read.

    Raises:
        Unreadable: `not_text`, `empty_file`, `ragged_row`, `duplicate_name`, `long_cell`, `not_finite`, or what
            `check_size` refuses.
    """
    dialect = _sniff(path)
    is_number, n_rows = _survey(path, dialect, limits)
    check_size(n_rows, len(dialect.names), limits)
    note = "It is not written in UTF-8: it was read as Windows-1252." if dialect.encoding == "cp1252" else ""
    columns = _columns(path, dialect, is_number)
    return Frame(columns, n_rows, 2 if dialect.has_header else 1, (note,) if note else ())


def parse_number(cell: str, delimiter: str) -> float:
    """Return the number in a cell, NaN where it is missing; a comma is a decimal point where cells end in semicolons.

    Raises:
        ValueError: It is no number.
    """
    text = cell.strip()
    if text.lower() in MISSING_WORDS:
        return float("nan")
    return float(text.replace(",", ".", 1) if delimiter == ";" else text)


def _sniff(path: Path) -> Dialect:
    if path.stat().st_size == 0:
        raise Unreadable("empty_file", "the file is empty")
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        lines = [line for line in islice(file, _SAMPLE_ROWS * 2) if line.strip()][:_SAMPLE_ROWS]
    if not lines:
        raise Unreadable("empty_file", "the file holds nothing but empty lines")
    delimiter = max(DELIMITERS, key=lambda one: _fitness(lines, one))
    first = next(iter(csv.reader(lines, delimiter=delimiter)))
    has_header = not all(_is_number(cell, delimiter) for cell in first)
    names = [(cell.strip() if has_header else "") or f"column {place}" for place, cell in enumerate(first, start=1)]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise Unreadable("duplicate_name", f"two columns are named {twice!r} in the first line: names must differ")
    return Dialect(encoding, delimiter, tuple(names), has_header)


def _fitness(lines: Sequence[str], delimiter: str) -> tuple[int, int]:
    """Tell how well a delimiter cuts lines into equally many cells."""
    try:
        sizes = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
    except csv.Error:
        return 0, 0
    usual = max(set(sizes), key=sizes.count)
    return (sizes.count(usual), usual) if usual > 1 else (0, 1)


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(4)
        for mark, name in _BOMS:
            if head.startswith(mark):
                return name
        file.seek(0)
        decoder, is_utf8 = codecs.getincrementaldecoder("utf-8")(), True
        while block := file.read(_BLOCK_BYTES):
            if b"\x00" in block:
                raise Unreadable("not_text", "the file holds NUL bytes: it is no text, and so no CSV", "format")
            try:
                if is_utf8:
                    decoder.decode(block)
            except UnicodeDecodeError:
                is_utf8 = False
    return "utf-8" if is_utf8 else "cp1252"


def _is_number(cell: str, delimiter: str) -> bool:
    try:
        parse_number(cell, delimiter)
    except ValueError:
        return False
    return True


def _survey(path: Path, dialect: Dialect, limits: Limits) -> tuple[list[bool], int]:
    """Return which columns are numbers throughout, and the number of rows."""
    is_number, n_rows = [True] * len(dialect.names), 0
    if len(dialect.names) > limits.n_columns:
        check_size(1, len(dialect.names), limits)
    for block in _blocks(path, dialect):
        n_rows += len(block)
        if n_rows > limits.n_rows:
            check_size(n_rows, len(dialect.names), limits)
        for place, cells in enumerate(zip(*block, strict=True)):
            is_number[place] = is_number[place] and all(_is_number(cell, dialect.delimiter) for cell in cells)
    return is_number, n_rows


def _columns(path: Path, dialect: Dialect, is_number: Sequence[bool]) -> tuple[Column, ...]:
    collectors = [
        _Numbers(name, dialect) if numeric else _Names(name)
        for name, numeric in zip(dialect.names, is_number, strict=True)
    ]
    for block in _blocks(path, dialect):
        for collector, cells in zip(collectors, zip(*block, strict=True), strict=True):
            collector.add(cells)
    return tuple(collector.column() for collector in collectors)


class _Numbers:
    """Collects the cells of a column of numbers."""

    def __init__(self, name: str, dialect: Dialect) -> None:
        self._name, self._dialect = name, dialect
        self._n_rows = 0
        self._blocks: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []

    def add(self, cells: Sequence[str]) -> None:
        """Take the next rows."""
        numbers = np.array([parse_number(cell, self._dialect.delimiter) for cell in cells], np.float64)
        wrong = np.flatnonzero(np.isinf(numbers))
        if len(wrong):
            row = self._n_rows + int(wrong[0]) + (2 if self._dialect.has_header else 1)
            message = f"row {row}, column {self._name!r}: {cells[int(wrong[0])]!r} is not a finite number"
            raise Unreadable("not_finite", message)
        self._n_rows += len(cells)
        self._blocks.append(numbers)

    def column(self) -> Column:
        """Return the column."""
        return NumberColumn(self._name, np.concatenate(self._blocks))


class _Names:
    """Collects the cells of a column of names."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._places: dict[str, int] = {}
        self._blocks: list[np.ndarray[tuple[int], np.dtype[np.int32]]] = []

    def add(self, cells: Sequence[str]) -> None:
        """Take the next rows."""
        places = self._places
        codes = []
        for cell in cells:
            text = cell.strip()
            codes.append(MISSING if text.lower() in MISSING_WORDS else places.setdefault(text, len(places)))
        self._blocks.append(np.array(codes, np.int32))

    def column(self) -> Column:
        """Return the column, its levels sorted."""
        levels = sorted(self._places)
        order = np.empty(len(levels) + 1, np.int32)  # old code -> place in the alphabet
        order[[self._places[level] for level in levels]] = np.arange(len(levels))
        order[MISSING] = MISSING
        return NameColumn(self._name, levels, order[np.concatenate(self._blocks)])


def _blocks(path: Path, dialect: Dialect) -> Iterator[list[list[str]]]:
    """Yield rows without the header, many at a time, each with as many cells as there are columns."""
    n = len(dialect.names)
    with path.open(encoding=dialect.encoding, newline="") as file, _told(path):
        reader = csv.reader(file, delimiter=dialect.delimiter)
        block: list[list[str]] = []
        is_first = dialect.has_header
        for row in reader:
            if not row or row == [""]:
                continue
            if is_first:
                is_first = False
                continue
            if len(row) != n:
                raise Unreadable("ragged_row", f"line {reader.line_num} has {len(row)} cells where the first has {n}")
            block.append(row)
            if len(block) == _BLOCK_ROWS:
                yield block
                block = []
        if block:
            yield block


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except csv.Error as error:
        raise Unreadable("long_cell", f"a cell cannot be read: {error}; is a quotation mark left open?") from error
    except UnicodeDecodeError as error:
        raise Unreadable("not_text", f"byte {error.start} is no text in {error.encoding}", "format") from error
