"""Arrays named by their content."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

BLOCK_BYTES = 1 << 22
"""Bytes hashed at once: enough to be fast, and little beside an array that lies in a file because it is large."""


def digest(arrays: Mapping[str, Array]) -> str:
    """Hash arrays by content: names, types, shapes and little-endian bytes, in order of name.

    Memory-mapped arrays are read block by block, so none needs to fit in memory.

    Returns:
        SHA-256, lower-case hexadecimal. The same on every machine, unlike the digest of a compressed file.
    """
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        little = array.dtype.newbyteorder("<")
        total.update(f"{name} {little.str} {array.shape}\n".encode())
        for block in _blocks(array):
            total.update(np.ascontiguousarray(block, dtype=little).tobytes())
    return total.hexdigest()


def _blocks(array: Array) -> Iterator[Array]:
    if array.ndim == 0:
        yield array
        return
    row_bytes = max(1, array.nbytes // max(1, len(array)))
    n_rows = max(1, BLOCK_BYTES // row_bytes)
    for start in range(0, len(array), n_rows):
        yield array[start : start + n_rows]
