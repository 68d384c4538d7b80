"""`verify`: hold prepared data sets against their names."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.commands.options import Commands, add_command

ABOUT = """Read every prepared data set of a folder, hash it anew, and print which are sound and what is wrong with
the others.

  python -m models verify --cache-dir .tunewell/datasets
"""


def add_commands(commands: Commands) -> None:
    """Add `verify`."""
    parser = add_command(commands, "verify", "hold prepared data sets against their hashes", ABOUT)
    parser.add_argument("--cache-dir", type=Path, required=True, help="folder of prepared data sets")
    parser.set_defaults(command=verify_command)


def verify_command(options: argparse.Namespace) -> dict[str, Any]:
    """Verify a folder."""
    from models.data.verify import verify_cache

    return asdict(verify_cache(options.cache_dir))
