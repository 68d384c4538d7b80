"""Random search: every trial on its own."""

from __future__ import annotations

import numpy as np

from benchmarks.search.peers.base import Setting
from benchmarks.search.spaces import Value


class Uniform:
    """Draws each active parameter uniformly over its range or its logarithm."""

    def __init__(self, setting: Setting) -> None:
        self._space = setting.space
        self._rng = np.random.default_rng([77, setting.seed])

    def ask(self) -> dict[str, Value]:
        """Draw."""
        return self._space.draw(self._rng)

    def tell(self, number: int, loss: float) -> None:
        """Learn nothing."""


build = Uniform
