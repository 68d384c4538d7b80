"""What several commands share: how a network and a data set are named, and what a help text looks like."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.catalogue import DATASETS, CatalogueError

if TYPE_CHECKING:
    from models.data.dataset import Dataset

Answer = dict[str, Any] | str
"""What a command answers: JSON values, or text that is printed as it is."""

Commands = Any
"""What `add_subparsers` returns; argparse has no public name for it."""


def add_command(commands: Commands, name: str, summary: str, about: str) -> argparse.ArgumentParser:
    """Add a command.

    Args:
        commands: where to.
        name: the word people type.
        summary: one line for the list of commands.
        about: paragraphs and examples for the command's own help.

    Returns:
        The command's parser, for its options.
    """
    parser: argparse.ArgumentParser = commands.add_parser(
        name, help=summary, description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    return parser


def add_network_option(parser: argparse.ArgumentParser) -> None:
    """Add `--network`."""
    parser.add_argument("--network", type=Path, required=True, help="folder with model.safetensors and model.json")


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """Add the two ways to name a data set."""
    data = parser.add_mutually_exclusive_group(required=True)
    data.add_argument("--dataset-file", type=Path, help="a prepared data set, SHA256.npz")
    data.add_argument("--dataset", help=f"a data set's name: {', '.join(DATASETS)}; goes with --cache-dir")
    parser.add_argument("--cache-dir", type=Path, help="folder of prepared data sets, for --dataset")


def read_dataset(options: argparse.Namespace) -> "Dataset":
    """Load the data set that the options name, prepared first where it is not in the cache yet.

    Raises:
        CatalogueError: `missing_option` or `unknown_dataset`.
        DatasetError: it cannot be had, or its file is damaged.
    """
    from models.data.dataset import load_dataset
    from models.data.prepare import prepare_dataset

    if options.dataset_file is not None:
        return load_dataset(options.dataset_file)
    if options.cache_dir is None:
        raise CatalogueError("missing_option", "--dataset needs a folder to prepare the data in.", "--cache-dir")
    return load_dataset(prepare_dataset(options.dataset, options.cache_dir, tell))


def tell(sentence: str) -> None:
    """Say on standard error what takes time."""
    sys.stderr.write(sentence + "\n")
