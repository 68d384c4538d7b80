"""The examples of each lane in the order of each epoch, gathered in pieces that stay small."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.layers.random import hash32
from models.networks.base import Batch
from models.seeds import derive, generator

PIECE_BYTES = 32 << 20
"""Features gathered at once for all lanes: a whole epoch of small data, a few steps of large data."""

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Examples that lanes draw rows from, resident on the device or mapped from a file.

    Attributes:
        x: (n, d) float32 features: a tensor, or a memory-mapped array that is never read as a whole.
        y: (n,) classes, standardised targets, or (n, steps) tokens.
        device: where batches go.
    """

    x: Tensor | npt.NDArray[Any]
    y: Tensor
    device: torch.device

    def take(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Gather examples.

        Args:
            rows: (...) int64 row numbers, on the CPU for mapped features, else on the device.

        Returns:
            Features (..., d) and targets (...) on the device.
        """
        if isinstance(self.x, Tensor):
            return self.x[rows], self.y[rows]
        features = torch.from_numpy(self.x[rows.numpy()])
        return features.to(self.device), self.y[rows].to(self.device)


def resident(x: npt.NDArray[Any], y: Tensor, device: torch.device) -> Examples:
    """Put examples where training reads them: on the device, unless they are mapped from a file."""
    if isinstance(x, np.memmap):
        return Examples(x, y, device)
    return Examples(torch.from_numpy(x).to(device), y.to(device), device)


class LaneBatches:
    """Batches for lanes that draw from the same examples, each in an order of its own.

    Attributes:
        n_steps: steps of an epoch.
    """

    def __init__(self, examples: Examples, rows: Sequence[Rows], seeds: Sequence[int], batch_size: int) -> None:
        """Prepare the lanes.

        Args:
            examples: what the rows refer to.
            rows: (n,) row numbers of each lane's training part, the same number for all.
            seeds: of the trials.
            batch_size: examples of a step; the last step of an epoch takes what is left.
        """
        self.examples = examples
        self.rows = [torch.from_numpy(one) for one in rows]
        self.seeds = list(seeds)
        self.batch_size = min(batch_size, len(self.rows[0]))
        self.n_rows = len(self.rows[0])
        self.n_steps = -(-self.n_rows // self.batch_size)

    def epoch(self, epochs: Sequence[int], keys: Sequence[Tensor]) -> Iterator[Batch]:
        """Yield the batches of an epoch.

        Args:
            epochs: which epoch each lane is in, from 1.
            keys: of each step, () or (lanes,), from `keys`.

        Yields:
            Batches without a lane dimension for one lane, else with one.
        """
        order = torch.stack(
            [
                rows[torch.randperm(self.n_rows, generator=generator(seed, "order", epoch))]
                for rows, seed, epoch in zip(self.rows, self.seeds, epochs, strict=True)
            ]
        )  # (lanes, n)
        if len(self.rows) == 1:
            order = order[0]  # (n,)
        if isinstance(self.examples.x, Tensor):
            order = order.to(self.examples.device)
        step = 0
        for rows in torch.split(order, self._piece_rows(), dim=-1):
            x, y = self.examples.take(rows)  # (lanes, piece, d), (lanes, piece)
            where = rows.dim() - 1
            pieces = zip(
                torch.split(x, self.batch_size, dim=where), torch.split(y, self.batch_size, dim=where), strict=True
            )
            for x_step, y_step in pieces:
                yield Batch(x_step, y_step, keys[step])
                step += 1

    def _piece_rows(self) -> int:
        row_bytes = 4 * len(self.rows) * int(np.prod(self.examples.x.shape[1:]))
        n_batches = max(1, PIECE_BYTES // (row_bytes * self.batch_size))
        return self.batch_size * n_batches

    def keys(self, epochs: Sequence[int]) -> Tensor:
        """Return a key for each step and lane, a function of (seed, epoch, step).

        Args:
            epochs: which epoch each lane is in, from 1.

        Returns:
            (n_steps,) or (n_steps, lanes) int32.
        """
        lanes = [derive(seed, "keys", epoch) & 0x7FFFFFFF for seed, epoch in zip(self.seeds, epochs, strict=True)]
        steps = hash32(torch.arange(self.n_steps, dtype=torch.int32))  # (n_steps,)
        keys = hash32(steps[:, None] ^ torch.tensor(lanes, dtype=torch.int32))  # (n_steps, lanes)
        return (keys[:, 0] if len(self.rows) == 1 else keys).to(self.examples.device)


def evaluation_keys(seeds: Sequence[int], device: torch.device) -> Tensor:
    """Return the keys with which each lane is measured, the same after every epoch: (lanes,) int32."""
    keys = [derive(seed, "measure") & 0x7FFFFFFF for seed in seeds]
    return torch.tensor(keys, dtype=torch.int32, device=device)
