"""The recurrent network from torch.nn alone, as a careful user would write it."""

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

CELLS: dict[str, type[nn.GRU] | type[nn.LSTM] | type[nn.RNN]] = {"gru": nn.GRU, "lstm": nn.LSTM, "elman": nn.RNN}


class PlainRNN(nn.Module):
    """Recurrent layers and a dense layer on the last state."""

    def __init__(
        self, shape: tuple[int, int], n_outputs: int, cell: str, hidden_units: int, layers: int, bidirectional: bool
    ) -> None:
        """Make the layers."""
        super().__init__()
        self.shape = shape
        self.recurrent = CELLS[cell](
            shape[1], hidden_units, num_layers=layers, bidirectional=bidirectional, batch_first=True
        )
        self.output = nn.Linear(hidden_units * (2 if bidirectional else 1), n_outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return scores or predictions: flat sequences (n, steps * d) to (n, n_outputs)."""
        _, state = self.recurrent(x.view(-1, *self.shape))  # (layers * directions, n, h)
        state = state[0] if isinstance(state, tuple) else state  # the LSTM's second one is its cell
        n_directions = 2 if self.recurrent.bidirectional else 1
        return self.output(state[-n_directions:].transpose(0, 1).flatten(1))  # type: ignore[no-any-return]  # (n, n_outputs)


def build(
    shape: tuple[int, int] = (8, 8),
    n_outputs: int = 10,
    cell: str = "gru",
    hidden_units: int = 64,
    layers: int = 1,
    bidirectional: bool = False,
) -> PlainRNN:
    """Build it.

    Args:
        shape: (steps, features) of a sequence, or (height, width) of a digit to be read row by row.
        n_outputs: classes, or 1 for a series.
        cell: `gru`, `lstm` or `elman`.
        hidden_units: size of each layer's state in each direction.
        layers: how many.
        bidirectional: whether a second set of units reads from the end.

    Returns:
        A module from flat sequences (n, steps * d) to (n, n_outputs).
    """
    return PlainRNN(shape, n_outputs, cell, hidden_units, layers, bidirectional)


def loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return a batch's mean cross-entropy, or its mean squared error where y is of real numbers.

    Args:
        network: from `build`.
        x: (n, steps * d)
        y: (n,) classes, or standardised numbers.
    """
    outputs: Tensor = network(x)  # (n, n_outputs)
    return F.mse_loss(outputs[:, 0], y) if y.is_floating_point() else F.cross_entropy(outputs, y)
