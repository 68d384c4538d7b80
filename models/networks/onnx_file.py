"""Finished networks as ONNX files, which run in many languages without Python or torch.

The file takes raw features and answers in the target's own unit, as `Network` does: standardisation is part of it.

The exporter is torch's tracing one. Measured on these families, it takes 0.02 to 0.3 seconds of processor time where
the newer one, by graph capture, takes 1 to 20 and needs another package. A trace may go wrong without a word, where a
layer writes into its own memory say, so a file is held against its network, on another number of rows than were
traced, before anybody sees it.
"""

import json
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from models.files import write_atomically
from models.networks.saved import Network

OPSET = 17
"""Operators' version, of 2022: old enough for the runtimes about, new enough for layer normalisation."""
BATCH_AXIS = "n"
EXAMPLE_ROWS = 2
"""Rows to trace with. Not 1: an axis of length 1 would be taken for one that stretches."""
PROBE_ROWS = 3
TOLERANCE = 1e-4
"""How far a file's answers may be from the network's, as a share of the largest answer (of 1 where all are smaller)."""


class OnnxError(RuntimeError):
    """A network cannot be written as a file that answers as it does (`unfit_for_onnx`)."""

    code = "unfit_for_onnx"


@dataclass(frozen=True, slots=True)
class Graph:
    """What is to become a file.

    Attributes:
        module: of one input and one output; it must not choose its way by the numbers it sees.
        example: (n, ...) typical inputs, to trace it and to test the file with; at least 3 rows, all different.
        input_name: name of the input.
        output_name: name of the answer.
    """

    module: nn.Module
    example: Tensor
    input_name: str
    output_name: str


@runtime_checkable
class MakesExamples(Protocol):
    """The body of a network that makes examples, from as many numbers of noise as its hyperparameter `latent` says."""

    def make(self, z: Tensor) -> Tensor:
        """Return standardised examples (n, d) made of standard normal noise (n, latent)."""
        ...


class Maker(nn.Module):
    """A network that makes examples, seen from that side: noise (n, latent) to examples (n, d) in the data's unit."""

    def __init__(self, network: Network, body: MakesExamples) -> None:
        """Look at a network whose body is `body`."""
        super().__init__()
        self.network = network
        self._make = body.make

    def forward(self, z: Tensor) -> Tensor:
        """Make examples."""
        return self._make(z) * self.network.feature_scale + self.network.feature_mean  # (n, d)


def export_onnx(network: Network, path: Path) -> Path:
    """Write a network as an ONNX file.

    Its graph takes `features` (n, d) float32 and answers `scores`, (n, n_classes) or (n, steps, n_tokens), whose
    softmax are probabilities, or `prediction` (n, 1) in the target's unit. That of a network which makes examples takes
    `noise` (n, latent), standard normal, and answers `examples` (n, d) in the data's unit. n may be any number of rows.
    The metadata says what the network is for: `task`, `kind`, `shape`, `n_outputs`, `model`, `params`,
    `dataset_sha256`.

    Args:
        network: what to export.
        path: the file to write, usually named `.onnx`.

    Returns:
        The file.

    Raises:
        OnnxError: the file would not answer as the network does.

    Effects:
        Replaces the file atomically; leaves the network in evaluation mode.
    """
    data = network.config.data
    metadata = {
        "task": data.task,
        "kind": data.kind,
        "shape": json.dumps(data.shape),
        "n_outputs": str(data.n_outputs),
        "model": network.config.model,
        "params": json.dumps(network.config.params),
        "dataset_sha256": network.config.dataset_sha256,
    }
    write_atomically(path, to_onnx(describe_graph(network), metadata))
    return path


def describe_graph(network: Network) -> Graph:
    """Return a network as what its file will show."""
    data, body = network.config.data, network.body
    source = torch.Generator().manual_seed(0)
    if isinstance(body, MakesExamples):
        noise = torch.randn(PROBE_ROWS, int(network.config.params["latent"]), generator=source)  # (3, latent)
        return Graph(Maker(network, body), noise, "noise", "examples")
    if data.kind == "text":
        example = torch.randint(data.n_outputs, (PROBE_ROWS, data.n_inputs), generator=source).float()  # (3, steps)
    else:
        standard = torch.randn(PROBE_ROWS, data.n_inputs, generator=source)  # (3, d)
        example = standard * network.feature_scale + network.feature_mean  # (3, d)
    return Graph(network, example, "features", "prediction" if data.task == "regression" else "scores")


def to_onnx(graph: Graph, metadata: Mapping[str, str]) -> bytes:
    """Turn any module of one input and one output into an ONNX model.

    Args:
        graph: what to export.
        metadata: texts to be stored with the model.

    Returns:
        The file's content; its first axes, of input and answer, have any length.

    Raises:
        OnnxError: the exporter has no operator for a part of the module, made a graph that breaks the standard, or one
            whose answers differ from the module's.

    Effects:
        Leaves the module in evaluation mode.
    """
    import onnx

    graph.module.eval()
    with tempfile.TemporaryDirectory(prefix="tunewell-onnx-") as folder:
        path = Path(folder) / "traced.onnx"
        _trace(graph, path)
        model = onnx.load(path)
    _count_axes_from_the_front(model)
    onnx.helper.set_model_props(model, dict(metadata))
    try:
        onnx.checker.check_model(model, full_check=True)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise OnnxError(f"The exporter made a graph that breaks the standard: {error}") from error
    _require_same_answers(model, graph)
    content: bytes = model.SerializeToString()
    return content


def _trace(graph: Graph, path: Path) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        # It announces its own retirement, and each size that it takes for a constant: sizes but the first are.
        warnings.simplefilter("ignore")
        try:
            torch.onnx.export(
                graph.module,
                (graph.example[:EXAMPLE_ROWS],),
                path,
                input_names=[graph.input_name],
                output_names=[graph.output_name],
                dynamic_axes={graph.input_name: {0: BATCH_AXIS}, graph.output_name: {0: BATCH_AXIS}},
                opset_version=OPSET,
                dynamo=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise OnnxError(f"The exporter has no operator for a part of the network: {error}") from error


def _count_axes_from_the_front(model: Any) -> None:
    # The exporter writes a transposition's axes as torch was given them, the standard knows none below 0.
    for node in model.graph.node:
        for attribute in node.attribute if node.op_type == "Transpose" else ():
            axes = [axis % len(attribute.ints) for axis in attribute.ints]
            attribute.ints[:] = axes


def _require_same_answers(model: Any, graph: Graph) -> None:
    from onnx.reference import ReferenceEvaluator

    probe = graph.example[:PROBE_ROWS]  # (3, ...)
    with torch.inference_mode():
        expected = graph.module(probe)  # (3, ...)
    (answer,) = ReferenceEvaluator(model).run(None, {graph.input_name: probe.numpy()})
    found = torch.from_numpy(np.array(answer))  # (3, ...)
    if found.shape != expected.shape:
        raise OnnxError(f"The file answers in the shape {tuple(found.shape)}, the network in {tuple(expected.shape)}.")
    difference = float((found - expected).abs().max())
    if not difference <= TOLERANCE * max(1.0, float(expected.abs().max())):
        raise OnnxError(f"The file's answers differ from the network's by up to {difference:.3g}.")
