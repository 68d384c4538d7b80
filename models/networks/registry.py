"""Networks by their name in the catalogue. A new network is one file and one line in `BUILDERS`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import cast

import torch
from torch import nn

from models.catalogue import ParamValue, complete_params, get_model
from models.networks.mlp import MLP, MLPConfig
from models.seeds import generator

Params = Mapping[str, ParamValue]
Builder = Callable[[Params, int, int, torch.Generator], nn.Module]


def build_network(model: str, params: Params, n_inputs: int, n_outputs: int, seed: int = 0) -> nn.Module:
    """Build a network with initial weights that are a function of the seed.

    Args:
        model: a name in the catalogue.
        params: hyperparameters; missing ones take their defaults, those of the training alone are ignored.
        n_inputs: features of one example.
        n_outputs: classes, or 1 for regression.
        seed: the trial's seed.

    Returns:
        The network on the CPU, mapping (n, n_inputs) to (n, n_outputs).

    Raises:
        CatalogueError: unknown model, unknown hyperparameter or a value it does not accept.
    """
    complete = complete_params(get_model(model), params)
    return BUILDERS[model](complete, n_inputs, n_outputs, generator(seed, "weights"))


def _build_mlp(params: Params, n_inputs: int, n_outputs: int, source: torch.Generator) -> nn.Module:
    config = MLPConfig(
        n_inputs=n_inputs,
        n_outputs=n_outputs,
        hidden_layers=cast(int, params["hidden_layers"]),
        hidden_units=cast(int, params["hidden_units"]),
        activation=cast(str, params["activation"]),
        dropout=cast(float, params["dropout"]),
    )
    return MLP(config, source)


BUILDERS: Mapping[str, Builder] = MappingProxyType({"mlp": _build_mlp})
