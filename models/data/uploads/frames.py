"""A table as its source gives it: columns of numbers, and columns of names."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.data.scaling import Doubles, Flags
from models.data.uploads.options import Limits, Unreadable

Codes = npt.NDArray[np.int32]
MISSING = -1


@dataclass(frozen=True, slots=True, eq=False)
class NumberColumn:
    """Numbers under a name.

    Attributes:
        name: of the column.
        numbers: (n,) with NaN for missing ones; never infinite.
    """

    name: str
    numbers: Doubles

    @property
    def is_missing(self) -> Flags:
        """Which rows have none: (n,)."""
        missing: Flags = np.isnan(self.numbers)
        return missing

    def cell(self, row: int) -> float | str | None:
        """Return what stands in a row."""
        number = float(self.numbers[row])
        return None if number != number else float(f"{number:.6g}")


@dataclass(frozen=True, slots=True, eq=False)
class NameColumn:
    """Names, or other text, under a name.

    Attributes:
        name: of the column.
        levels: the different values, in order: numbers by size where all of them are, else by alphabet.
        codes: (n,) place of each row's value among `levels`, -1 for missing ones.
    """

    name: str
    levels: Sequence[str]
    codes: Codes

    @property
    def is_missing(self) -> Flags:
        """Which rows have none: (n,)."""
        missing: Flags = self.codes == MISSING
        return missing

    def cell(self, row: int) -> float | str | None:
        """Return what stands in a row, shortened."""
        code = int(self.codes[row])
        return None if code == MISSING else self.levels[code][:200]


Column = NumberColumn | NameColumn


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """Columns of equal length.

    Attributes:
        columns: at least two, with different names.
        n_rows: how many rows each has.
        first_line: what people call the first row: 2 below a header, else 1.
        notes: sentences about how it was read that people should know.
    """

    columns: tuple[Column, ...]
    n_rows: int
    first_line: int = 1
    notes: tuple[str, ...] = ()

    def find(self, name: str, option: str) -> Column:
        """Return a column by name.

        Raises:
            Unreadable: `unknown_column`, with the option that names it.
        """
        found = [one for one in self.columns if one.name == name]
        if not found:
            names = ", ".join(one.name for one in self.columns[:20]) + (" ..." if len(self.columns) > 20 else "")
            raise Unreadable("unknown_column", f"there is no column {name!r}; the columns are {names}", option)
        return found[0]


def code_names(name: str, values: Sequence[str | None]) -> NameColumn:
    """Make a column of names, whose levels are sorted."""
    levels = sorted({value for value in values if value is not None})
    place = {level: code for code, level in enumerate(levels)}
    codes = np.array([MISSING if value is None else place[value] for value in values], np.int32)
    return NameColumn(name, levels, codes)


def check_size(n_rows: int, n_columns: int, limits: Limits) -> None:
    """Refuse a table that is too large, too small to have a target, or empty.

    Raises:
        Unreadable: `too_many_columns`, `too_many_rows`, `too_few_columns` or `no_rows`.
    """
    if n_columns > limits.n_columns:
        raise Unreadable("too_many_columns", f"{n_columns} columns: at most {limits.n_columns} are accepted")
    if n_rows > limits.n_rows:
        raise Unreadable("too_many_rows", f"{n_rows} rows: at most {limits.n_rows} are accepted")
    if n_columns < 2:
        raise Unreadable("too_few_columns", "there is one column: needed are one to predict and one to predict it from")
    if n_rows == 0:
        raise Unreadable("no_rows", "there are no rows below the header")
