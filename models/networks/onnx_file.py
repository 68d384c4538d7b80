"""Finished networks as ONNX files, which run in many languages without Python or torch.

The file takes raw features and answers in the target's own unit, as `Network` does: standardisation is part of it.

The exporter is torch's tracing one. Measured on networks of these families, it takes 0.02 to 0.2 seconds of processor
time where the newer one, by graph capture, takes 1 to 10 and needs another package; both gave equal graphs' answers.
torch's version is pinned, so the tracing one is there; the contract of every network runs its file and compares.
"""

import json
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from models.files import write_atomically
from models.networks.saved import Network

OPSET = 17
"""Operators' version, of 2022: old enough for the runtimes about, new enough for layer normalisation."""
INPUT_NAME, BATCH_AXIS = "features", "n"
EXAMPLE_ROWS = 2
"""Rows to trace with. Not 1: an axis of length 1 would be taken for one that stretches."""


def export_onnx(network: Network, path: Path) -> Path:
    """Write a network that predicts as an ONNX file.

    Its graph takes `features` (n, d) float32 and answers `scores`, (n, n_classes) or (n, steps, n_tokens), whose
    softmax are probabilities, or `prediction` (n, 1) in the target's unit. n may be any number of rows. The metadata
    says what the network is for: `task`, `kind`, `shape`, `n_outputs`, `model`, `params`, `dataset_sha256`.

    Args:
        network: what to export.
        path: the file to write, usually named `.onnx`.

    Returns:
        The file.

    Effects:
        Replaces the file atomically; leaves the network in evaluation mode.
    """
    data = network.config.data
    example = torch.zeros(EXAMPLE_ROWS, data.n_inputs)  # (2, d)
    output_name = "prediction" if data.task == "regression" else "scores"
    metadata = {
        "task": data.task,
        "kind": data.kind,
        "shape": json.dumps(data.shape),
        "n_outputs": str(data.n_outputs),
        "model": network.config.model,
        "params": json.dumps(network.config.params),
        "dataset_sha256": network.config.dataset_sha256,
    }
    write_atomically(path, to_onnx(network, example, output_name, metadata))
    return path


def to_onnx(module: nn.Module, example: Tensor, output_name: str, metadata: Mapping[str, str]) -> bytes:
    """Turn any module of one input and one output into an ONNX model.

    Args:
        module: what to export; it must not choose its way by the numbers it sees.
        example: (n, ...) an input to trace it with.
        output_name: name of the answer in the graph; the input is named `features`.
        metadata: texts to be stored with the model.

    Returns:
        The file's content; its first axes, of input and answer, have any length.

    Raises:
        onnx.checker.ValidationError: the exporter made a graph that breaks the standard.

    Effects:
        Leaves the module in evaluation mode.
    """
    import onnx

    with tempfile.TemporaryDirectory(prefix="tunewell-onnx-") as folder:
        path = Path(folder) / "traced.onnx"
        _trace(module.eval(), example, output_name, path)
        model = onnx.load(path)
    onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString()
    return content


def _trace(module: nn.Module, example: Tensor, output_name: str, path: Path) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        # It announces its own retirement, and each size that it takes for a constant: sizes but the first are.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            path,
            input_names=[INPUT_NAME],
            output_names=[output_name],
            dynamic_axes={INPUT_NAME: {0: BATCH_AXIS}, output_name: {0: BATCH_AXIS}},
            opset_version=OPSET,
            dynamo=False,
        )
