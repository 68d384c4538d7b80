"""A data set as its source gives it, before anything is standardised."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.data.digests import Array
from models.data.scaling import Doubles, Flags

Tell = Callable[[str], object]
"""Takes a sentence about what goes on, for whoever waits."""


@dataclass(frozen=True, slots=True, eq=False)
class Raw:
    """Examples and how they are split.

    Attributes:
        features: (n, d) in the unit of the source; flat, whatever the kind.
        targets: (n,) or (n, steps).
        parts: row numbers under `train`, `val` and `test`.
        is_real: (n, steps): False for steps in front that only bring a sequence to its length; None where all are real.
    """

    features: Doubles
    targets: Array
    parts: Mapping[str, npt.NDArray[np.int64]]
    is_real: Flags | None = None


Recipe = Callable[[Path, Tell], Raw]
"""Makes a data set, given the cache folder for what has to be downloaded."""
