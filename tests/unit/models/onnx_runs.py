"""Run an exported network as another program would, and hold it against the network itself."""

from pathlib import Path

import numpy as np
import onnxruntime
import torch
from torch import Tensor

from models.measures.evaluation import forward_all
from models.networks.onnx_file import export_onnx
from models.networks.saved import Network

TOLERANCE = 1e-4


def run_onnx(path: Path, features: Tensor) -> Tensor:
    """Return what an ONNX file answers to raw features (n, d)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {"features": features.numpy()})
    return torch.from_numpy(np.asarray(answer))


def assert_onnx_agrees(network: Network, features: Tensor, path: Path) -> None:
    """Export a network and check that the file answers as the network does, for several numbers of rows.

    Args:
        network: what to export.
        features: (n, d) raw, at least 2 rows.
        path: where to write the file.
    """
    assert len(features) >= 2
    export_onnx(network, path)
    for n_rows in (1, 2, len(features)):
        expected = forward_all(network, features[:n_rows])
        scale = max(1.0, float(expected.abs().max()))  # numbers in a target's unit may be large
        torch.testing.assert_close(run_onnx(path, features[:n_rows]), expected, rtol=0, atol=TOLERANCE * scale)
