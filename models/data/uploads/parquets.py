"""Tables in Parquet, column by column."""

from pathlib import Path
from typing import Any

import numpy as np

from models.data.uploads.frames import Column, Frame, NumberColumn, check_size, code_names
from models.data.uploads.options import Limits, Unreadable


def read_parquet(path: Path, limits: Limits) -> Frame:
    """Read a table. Its sizes are known and checked before any column is read.

    Numbers, booleans (0 and 1) and decimals are numbers; texts, dictionaries of texts and dates are names.

    Args:
        path: the file.
        limits: the most that is read.

    Raises:
        Unreadable: `not_parquet`, `nested_column`, `not_finite`, `duplicate_name`, `too_large_unpacked`, or what
            `check_size` refuses.
    """
    import pyarrow as pa  # a third of a second of import that only Parquet pays
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            _check(file, limits)
            columns = tuple(_read(file, place, name) for place, name in enumerate(file.schema_arrow.names))
            return Frame(columns, file.metadata.num_rows)
    except (pa.ArrowException, OSError) as error:
        raise Unreadable("not_parquet", f"this is no Parquet file, or a damaged one: {error}", "format") from error


def _check(file: Any, limits: Limits) -> None:
    names = file.schema_arrow.names
    check_size(file.metadata.num_rows, len(names), limits)
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise Unreadable("duplicate_name", f"two columns are named {twice!r}: names must differ")
    nested = next((one.name for one in file.schema_arrow if one.type.num_fields > 0), None)
    if nested is not None:
        message = f"the column {nested!r} holds lists or records: a table has one number or name a cell"
        raise Unreadable("nested_column", message, "ignore")
    n_bytes = sum(file.metadata.row_group(place).total_byte_size for place in range(file.metadata.num_row_groups))
    if n_bytes > limits.unpacked_bytes:
        message = f"the table holds {n_bytes} bytes unpacked: at most {limits.unpacked_bytes} are accepted"
        raise Unreadable("too_large_unpacked", message)


def _read(file: Any, place: int, name: str) -> Column:
    import pyarrow as pa
    from pyarrow import compute

    values = file.read(columns=[name]).column(0)
    kind = values.type
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)
    if not (is_number or pa.types.is_decimal(kind)):
        words = compute.cast(values, pa.string()).to_pylist()
        return code_names(name, [None if word is None or not word.strip() else word.strip() for word in words])
    numbers = compute.cast(
        compute.cast(values, pa.int8()) if pa.types.is_boolean(kind) else values, pa.float64(), False
    )
    read = np.asarray(numbers.to_numpy(), np.float64)  # (n,), missing ones NaN
    if np.isinf(read).any():
        message = f"row {int(np.isinf(read).argmax()) + 1}, column {name!r}: the number is infinite"
        raise Unreadable("not_finite", message)
    return NumberColumn(name, read)
