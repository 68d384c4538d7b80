"""The family of learning curves: each is linear in three coefficients once its shape is fixed.

A curve is level + height * shape(x) + slope * x / X, for step x = 1, 2, ... of X. The slope is there for curves that
turn, as a validation loss does once a network overfits. With the shapes on a grid, fitting is linear least squares and
needs no iteration.

Source: Domhan, Springenberg and Hutter, Speeding up Automatic Hyperparameter Optimization of Deep Neural Networks by
Extrapolation of Learning Curves, IJCAI 2015, table 1 (power law, exponential, Janoschek, MMF, log-power); Viering and
Loog, The Shape of Learning Curves, TPAMI 2023.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float64]
N_COEFFICIENTS = 3

_POWERS = (0.25, 0.5, 1.0, 2.0)
_DECAYS = (0.02, 0.05, 0.12, 0.3, 0.7)
_STRETCHED = ((0.05, 0.5), (0.3, 0.5), (0.15, 2.0), (0.4, 2.0))
_HALVES = ((0.05, 1.0), (0.2, 1.0), (0.15, 2.0), (0.4, 2.0), (0.3, 4.0), (0.6, 4.0))
_LOGS = (1.0, 4.0)
N_SHAPES = len(_POWERS) + len(_DECAYS) + len(_STRETCHED) + len(_HALVES) + len(_LOGS)


@lru_cache(maxsize=256)
def design(steps: tuple[int, ...], first: int, last: int) -> Floats:
    """Return what the coefficients are multiplied with.

    Args:
        steps: Where the curves are looked at; ascending, m of them.
        first: Step of a curve's first value.
        last: Step of its last one, above `first`.

    Returns:
        (shapes, m, 3), read-only: 1, the shape, falling from about 1 to 0, and the part of the way.
    """
    x = np.maximum(np.asarray(steps, dtype=np.float64) - first + 1.0, 0.5)
    part = x / (last - first + 1.0)
    rows = [
        *(x**-power for power in _POWERS),
        *(np.exp(-part / decay) for decay in _DECAYS),
        *(np.exp(-((part / decay) ** power)) for decay, power in _STRETCHED),
        *(1.0 / (1.0 + (part / half) ** power) for half, power in _HALVES),
        *(1.0 / np.log(x + np.e * shift) for shift in _LOGS),
    ]
    shapes = np.stack(rows)  # (K, m)
    found: Floats = np.stack([np.ones_like(shapes), shapes, np.broadcast_to(part, shapes.shape)], axis=-1)  # (K, m, 3)
    found.setflags(write=False)
    return found
