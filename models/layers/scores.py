"""The last layer of a linear classifier, where two classes share one unit."""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.basic import Dense


class ScoreUnits(Dense):
    """A unit for each number or class, (n, d) to (n, n_outputs) alone and with a leading lane dimension stacked.

    Two classes share one unit, whose sum is the score of the second class, while that of the first is 0: only their
    difference counts.
    """

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        """Make the layer, its weights undefined like those of `Dense`.

        Args:
            n_inputs: d.
            n_outputs: classes, or 1.
        """
        super().__init__(n_inputs, 1 if n_outputs == 2 else n_outputs)
        self.is_shared = n_outputs == 2

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores or numbers."""
        return self.scores(self.sums(x))  # (n, n_outputs)

    def sums(self, x: Tensor) -> Tensor:
        """Return what each unit adds up: (n, d) to (n, units)."""
        return super().forward(x)  # (n, units)

    def scores(self, sums: Tensor) -> Tensor:
        """Return the scores that sums stand for: (n, units) to (n, n_outputs)."""
        return F.pad(sums, (1, 0)) if self.is_shared else sums  # (n, n_outputs)
