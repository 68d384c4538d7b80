"""Commands that measure on the test part: `evaluate`, `baselines`, `ensemble`.

What needs torch or scikit-learn is imported when a command runs, so that `--help` answers at once.
"""

import argparse
import textwrap
from pathlib import Path
from typing import Any

from models.catalogue.baselines import BASELINES
from models.commands.options import Commands, add_command, add_dataset_options, add_network_option, read_dataset


def _meanings() -> str:
    lines = (f"  {info.name:<22}{info.meaning}" for info in BASELINES.values())
    return "\n".join(textwrap.fill(line, 118, subsequent_indent=" " * 24) for line in lines)


EVALUATE = """Test a finished network beside a simple baseline, both on rows that neither has seen.

The data set must be the one that the network was trained on: its digest stands in model.json. Look at the test part
once, when the choice is made: a network chosen by its test figures makes them too good.

examples:
  python -m models evaluate --network runs/7/network --dataset digits --cache-dir ~/.cache/tunewell
  python -m models evaluate --network runs/7/network --dataset-file SHA256.npz --baseline random_forest
"""

BASELINES_ABOUT = f"""Fit simple models on the training part and measure them: is a network worth it here?

Each learns from the training part alone, its own settings chosen by cross-validation within it, and is measured on the
validation and the test part by the metrics that networks have. Those that cannot learn the data are left out.

baselines:
{_meanings()}

examples:
  python -m models baselines --dataset diabetes --cache-dir ~/.cache/tunewell
  python -m models baselines --dataset digits --cache-dir ~/.cache/tunewell --only random_forest,k_nearest_neighbours
"""

ENSEMBLE = """Let several finished networks answer together, and test the joint answer beside each of theirs.

Probabilities (of classes) or predictions (of numbers) are averaged. The networks may differ in kind and size and may be
trained on different folds, but of the same data set.

example:
  python -m models ensemble runs/7/network runs/9/network --dataset digits --cache-dir ~/.cache/tunewell
"""


def add_commands(commands: Commands) -> None:
    """Describe the commands of this file."""
    evaluate = add_command(commands, "evaluate", "test a finished network beside a simple baseline", EVALUATE)
    add_network_option(evaluate)
    add_dataset_options(evaluate)
    evaluate.add_argument("--baseline", help="its name; the linear one of the task by default")
    evaluate.set_defaults(command=evaluate_command)

    baselines = add_command(commands, "baselines", "measure simple models on a data set", BASELINES_ABOUT)
    add_dataset_options(baselines)
    baselines.add_argument("--only", metavar="NAMES", help="names with commas between; all that fit by default")
    baselines.add_argument("--seed", type=int, default=0, help="decides folds and the draws of forests (default 0)")
    baselines.set_defaults(command=baselines_command)

    ensemble = add_command(commands, "ensemble", "test several networks that answer together", ENSEMBLE)
    ensemble.add_argument("networks", type=Path, nargs="+", metavar="FOLDER", help="a finished network's folder")
    add_dataset_options(ensemble)
    ensemble.set_defaults(command=ensemble_command)


def evaluate_command(options: argparse.Namespace) -> dict[str, Any]:
    """Measure a network and a baseline on the test part."""
    from models.catalogue.baselines import default_baseline
    from models.measures.baselines import evaluate_baselines, require_fitting
    from models.measures.evaluation import evaluate_confusion, evaluate_network
    from models.networks.saved import load_network

    network, dataset = load_network(options.network), read_dataset(options)
    baseline = options.baseline or default_baseline(dataset.task)
    require_fitting(dataset, baseline)
    answer: dict[str, Any] = {
        "model": network.config.model,
        "params": network.config.params,
        "dataset_sha256": dataset.sha256,
        "n_test": len(dataset.y_test),
        "network": evaluate_network(network, dataset),
        "baseline": evaluate_baselines(dataset, [baseline])[0],
    }
    confusion = evaluate_confusion(network, dataset)
    return answer if confusion is None else {**answer, "confusion_matrix": confusion}


def baselines_command(options: argparse.Namespace) -> dict[str, Any]:
    """Measure baselines on the validation and the test part."""
    from models.measures.baselines import evaluate_baselines

    dataset = read_dataset(options)
    names = None if options.only is None else [name.strip() for name in options.only.split(",")]
    return {
        "dataset_sha256": dataset.sha256,
        "task": dataset.task,
        "seed": options.seed,
        "n_train": len(dataset.y_train),
        "n_val": len(dataset.y_val),
        "n_test": len(dataset.y_test),
        "baselines": evaluate_baselines(dataset, names, options.seed),
    }


def ensemble_command(options: argparse.Namespace) -> dict[str, Any]:
    """Measure several networks on the test part, together and one by one."""
    from models.measures.ensemble import evaluate_ensemble
    from models.networks.saved import load_network

    networks = [load_network(folder) for folder in options.networks]
    dataset = read_dataset(options)
    result = evaluate_ensemble(networks, dataset)
    members = [
        {"folder": str(folder), "model": network.config.model, **metrics}
        for folder, network, metrics in zip(options.networks, networks, result.members, strict=True)
    ]
    return {
        "dataset_sha256": dataset.sha256,
        "n_test": len(dataset.y_test),
        "ensemble": result.ensemble,
        "members": members,
    }
