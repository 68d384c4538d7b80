"""Tables for people and JSON for programs, on stdout."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from tunewell._decode import encode_number
from tunewell.cli.session import console
from tunewell.terminal import safe

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, with the names of the REST interface")]


def print_json(value: object) -> None:
    """Print records as JSON; times are ISO 8601, and NaN and infinities are words. Control characters are escaped."""
    sys.stdout.write(json.dumps(plain(value), indent=2, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """Turn records into what JSON can carry."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return encode_number(value)
    if isinstance(value, Path):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]], empty: str) -> None:
    """Print a table; what is not `Text` is cleaned. The sentence `empty` stands where there are no rows."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(safe(column), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(cell) for cell in row))
    if table.row_count:
        console().print(table)
    else:
        sys.stdout.write(f"{empty}\n")


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values below each other, without those that say nothing."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts:
        if value not in (None, "", ()):
            table.add_row(safe(name), _cell(value))
    console().print(table)


def time_words(at: datetime | None) -> str:
    """Write a time in this machine's zone, to the second."""
    return "-" if at is None else at.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _cell(value: object) -> Text:
    return value if isinstance(value, Text) else safe(value, keep_newlines=True)
