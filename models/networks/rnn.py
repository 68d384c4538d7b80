"""Recurrent network: a state carried from step to step, read out at the end or at every step.

Source: Elman, Finding structure in time, Cognitive Science 14, 1990; Hochreiter and Schmidhuber, Long short-term
memory, Neural Computation 9, 1997; Cho et al., arXiv 1406.1078, 2014; both directions as in Schuster and Paliwal, IEEE
Transactions on Signal Processing 45, 1997; truncation as in Williams and Peng, Neural Computation 2, 1990.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.catalogue import DataShape, ParamValue
from models.layers.basic import Dense, Dropout
from models.layers.initialisers import initialise
from models.layers.recurrent import Recurrent
from models.layers.tracing import is_tracing

EVALUATION_NUMBERS = 1 << 18
"""States of all steps that are computed at once where no gradient is wanted: 1 MiB."""


@dataclass(frozen=True, slots=True)
class RNNConfig:
    """Shape of a recurrent network; ranges and meanings stand in the catalogue.

    Attributes:
        shape: of one example: (steps, features), (channels, height, width) or (steps,) tokens.
        n_outputs: classes, tokens, or 1.
        has_tokens: whether inputs are numbers of tokens; the network then answers at every step.
    """

    shape: tuple[int, ...]
    n_outputs: int
    has_tokens: bool = False
    cell: str = "gru"
    layers: int = 1
    hidden_units: int = 64
    bidirectional: bool = False
    readout: str = "last"
    embedding_size: int = 32
    bptt_steps: int = 0
    dropout: float = 0.0
    initialiser: str = "orthogonal"

    @property
    def n_inputs(self) -> int:
        """Numbers that the first layer reads at each step: those of an image's row, of a step, or of an embedding."""
        if self.has_tokens:
            return self.embedding_size
        return self.shape[0] * self.shape[2] if len(self.shape) == 3 else self.shape[1]

    @property
    def n_steps(self) -> int:
        """Steps of an example."""
        return self.shape[1] if len(self.shape) == 3 else self.shape[0]


