"""Random numbers that depend on a key and a place only: the same alone, in any company and on any device.

A generator's numbers depend on what was drawn before. These are a hash of (key, place), so a lane that trains beside
others, resumes after an interruption or moves to another device draws what it would have drawn anyway.

Source: counter-based generation as in Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, 2011; the 32-bit hash
is the one with the constants found by C. Wellons' search for low bias, 2018.
"""

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

_BITS = 24
_PLACE_STEP = 0x3C6EF372  # keeps the keys of a network's layers apart


def hash32(x: Tensor) -> Tensor:
    """Scramble 32-bit numbers; each input has an output of its own.

    Args:
        x: any shape, int32.

    Returns:
        As x, int32.
    """
    x = x ^ ((x >> 16) & 0xFFFF)
    x = x * 0x7FEB352D
    x = x ^ ((x >> 15) & 0x1FFFF)
    x = x * -0x7B935975  # 0x846CA68B as a signed number
    return x ^ ((x >> 16) & 0xFFFF)


@lru_cache(maxsize=64)
def _places(n: int, device: torch.device) -> Tensor:
    return hash32(torch.arange(n, dtype=torch.int32, device=device))  # (n,)


def random_bits(keys: Tensor, n: int) -> Tensor:
    """Draw whole numbers from -2**31 to 2**31 - 1.

    Args:
        keys: () or (lanes,) int32.
        n: how many for each key.

    Returns:
        (n,) or (lanes, n) int32.
    """
    # Places are scrambled already, so the key only has to be mixed in; in place, since every unit of a network pays
    # for this in every step.
    x = _places(n, keys.device) ^ keys.unsqueeze(-1)  # (..., n)
    x *= 0x7FEB352D
    x ^= (x >> 15) & 0x1FFFF
    x *= -0x7B935975
    x ^= (x >> 16) & 0xFFFF
    return x  # (..., n)


def random_halves(keys: Tensor, n: int) -> Tensor:
    """Draw whole numbers from -2**15 to 2**15 - 1: half the work where 16 bits are enough.

    Args:
        keys: () or (lanes,) int32.
        n: how many for each key.

    Returns:
        (n,) or (lanes, n) int16.
    """
    return random_bits(keys, -(-n // 2)).view(torch.int16)[..., :n]


def random_uniform(keys: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Draw numbers from 0 to below 1.

    Args:
        keys: () or (lanes,) int32.
        shape: of each key's numbers.

    Returns:
        `shape`, or (lanes, *shape); float32.
    """
    bits = (random_bits(keys, math.prod(shape)) >> (32 - _BITS)) & ((1 << _BITS) - 1)  # (..., n)
    return (bits.float() * 2.0**-_BITS).view(*keys.shape, *shape)


def random_normal(keys: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Draw from the standard normal distribution, two numbers of each pair of draws (Box and Muller 1958).

    Args:
        keys: () or (lanes,) int32.
        shape: of each key's numbers.

    Returns:
        `shape`, or (lanes, *shape); float32.
    """
    n = math.prod(shape)
    first, second = random_uniform(keys, (2, -(-n // 2))).unbind(dim=-2)  # each (..., n / 2)
    radius = (-2 * torch.log1p(-first)).sqrt()  # (..., n / 2)
    angle = 2 * math.pi * second  # (..., n / 2)
    both = torch.cat((radius * torch.cos(angle), radius * torch.sin(angle)), dim=-1)  # (..., n or n + 1)
    return both[..., :n].reshape(*keys.shape, *shape)


class KeyedLayer(nn.Module):
    """A layer that draws random numbers while it trains, from a key that the trainer sets before each step.

    Attributes:
        key: () or (lanes,) int32, of this step.
        keys: (n_steps,) or (n_steps, lanes) int32, of all steps of an epoch, for layers that draw ahead; None where
            only this step's is known.
        step: which of them this step is.
        is_idle: whether it draws nothing at present.
    """

    key: Tensor | None = None
    keys: Tensor | None = None
    step: int = 0
    is_idle: bool = False

    def require_key(self) -> Tensor:
        """Return the key.

        Raises:
            RuntimeError: nobody has set it.
        """
        if self.key is None:
            raise RuntimeError(f"{type(self).__name__} trains without a key; call set_keys(network, keys) first.")
        return self.key


def keyed_layers(network: nn.Module) -> list[KeyedLayer]:
    """List the layers of a network that draw random numbers."""
    return [module for module in network.modules() if isinstance(module, KeyedLayer)]


def set_keys(layers: list[KeyedLayer], keys: Tensor) -> None:
    """Give each layer keys of its own, so that no two share a mask.

    Args:
        layers: from `keyed_layers`.
        keys: () or (lanes,) int32, of this step.

    Effects:
        Sets the layers' keys.
    """
    for layer, layer_keys in zip(layers, layer_keys_of(layers, keys), strict=True):
        layer.key = layer_keys


def layer_keys_of(layers: list[KeyedLayer], keys: Tensor) -> list[Tensor]:
    """Return each layer's own keys, for one step or for all steps of an epoch at once.

    Args:
        layers: from `keyed_layers`.
        keys: any shape, int32.

    Returns:
        As keys, one for each layer.
    """
    return [hash32(keys + place * _PLACE_STEP) for place in range(1, len(layers) + 1)]
