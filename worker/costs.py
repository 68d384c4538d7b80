"""What a finished network costs whoever uses it: parameters, bytes, and the time of one answer."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

N_WARM_UP, N_ANSWERS = 3, 50
BUSY_S = 0.25
"""Measuring stops after so long, however slow the network is; at least one answer is measured."""

Clock = Callable[[], float]


def measure_costs(files: Sequence[Path], row: Tensor | None, clock: Clock = time.perf_counter) -> dict[str, float]:
    """Return `n_parameters` and `network_bytes` of a stored network, and `predict_ms` where it predicts.

    Args:
        files: The network's, in its folder.
        row: (1, d) features to answer for; None for a network that makes examples.
        clock: Seconds that only grow.

    Raises:
        NetworkError: The files hold no network.
    """
    from models.networks.saved import load_network

    body = load_network(files[0].parent).body
    costs = {
        "n_parameters": float(sum(weights.numel() for weights in body.parameters())),
        "network_bytes": float(sum(file.stat().st_size for file in files)),
    }
    return costs if row is None else {**costs, "predict_ms": 1000 * answer_s(body, row, clock)}


def answer_s(network: nn.Module, row: Tensor, clock: Clock = time.perf_counter) -> float:
    """Return the median of the seconds in which a network answers for one row.

    Args:
        network: Maps (1, d) to an answer.
        row: (1, d)
        clock: Seconds that only grow.

    Effects:
        Leaves the network in evaluation mode.
    """
    import torch

    network.eval()
    with torch.inference_mode():
        begun_s = clock()
        for _ in range(N_WARM_UP):
            network(row)
        taken_s: list[float] = []
        while len(taken_s) < N_ANSWERS and (not taken_s or clock() - begun_s < BUSY_S):
            start_s = clock()
            network(row)
            taken_s.append(clock() - start_s)
    return statistics.median(taken_s)
