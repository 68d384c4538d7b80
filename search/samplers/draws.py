"""Random numbers as a pure function of what they are for.

A draw depends on the seed, the trial's number and the parameter's name, and on nothing drawn before: so the parameters
of trial 17 are the same whoever asks, in whatever order, and adding a parameter to a space moves no other one.
Source: `numpy.random.SeedSequence`, whose output NumPy promises to keep (NEP 19), unlike its distributions'.
"""

from __future__ import annotations

import hashlib

import numpy as np


def draw_unit(seed: int, number: int, name: str, attempt: int = 0) -> float:
    """Return a number uniform in [0, 1), with the 53 bits of a double.

    Args:
        seed: The study's, at least 0.
        number: The trial's, at least 0.
        name: What the number is for, e.g. a parameter's name.
        attempt: 0 at first; higher where earlier draws of the trial had to be thrown away.
    """
    label = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:16], "big")
    entropy = (seed, number, label, attempt) if attempt else (seed, number, label)
    word = np.random.SeedSequence(entropy=entropy).generate_state(1, np.uint64)[0]
    return float(int(word) >> 11) * 2.0**-53


def derive_seed(seed: int, number: int) -> int:
    """Return a 32-bit seed of its own for the trial `number`; equal seeds would propose equal points."""
    return int(np.random.SeedSequence(entropy=(seed, number)).generate_state(1, np.uint32)[0])
