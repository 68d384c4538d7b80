"""New examples from a trained generative network, in the unit of the raw data."""

import torch
from torch import Tensor

from models.layers.random import random_normal
from models.networks.gan import GAN
from models.networks.saved import Network
from models.seeds import derive

PIECE = 1024
"""Examples made at once: enough to be fast, few enough for memory."""


class NotGenerativeError(ValueError):
    """A network predicts instead of making examples (code `not_generative`)."""

    code = "not_generative"


def sample(network: Network, n: int, seed: int) -> Tensor:
    """Make examples.

    Args:
        network: a trained generative network.
        n: how many.
        seed: decides what they show; the first of n are the first of more.

    Returns:
        (n, *shape) float32 in the scale of the raw data, with the shape of one example: (n, channels, height, width).

    Raises:
        NotGenerativeError: the network predicts.
        ValueError: n is negative.

    Effects:
        Puts the network into evaluation mode.
    """
    body = network.body
    if not isinstance(body, GAN):
        raise NotGenerativeError(
            f"The network is a {network.config.model}, which makes no examples; a gan does, once trained."
        )
    if n < 0:
        raise ValueError(f"{n} examples cannot be made; n is 0 or more.")
    network.eval()
    device = network.feature_mean.device
    key = derive(seed, "sample") & 0x7FFFFFFF
    pieces = [network.feature_mean.new_empty(0, network.config.data.n_inputs)]  # (0, d)
    with torch.inference_mode():
        for place in range(-(-n // PIECE)):
            keys = torch.tensor((key + place) & 0x7FFFFFFF, dtype=torch.int32, device=device)  # ()
            images = body.make(random_normal(keys, (PIECE, body.config.latent)))  # (piece, d)
            pieces.append(images * network.feature_scale + network.feature_mean)  # (piece, d)
        return torch.cat(pieces)[:n].view(n, *network.config.data.shape)  # (n, *shape)
