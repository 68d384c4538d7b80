"""Commands that put a finished network to use: `predict`, `export`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.commands.options import Answer, Commands, add_command, add_network_option

if TYPE_CHECKING:
    from models.data.dataset import Floats
    from models.networks.saved import Network

PREDICT = """Let a finished network answer new examples from a CSV file, and print its answers.

A line of the file is an example: as many numbers as the network reads, in the order of the data set's features and in
their own units (not standardised; that is the network's business). A first line without any number is a header. Leave
cells empty only where a series is shorter than the network reads: whole steps, in front.

Answers are classes with the probability of each, or numbers in the target's own unit; for a text, the token that comes
next. They are printed as CSV, or as JSON with --format json.

examples:
  python -m models predict --network runs/7/network patients.csv
  python -m models predict --network runs/7/network --format json - < patients.csv
"""

EXPORT = """Write a finished network as an ONNX file, which other programs run without Python or torch.

Its graph takes `features` (n, d), raw, and answers `scores` (n, classes), whose softmax are probabilities, or
`prediction` (n, 1) in the target's own unit. Task, shape and hyperparameters stand in the file's metadata.

example:
  python -m models export --network runs/7/network --output digits.onnx
"""


def add_commands(commands: Commands) -> None:
    """Describe the commands of this file."""
    predict = add_command(commands, "predict", "answer new examples from a CSV file", PREDICT)
    add_network_option(predict)
    predict.add_argument("file", help="a CSV file; - reads standard input")
    predict.add_argument("--format", choices=("csv", "json"), default="csv", help="of the answers (default csv)")
    predict.add_argument("--delimiter", default=",", help="what stands between cells (default a comma)")
    predict.add_argument(
        "--header", choices=("auto", "yes", "no"), default="auto", help="whether the first line names columns"
    )
    predict.set_defaults(command=predict_command)

    export = add_command(commands, "export", "write a network as an ONNX file", EXPORT)
    add_network_option(export)
    export.add_argument("--output", type=Path, required=True, help="the file to write")
    export.set_defaults(command=export_command)


def predict_command(options: argparse.Namespace) -> Answer:
    """Answer the examples of a table."""
    from models.measures.prediction import predict
    from models.networks.saved import load_network

    network = load_network(options.network)
    prediction = predict(network, _read_features(options, network))
    if options.format == "csv":
        return prediction.to_csv()
    answer: dict[str, Any] = {"model": network.config.model, "task": network.config.data.task}
    return answer | {"n_rows": len(prediction.values), "predictions": prediction.to_json()}


def export_command(options: argparse.Namespace) -> Answer:
    """Write the ONNX file and say what it takes."""
    from models.networks.onnx_file import export_onnx
    from models.networks.saved import load_network

    network = load_network(options.network)
    path = export_onnx(network, options.output)
    data = network.config.data
    return {"path": str(path), "size_bytes": path.stat().st_size, "task": data.task, "n_features": data.n_inputs}


def _read_features(options: argparse.Namespace, network: "Network") -> "Floats":
    from models.measures.csv_rows import CsvError, read_rows

    if len(options.delimiter) != 1:
        raise CsvError(f"--delimiter is one character, not {options.delimiter!r}.")
    data = network.config.data
    if options.file == "-":
        return read_rows(sys.stdin, data, "standard input", options.delimiter, options.header)
    # Excel puts a byte-order mark in front, which utf-8-sig takes away.
    with Path(options.file).open(encoding="utf-8-sig", newline="") as lines:
        return read_rows(lines, data, options.file, options.delimiter, options.header)
