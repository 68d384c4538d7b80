"""Spectral normalisation: weights divided by their largest singular value, alone and in lanes.

A network whose layers stretch no direction by more than 1 changes its answer no faster than its input, which keeps a
discriminator's gradients useful to the generator.

Source: Miyato, Kataoka, Koyama and Yoshida, arXiv 1802.05957, algorithm 1. torch's own parametrisation recomputes a
weight behind the module's back and cannot be stacked.
"""

import torch
from torch import Tensor, nn

from models.layers.precision import in_float32

FIRST_ITERATIONS = 15
"""Steps of the power iteration before training, so that the first estimate is not a guess; torch takes as many."""

_TINY = 1e-12


class SpectralNorm(nn.Module):
    """Divides a weight (m, d), or (lanes, m, d), by its largest singular value.

    The singular value is estimated by a power iteration that goes on for one step whenever the network trains: weights
    move little from step to step, so the estimate follows them.
    """

    left: Tensor

    def __init__(self, weight: Tensor, generator: torch.Generator) -> None:
        """Start the iteration.

        Args:
            weight: (m, d), the first weights.
            generator: where the direction to begin with comes from.
        """
        super().__init__()
        self.register_buffer("left", torch.randn(weight.shape[0], generator=generator))  # (m,)
        for _ in range(FIRST_ITERATIONS):
            self._iterate(weight.detach())

    @in_float32
    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight divided by its largest singular value.

        Args:
            weight: (m, d), or (lanes, m, d).

        Returns:
            As the weight; a weight of zeros stays one.
        """
        left = self._iterate(weight.detach()) if self.training else self.left  # (..., m)
        # The length of W'u is u'Wv for the best v, and so is its derivative by W, with u and v constant.
        stretched = _times(left, weight)  # (..., d)
        sigma: Tensor = torch.linalg.vector_norm(stretched, dim=-1, keepdim=True).unsqueeze(-1)  # (..., 1, 1)
        return weight / (sigma + _TINY)  # (..., m, d)

    @torch.no_grad()
    def _iterate(self, weight: Tensor) -> Tensor:
        right = _times(self.left, weight)  # (..., d)
        left = (weight @ right.unsqueeze(-1)).squeeze(-1)  # (..., m)
        length = torch.linalg.vector_norm(left, dim=-1, keepdim=True)  # (..., 1)
        left = torch.where(length > 0, left / (length + _TINY), self.left)  # (..., m)  zeros point nowhere: wait
        self.left.copy_(left)
        return left


def _times(left: Tensor, weight: Tensor) -> Tensor:
    return (left.unsqueeze(-2) @ weight).squeeze(-2)  # (..., d)
