"""Random numbers as a function of (seed, purpose, place): what makes a resumed or shared run repeat itself."""

import hashlib

import torch


def derive(seed: int, purpose: str, *place: int) -> int:
    """Derive an independent seed for one use of randomness.

    Args:
        seed: the trial's seed.
        purpose: what the numbers are for, such as `order`.
        place: where in the run they are needed, such as the epoch.

    Returns:
        A number from 0 to 2**63 - 1 that depends on the arguments only.
    """
    text = "/".join((str(seed), purpose, *map(str, place)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, purpose: str, *place: int) -> torch.Generator:
    """Return a fresh generator on the CPU for one use of randomness; the global generator is never touched."""
    return torch.Generator().manual_seed(derive(seed, purpose, *place))
