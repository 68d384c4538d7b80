"""Networks by their name in the catalogue. A new network is one file and one line in `BUILDERS`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import nn

from models.catalogue import DataShape, ParamValue, complete_params, get_model
from models.networks import capsnet, cnn, gan, linear, mlp, perceptron, rnn
from models.seeds import generator

Params = Mapping[str, ParamValue]
Builder = Callable[[Params, DataShape, torch.Generator], nn.Module]


def build_network(model: str, params: Params, data: DataShape, seed: int = 0) -> nn.Module:
    """Build a network with initial weights that are a function of the seed.

    Args:
        model: a name in the catalogue.
        params: hyperparameters; missing ones take their defaults, those of the training alone are ignored.
        data: what it is built for.
        seed: the trial's seed.

    Returns:
        The network on the CPU, mapping (n, n_inputs) to (n, n_outputs).

    Raises:
        CatalogueError: unknown model, unknown hyperparameter or a value it does not accept.
    """
    complete = complete_params(get_model(model), params)
    return BUILDERS[model](complete, data, generator(seed, "weights"))


BUILDERS: Mapping[str, Builder] = MappingProxyType(
    {
        "capsnet": capsnet.from_params,
        "cnn": cnn.from_params,
        "gan": gan.from_params,
        "linear": linear.from_params,
        "logistic": linear.from_params,
        "mlp": mlp.from_params,
        "perceptron": perceptron.from_params,
        "rnn": rnn.from_params,
    }
)