class Embedding(nn.Module):
    """A vector for each token, (n, steps) to (1, size, steps, n) alone and (lanes, n, steps) to (lanes, size, ...)."""

    def __init__(self, n_tokens: int, size: int) -> None:
        """Make the layer; its weights start undefined like those of `Dense`."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_tokens, size))  # (tokens, size)

    def forward(self, tokens: Tensor) -> Tensor:
        """Look up the vectors of (..., n, steps) whole numbers."""
        weight = self.weight if self.weight.dim() == 3 else self.weight.unsqueeze(0)  # (lanes, tokens, size)
        lanes, n_tokens, size = weight.shape
        first = torch.arange(lanes, device=tokens.device).view(-1, 1, 1) * n_tokens  # (lanes, 1, 1)
        vectors = nn.functional.embedding(tokens + first, weight.reshape(-1, size))  # (lanes, n, steps, size)
        return vectors.permute(0, 3, 2, 1)  # (lanes, size, steps, n)


class RNN(nn.Module):
    """Map sequences (n, n_inputs) to scores or numbers (n, n_outputs), tokens (n, steps) to (n, steps, n_outputs)."""

    def __init__(self, config: RNNConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights.

        Args:
            config: the network's shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        width = config.hidden_units * (2 if config.bidirectional else 1)
        sizes = (config.n_inputs, *(width for _ in range(config.layers - 1)))
        self.embedding = Embedding(config.n_outputs, config.embedding_size) if config.has_tokens else None
        self.recurrent = nn.ModuleList(
            Recurrent(config.cell, d, config.hidden_units, config.bidirectional, config.bptt_steps) for d in sizes
        )
        self.dropouts = nn.ModuleList(Dropout(config.dropout) for _ in sizes)
        self.output = Dense(width, config.n_outputs)
        # A forward keeps all steps, so many rows go through in parts that stay in the cache, whatever the lanes.
        self._rows_at_once = max(16, EVALUATION_NUMBERS // (config.n_steps * width))
        self._initialise(generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores (logits, not probabilities) or predictions.

        Args:
            x: (n, n_inputs), standardised, or (n, steps) tokens.

        Returns:
            (n, n_outputs), or (n, steps, n_outputs) for tokens
        """
        if torch.is_grad_enabled() or is_tracing():
            return self._answer(x)
        rows = torch.split(x, self._rows_at_once, dim=-2)  # each (..., rows, n_inputs)
        return torch.cat([self._answer(some) for some in rows], dim=x.dim() - 2)  # (n, [steps,] n_outputs)

    def _answer(self, x: Tensor) -> Tensor:
        is_alone = x.dim() == 2
        if self.embedding is not None:
            x = self.embedding(x.long())  # (lanes, d, steps, n)
        else:
            x = self._by_step(x if x.dim() == 3 else x.unsqueeze(0))  # (lanes, d, steps, n)
        is_real = _after_padding(x) if self.config.readout == "mean" else None  # (lanes, 1, steps, n)
        for layer, dropout in zip(self.recurrent, self.dropouts, strict=True):
            x, last = layer(x)  # (lanes, h, steps, n), (lanes, h, n)
            if layer is self.recurrent[-1] and not self.config.has_tokens:
                x = last if is_real is None else (x * is_real).sum(dim=2) / is_real.sum(dim=2)  # (lanes, h, n)
            x = dropout(x[0] if is_alone else x)  # as x
            x = x.unsqueeze(0) if is_alone else x  # (lanes, h, [steps,] n)
        x = x.transpose(1, -1)  # (lanes, n, [steps,] h)
        return self.output(x[0] if is_alone else x)  # type: ignore[no-any-return]  # (n, [steps,] n_outputs)

    def _by_step(self, x: Tensor) -> Tensor:
        lanes, n, _ = x.shape
        if len(self.config.shape) == 2:
            return x.view(lanes, n, *self.config.shape).permute(0, 3, 2, 1)  # (lanes, d, steps, n)
        rows = x.view(lanes, n, *self.config.shape).permute(0, 2, 4, 3, 1)  # (lanes, channels, width, height, n)
        return rows.flatten(1, 2)  # (lanes, d, steps, n)

    def _initialise(self, generator: torch.Generator) -> None:
        name = self.config.initialiser
        if self.embedding is not None:
            with torch.no_grad():
                self.embedding.weight.normal_(generator=generator)
        for module in self.recurrent.modules():
            for weight in (module.input_weight, module.state_weight) if isinstance(module, Recurrent) else ():
                for gate in weight.detach().view(-1, self.config.hidden_units, weight.shape[-1]):  # (units, d)
                    initialise(gate, name, 1.0, generator)
        initialise(self.output.weight, name, 1.0, generator)


def _after_padding(x: Tensor) -> Tensor:
    # 1 from the first step that is not all zeros on, (lanes, 1, steps, n): shorter sequences are padded in front. The
    # last step counts in any case.
    seen = (x.abs().amax(dim=1, keepdim=True) > 0).to(x.dtype).cumsum(dim=2)  # (lanes, 1, steps, n)
    is_last = torch.arange(x.shape[2], device=x.device).view(-1, 1) == x.shape[2] - 1  # (steps, 1)
    return ((seen > 0) | is_last).to(x.dtype)  # (lanes, 1, steps, n)


def from_params(params: Mapping[str, ParamValue], data: DataShape, generator: torch.Generator) -> RNN:
    """Build the network that complete hyperparameters describe."""
    config = RNNConfig(
        shape=data.shape,
        n_outputs=data.n_outputs,
        has_tokens=data.kind == "text",
        cell=str(params["cell"]),
        layers=int(params["layers"]),
        hidden_units=int(params["hidden_units"]),
        bidirectional=bool(params["bidirectional"]),
        readout=str(params["readout"]),
        embedding_size=int(params["embedding_size"]),
        bptt_steps=int(params["bptt_steps"]),
        dropout=float(params["dropout"]),
        initialiser=str(params["initialiser"]),
    )
    return RNN(config, generator)
