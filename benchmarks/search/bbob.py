"""COCO's 24 noiseless functions in 2 and 5 dimensions, as the package coco-experiment computes them.

Source: Hansen, Finck, Ros and Auger, Real-Parameter Black-Box Optimization Benchmarking 2009: Noiseless Functions
Definitions, INRIA research report 6829.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from benchmarks.search.installed import is_installed
from benchmarks.search.spaces import Params, Space, floats

DIMENSIONS: Final = (2, 5)
INSTANCE: Final = 1
N_SAMPLE: Final = 20_000
"""Random points that stand for random search: its expected best of up to 200 trials is known within 1 %."""

# Least values of instance 1, the same in every dimension. The package evaluates its own optima to these.
BEST: Final[Mapping[int, float]] = dict(
    enumerate(
        (
            *(79.48, -209.88, -462.09, -462.09, -9.21, 35.9, 92.94, 149.15, 123.83, -54.94, 76.27, -621.11),
            *(29.97, -52.35, 1000.0, 71.35, -16.94, -16.94, -102.55, -546.5, 40.78, -1000.0, 6.87, 102.61),
        ),
        start=1,
    )
)


@dataclass(frozen=True, slots=True, eq=False)
class Function:
    """One function in one dimension.

    Attributes:
        problem: Maps (d,) doubles to a double.
        space: d floats from -5 to 5.
        best: Its least value.
    """

    problem: Any
    space: Space
    best: float

    def evaluate(self, params: Params) -> tuple[float, float]:
        """Return the value and the seconds of a made-up training: from 0.5 to 1.5, decided by the parameters."""
        point = [float(params[axis.name]) for axis in self.space.axes]
        spread = zlib.crc32(repr(point).encode()) / 2**32
        return float(self.problem(np.array(point))), 0.5 + spread


def list_names() -> list[str]:
    """Return the functions' names, such as `bbob_f08_d5`; none where coco-experiment is not installed."""
    if not is_installed("cocoex"):
        return []
    return [f"bbob_f{number:02d}_d{dimension}" for dimension in DIMENSIONS for number in BEST]


@cache
def get_function(name: str) -> Function:
    """Return the function of a name.

    Raises:
        KeyError: `list_names` does not list it.
    """
    if name not in list_names():
        raise KeyError(f"there is no task {name!r}; functions need coco-experiment: `make bench-search` installs it")
    number, dimension = int(name[6:8]), int(name[10:])
    problem = _suite().get_problem_by_function_dimension_instance(number, dimension, INSTANCE)
    axes = tuple(floats(f"x{place}", -5.0, 5.0, 1) for place in range(1, dimension + 1))
    return Function(problem, Space(axes), BEST[number])


@cache
def _suite() -> Any:
    return import_module("cocoex").Suite(
        "bbob", f"instances:{INSTANCE}", f"dimensions:{','.join(map(str, DIMENSIONS))}"
    )


def sample(function: Function) -> npt.NDArray[np.float64]:
    """Return (N_SAMPLE,) values at uniformly random points."""
    rng = np.random.default_rng(6829)
    points = rng.uniform(-5.0, 5.0, (N_SAMPLE, len(function.space.axes)))
    return np.array([function.problem(point) for point in points])
