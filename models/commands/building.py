"""`build`: prepare bytes that somebody brought."""

import argparse
import json
from pathlib import Path
from typing import Any

from models.commands.options import Commands, add_command

ABOUT = """Read a table, arrays or pictures, part and standardise them, and write the prepared data set.

Prints its facts, columns, classes, findings and a few rows as JSON; or, where the bytes cannot be read, `refused` with
code, message and the option that would have to be another.

  python -m models build iris.csv --format csv --out data
  python -m models build iris.csv --format csv --out data --options '{"target": "species", "test_fraction": 0.3}'
"""


def add_commands(commands: Commands) -> None:
    """Add `build`."""
    parser = add_command(commands, "build", "prepare a data set of your own", ABOUT)
    parser.add_argument("raw", type=Path, help="the file")
    parser.add_argument("--format", required=True, help="csv, parquet, npz or images")
    parser.add_argument("--options", default="{}", help="how to read it, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder for the prepared data set")
    parser.set_defaults(command=build_command)


def build_command(options: argparse.Namespace) -> dict[str, Any]:
    """Prepare bytes, and return what came of them."""
    import numpy as np

    from models.data.errors import DatasetError
    from models.data.uploads.build import build_source, read_source
    from models.data.uploads.options import Limits, Unreadable, read_options

    limits = Limits()
    try:
        chosen = read_options(json.loads(options.options))
        built = build_source(read_source(options.raw, options.format, limits, chosen), chosen, limits)
    except Unreadable as error:
        return {"refused": {"code": error.code, "message": str(error), "field": error.field}}
    except DatasetError as error:
        return {"refused": {"code": error.code, "message": str(error), "field": None}}
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{built.dataset.sha256}.npz"
    np.savez(path, allow_pickle=False, **built.dataset.members())
    return {
        "sha256": built.dataset.sha256,
        "path": str(path),
        "facts": built.facts(),
        "profile": built.profile,
        "preview": built.preview,
    }
