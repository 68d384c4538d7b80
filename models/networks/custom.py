"""Networks of a user's own: built and trained with torch's global generator, seeded so that a trial repeats itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from models.catalogue import DataShape
from models.seeds import derive

BuildCustom = Callable[[DataShape], nn.Module]
"""Builds a network from (n, n_inputs) to (n, n_outputs); shared by the jobs that are to train together."""


def build_custom(build: BuildCustom, data: DataShape, seed: int) -> nn.Module:
    """Build a user's network with initial weights that are a function of the seed.

    Args:
        build: the user's function.
        data: what the network is built for.
        seed: the trial's seed.

    Raises:
        TypeError: it did not build a module.
    """
    with seeded(seed, "weights"):
        network = build(data)
    if not isinstance(network, nn.Module):
        raise TypeError(f"{build!r} answered {type(network).__name__}; a torch.nn.Module was expected.")
    return network


@contextmanager
def seeded(seed: int, purpose: str, *place: int, device: torch.device | None = None) -> Iterator[None]:
    """Let torch's global generators start from (seed, purpose, place) within the block, and put them back afterwards.

    Args:
        seed: the trial's seed.
        purpose: what the numbers are for.
        place: where in the run they are needed.
        device: whose generator is put back beside the CPU's.
    """
    devices = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(derive(seed, purpose, *place))
        yield
