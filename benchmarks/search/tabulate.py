"""`python -m benchmarks.search.tabulate [TASK...]`: evaluate the cells that the tables lack."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from benchmarks.references import CACHE
from benchmarks.search.catalogue import TABLES, Table
from benchmarks.search.recipes import RECIPES
from benchmarks.search.recipes.base import capped
from benchmarks.search.recipes.data import load_part
from benchmarks.search.tables import FOLDER, Columns, empty_columns, load_columns, save_columns

SAVE_EVERY_S = 20.0


def main(
    tasks: Annotated[list[str] | None, typer.Argument(help="Tables to fill; all of them when none is named.")] = None,
    cache_dir: Annotated[Path, typer.Option(help="Folder of prepared data sets.")] = CACHE,
    limit_s: Annotated[float, typer.Option(help="CPU seconds after which to stop; a later run goes on.")] = 1200.0,
) -> None:
    """Fill the tables of tasks. Single-threaded; run it with OMP_NUM_THREADS=1."""
    names = tasks or list(TABLES)
    unknown = [name for name in names if name not in TABLES]
    if unknown:
        raise typer.BadParameter(f"there is no table {unknown[0]!r}; tables are {', '.join(TABLES)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in names:
        n_missing = fill(TABLES[name], cache_dir, limit_s)
        if n_missing:
            print(f"{name}: stopped with {n_missing} cells missing; run again to go on", file=sys.stderr)
            raise typer.Exit(1)


def fill(table: Table, cache_dir: Path, limit_s: float) -> int:
    """Evaluate the missing cells of a table.

    Args:
        table: Which.
        cache_dir: Of prepared data sets.
        limit_s: CPU seconds of this process after which to stop.

    Returns:
        How many cells are still missing.

    Effects:
        Writes the table's file every SAVE_EVERY_S and at the end.
    """
    columns = _begin(table)
    groups = [group for group in groups_of(table) if np.isnan(columns.loss[group]).any()]
    if not groups:
        return 0
    part, recipe = load_part(table.dataset, cache_dir), RECIPES[table.name]
    began_s, saved_at_s = time.process_time(), time.monotonic()
    for group in groups:
        if time.process_time() > limit_s:
            break
        cells = [table.space.params_of(table.space.cells[place]) for place in group]
        for place, result in zip(group, recipe(part, cells), strict=True):
            sound = capped(result, part)
            columns.loss[place], columns.test[place], columns.seconds[place] = sound
        if time.monotonic() - saved_at_s > SAVE_EVERY_S:
            save_columns(table.name, table.space, columns)
            saved_at_s = time.monotonic()
    save_columns(table.name, table.space, columns)
    print(f"{table.name}: {time.process_time() - began_s:.0f} CPU-s", file=sys.stderr)
    return columns.n_missing


def groups_of(table: Table) -> list[Sequence[int]]:
    """Return the numbers of all cells, those together that one fit serves."""
    groups: dict[object, list[int]] = {}
    for place, cell in enumerate(table.space.cells):
        params = table.space.params_of(cell)
        key = tuple((name, value) for name, value in params.items() if name not in table.together)
        groups.setdefault(key, []).append(place)
    return list(groups.values())


def _begin(table: Table) -> Columns:
    has_file = (FOLDER / f"{table.name}.npz").exists()
    return load_columns(table.name, table.space) if has_file else empty_columns(table.space)


command = typer.Typer(add_completion=False)
command.command()(main)

if __name__ == "__main__":
    command()
