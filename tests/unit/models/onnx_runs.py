"""Run exported networks as another program would, and hold them against the networks themselves."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from models.measures.evaluation import forward_all
from models.networks.onnx_file import describe_graph, export_onnx
from models.networks.saved import Network

TOLERANCE = 1e-4


def run_onnx(path: Path, inputs: Tensor) -> Tensor:
    """Return what an ONNX file answers to its one input (n, ...)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    (answer,) = session.run(None, {taken.name: inputs.numpy()})
    return torch.from_numpy(np.asarray(answer))


def assert_onnx_agrees(network: Network, inputs: Tensor, path: Path) -> None:
    """Export a network and check that the file answers as the network does, for several numbers of rows.

    Args:
        network: what to export.
        inputs: (n, d) raw features, or (n, latent) noise for one that makes examples; at least 3 rows.
        path: where to write the file.
    """
    assert len(inputs) > 2
    export_onnx(network, path)
    module = describe_graph(network).module
    for n_rows in (1, 2, len(inputs)):
        expected = forward_all(module, inputs[:n_rows])
        scale = max(1.0, float(expected.abs().max()))  # numbers in a target's unit may be large
        torch.testing.assert_close(run_onnx(path, inputs[:n_rows]), expected, rtol=0, atol=TOLERANCE * scale)
