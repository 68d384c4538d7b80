"""Values that people log as files: pictures, figures, texts, tables."""

from __future__ import annotations

import csv
import io
import re
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tunewell.errors import Invalid, Problem

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


def check_name(name: str) -> str:
    """Return an artifact's name.

    Raises:
        Invalid: `artifact_name`.
    """
    if not _NAME.fullmatch(name):
        hint = "letters, digits, '_', '-' and '.', first a letter, a digit or '_', at most 200"
        raise Invalid(Problem("artifact_name", f"{name!r} cannot be an artifact's name", field="name", hint=hint))
    return name


def with_suffix(name: str, suffix: str, step: int | None) -> str:
    """Return a file's name with its type and, where there is one, its step: `loss`, 3 becomes `loss-3.png`."""
    stem = name.removesuffix(suffix)
    return check_name(f"{stem}{'' if step is None else f'-{step}'}{suffix}")


def encode_image(image: Any) -> bytes:
    """Return a picture as PNG.

    Args:
        image: A path or the bytes of a PNG file; anything with `save(file, format)`, as Pillow's images have; or an
            array of height x width (grey) or height x width x 3 (RGB), of bytes, or of floats from 0 to 1.

    Raises:
        Invalid: `image_kind` for anything else.
        OSError: The file cannot be read.
    """
    if isinstance(image, (str, Path)):
        image = Path(image).read_bytes()
    if isinstance(image, bytes):
        return _png_itself(image)
    if hasattr(image, "save"):
        file = io.BytesIO()
        image.save(file, format="PNG")
        return file.getvalue()
    return _png_of_array(image)


def encode_figure(figure: Any) -> bytes:
    """Return a figure of matplotlib's, or anything with `savefig(file, format)`, as PNG.

    Raises:
        Invalid: `figure_kind`.
    """
    if not hasattr(figure, "savefig"):
        raise Invalid(Problem("figure_kind", f"a {type(figure).__name__} has no savefig", hint="give a figure"))
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def encode_table(rows: Iterable[Any], columns: Sequence[str] | None) -> bytes:
    """Return a table as CSV.

    Args:
        rows: Mappings from column to value, or sequences of values.
        columns: Names in their order; those of the first mapping where left out.

    Raises:
        Invalid: `no_columns`: rows that are sequences need names.
    """
    if hasattr(rows, "to_dict") and hasattr(rows, "columns"):  # a data frame
        columns = [str(name) for name in rows.columns] if columns is None else columns
        rows = rows.to_dict("records")
    listed = list(rows)
    if columns is None and listed and isinstance(listed[0], Mapping):
        columns = [str(name) for name in listed[0]]
    if columns is None:
        raise Invalid(Problem("no_columns", "a table of rows without names needs columns", field="columns"))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([row.get(name) for name in columns] if isinstance(row, Mapping) else row for row in listed)
    return text.getvalue().encode()


def _png_itself(content: bytes) -> bytes:
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        raise Invalid(Problem("image_kind", "the bytes are no PNG file", hint="use log_artifact for other files"))
    return content


def _png_of_array(image: Any) -> bytes:
    """Write an array as PNG: a header, the rows each with filter 0, and the end. Source: PNG specification, W3C."""
    rows = image.tolist() if hasattr(image, "tolist") else image
    try:
        height, width = len(rows), len(rows[0])
        is_colour = isinstance(rows[0][0], (list, tuple))
        flat = [[number for pixel in row for number in (pixel if is_colour else (pixel,))] for row in rows]
        is_float = any(isinstance(number, float) for number in flat[0])
        lines = [bytes(_byte(number, is_float=is_float) for number in row) for row in flat]
    except (TypeError, ValueError, IndexError) as error:
        raise _no_image(type(image).__name__) from error
    n_channels = 3 if is_colour else 1
    if any(len(line) != width * n_channels for line in lines):
        raise _no_image("array whose rows differ in length, or without three channels")
    head = struct.pack(">IIBBBBB", width, height, 8, 2 if is_colour else 0, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + line for line in lines))
    chunks = ((b"IHDR", head), (b"IDAT", content), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _byte(number: float, *, is_float: bool) -> int:
    return min(255, max(0, round(number * 255) if is_float else int(number)))


def _no_image(what: str) -> Invalid:
    hint = "a PNG file, an image of Pillow's, or an array height x width or height x width x 3"
    return Invalid(Problem("image_kind", f"a {what} is no picture", field="image", hint=hint))
