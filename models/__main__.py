"""`python -m models`: list the catalogue, prepare data sets, test finished networks. Answers are JSON on stdout."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from models.catalogue import DATASETS, MODELS, CatalogueError

EXAMPLES = """examples:
  python -m models list
  python -m models prepare digits --cache-dir ~/.cache/tunewell
  python -m models evaluate --network runs/7/network --dataset digits --cache-dir ~/.cache/tunewell
  python -m models evaluate --network runs/7/network --dataset-file SHA256.npz --baseline logistic_regression
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what follows the program's name; those of the process by default.

    Returns:
        Exit code: 0, or 2 for a refusal.

    Effects:
        Prints one JSON object, or the refusal on stderr.
    """
    options = build_parser().parse_args(arguments)
    command: Callable[[argparse.Namespace], dict[str, Any]] = options.command
    try:
        answer = command(options)
    except OSError as error:
        return _refuse("unreadable_file", error)
    except (RuntimeError, ValueError) as error:
        code = getattr(error, "code", None)  # errors of ours have one; anything else is a defect and shows its trace
        if code is None:
            raise
        return _refuse(code, error)
    sys.stdout.write(json.dumps(answer, indent=2) + "\n")
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

    list_command = commands.add_parser("list", help="print all models with their hyperparameters, and all data sets")
    list_command.set_defaults(command=list_catalogue)

    prepare = commands.add_parser("prepare", help="write a data set's arrays into a cache folder")
    prepare.add_argument("dataset", help=f"one of {', '.join(DATASETS)}")
    prepare.add_argument("--cache-dir", type=Path, required=True, help="folder of prepared data sets")
    prepare.add_argument("--mapped", action="store_true", help="as a folder that trials map instead of reading it")
    prepare.set_defaults(command=prepare_command)

    evaluate = commands.add_parser("evaluate", help="test a finished network beside a simple baseline")
    evaluate.add_argument("--network", type=Path, required=True, help="folder with model.safetensors and model.json")
    data = evaluate.add_mutually_exclusive_group(required=True)
    data.add_argument("--dataset-file", type=Path, help="a prepared data set, SHA256.npz")
    data.add_argument("--dataset", help="a data set's name; goes with --cache-dir")
    evaluate.add_argument("--cache-dir", type=Path, help="folder of prepared data sets, for --dataset")
    evaluate.add_argument("--baseline", help="logistic_regression or ridge; the one that fits the data by default")
    evaluate.set_defaults(command=evaluate_command)
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
            "hyperparameters": [asdict(hyperparameter) for hyperparameter in model.hyperparameters.values()],
            "default_space": dict(model.default_space),
        }
        for model in MODELS.values()
    ]
    return {"models": models, "datasets": [asdict(dataset) for dataset in DATASETS.values()]}


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


def evaluate_command(options: argparse.Namespace) -> dict[str, Any]:
    """Measure a network and a baseline on the test part."""
    from models.data.dataset import load_dataset
    from models.measures.baselines import default_baseline, evaluate_baseline
    from models.measures.evaluation import evaluate_network
    from models.networks.saved import load_network

    network = load_network(options.network)
    dataset = load_dataset(_dataset_path(options))
    baseline = options.baseline or default_baseline(dataset.task)
    return {
        "model": network.config.model,
        "params": network.config.params,
        "dataset_sha256": dataset.sha256,
        "n_test": len(dataset.y_test),
        "network": evaluate_network(network, dataset),
        "baseline": {"name": baseline, **evaluate_baseline(dataset, baseline)},
    }


def _dataset_path(options: argparse.Namespace) -> Path:
    from models.data.prepare import prepare_dataset

    if options.dataset_file is not None:
        return Path(options.dataset_file)
    if options.cache_dir is None:
        raise CatalogueError("missing_option", "--dataset needs a folder to prepare the data in.", "--cache-dir")
    return prepare_dataset(options.dataset, options.cache_dir)


def _refuse(code: str, error: Exception) -> int:
    sys.stderr.write(f"{code}: {error}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
