"""An array in a file that grows row by row."""

from pathlib import Path
from types import TracebackType

import numpy as np
import numpy.typing as npt

from models.data.digests import Array


class GrowingArray:
    """Append rows to a `.npy` file whose length is known only at the end.

    NumPy leaves room in the header for the number of rows to grow, so the true header replaces the first one in place.

    Attributes:
        n_rows: rows written so far.
    """

    def __init__(self, path: Path, dtype: npt.DTypeLike, row_shape: tuple[int, ...]) -> None:
        """Begin an array of no rows.

        Args:
            path: the file, which must not exist.
            dtype: type of the numbers.
            row_shape: shape of one row; () for a number.
        """
        self.n_rows = 0
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._row_shape = row_shape
        self._file = path.open("xb")
        self._write_header()
        self._header_bytes = self._file.tell()

    def append(self, rows: Array) -> None:
        """Write rows (n, *row_shape) after those that are there."""
        little = np.ascontiguousarray(rows, dtype=self._dtype)
        self._file.write(little.tobytes())
        self.n_rows += len(little)

    def __enter__(self) -> "GrowingArray":
        """Return the array itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write the number of rows into the header and close the file."""
        with self._file:
            self._file.seek(0)
            self._write_header()
            assert self._file.tell() == self._header_bytes  # else the header now covers the first rows

    def _write_header(self) -> None:
        shape = (self.n_rows, *self._row_shape)
        header = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
