"""`python -m models`: list the catalogue, prepare data sets, test finished networks, let them predict.

Answers are JSON on stdout, but for predictions, which are CSV unless JSON is asked for.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.catalogue import DATASETS, MODELS
from models.catalogue.baselines import BASELINES
from models.commands import building, measuring, using, verifying
from models.commands.options import Answer, add_dataset_options, read_dataset

EXAMPLES = """examples:
  python -m models list
  python -m models prepare digits --cache-dir ~/.cache/tunewell
  python -m models evaluate --network runs/7/network --dataset digits --cache-dir ~/.cache/tunewell
  python -m models baselines --dataset digits --cache-dir ~/.cache/tunewell
  python -m models predict --network runs/7/network new.csv

python -m models COMMAND --help tells more of each.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; those of the process by default.

    Returns:
        Exit code: 0, or 2 for a refusal.

    Effects:
        Prints one JSON object or a table of predictions, or the refusal on stderr.
    """
    options = build_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], Answer] = options.command
    try:
        answer = command(options)
    except OSError as error:
        return _refuse("unreadable_file", error)
    except (RuntimeError, ValueError) as error:
        code = getattr(error, "code", None)  # errors of ours have one; anything else is a defect and shows its trace
        if code is None:
            raise
        return _refuse(code, error)
    sys.stdout.write(answer if isinstance(answer, str) else json.dumps(answer, indent=2) + "\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m models",
        description="Networks, data sets and baselines without a server.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    list_command = commands.add_parser(
        "list", help="print all models with their hyperparameters, data sets and baselines"
    )
    list_command.set_defaults(command=list_catalogue)

    prepare = commands.add_parser("prepare", help="write a data set's arrays into a cache folder")
    prepare.add_argument("dataset", help=f"one of {', '.join(DATASETS)}")
    prepare.add_argument("--cache-dir", type=Path, required=True, help="folder of prepared data sets")
    prepare.add_argument("--mapped", action="store_true", help="as a folder that trials map instead of reading it")
    prepare.set_defaults(command=prepare_command)

    unpack = commands.add_parser("unpack", help="write a prepared file's arrays as a folder that trials map")
    unpack.add_argument("file", type=Path, help="a prepared data set, SHA256.npz")
    unpack.add_argument("--cache-dir", type=Path, required=True, help="folder of prepared data sets")
    unpack.set_defaults(command=unpack_command)

    look = commands.add_parser("preview", help="print how a data set's rows are spread, and a few of them")
    add_dataset_options(look)
    look.set_defaults(command=preview_command)

    building.add_commands(commands)
    measuring.add_commands(commands)
    using.add_commands(commands)
    verifying.add_commands(commands)
    return parser


def list_catalogue(options: argparse.Namespace) -> dict[str, Any]:
    """Return the catalogue as JSON values."""
    models = [
        {
            "name": model.name,
            "title": model.title,
            "meaning": model.meaning,
            "source": model.source,
            "tasks": list(model.tasks),
            "kinds": list(model.kinds),
            "is_generative": model.is_generative,
            "hyperparameters": [asdict(hyperparameter) for hyperparameter in model.hyperparameters.values()],
            "default_space": dict(model.default_space),
        }
        for model in MODELS.values()
    ]
    return {
        "models": models,
        "datasets": [asdict(dataset) for dataset in DATASETS.values()],
        "baselines": [asdict(baseline) for baseline in BASELINES.values()],
    }


def prepare_command(options: argparse.Namespace) -> dict[str, Any]:
    """Prepare a data set and say where it lies; what takes time is told on stderr."""
    from models.data.prepare import prepare_dataset

    path = prepare_dataset(
        options.dataset,
        options.cache_dir,
        tell=lambda sentence: sys.stderr.write(sentence + "\n"),
        is_mapped=options.mapped,
    )
    return {"dataset": options.dataset, "path": str(path), "sha256": path.stem}


def unpack_command(options: argparse.Namespace) -> dict[str, Any]:
    """Write a prepared file's arrays as a folder, and say where it lies."""
    from models.data.dataset import load_dataset
    from models.data.prepare import write_folder

    dataset = load_dataset(options.file)
    path = options.cache_dir / dataset.sha256
    write_folder(path, dataset)
    return {"path": str(path), "sha256": dataset.sha256}


def preview_command(options: argparse.Namespace) -> dict[str, Any]:
    """Return a small look into a data set, prepared first where it is not in the cache."""
    from models.data.preview import preview, profile

    dataset = read_dataset(options)
    return {"sha256": dataset.sha256, "profile": profile(dataset), "preview": preview(dataset)}


def _refuse(code: str, error: Exception) -> int:
    sys.stderr.write(f"{code}: {error}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
