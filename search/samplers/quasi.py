"""Points that fill a cube evenly: Sobol's sequence with Owen's scrambling, as a pure function.

Point `index` of the sequence with seed `s` is computed without the points before it, so trials may be asked for in any
order, by any process. Scrambling keeps the even spread and removes the pattern: each seed is another even set.

Sources: Sobol (1967) with the direction numbers of Joe and Kuo (2008); hash-based nested uniform scrambling: B. Burley,
Practical Hash-based Owen Scrambling, Journal of Computer Graphics Techniques 9 (2020), listings 1 to 3.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from search.samplers.joe_kuo import TABLE

N_BITS: Final = 32
MAX_DIMENSIONS: Final = len(TABLE.split("\n")) - 1


def sobol_points(indices: NDArray[np.uint32], n_dimensions: int, seed: int) -> NDArray[np.float64]:
    """Return the points of the scrambled sequence at `indices`: (n, n_dimensions), each number in (0, 1).

    Dimensions beyond `MAX_DIMENSIONS` continue with another scrambling of the first ones.

    Args:
        indices: (n,) from 0.
        n_dimensions: At least 0.
        seed: 0..2**32-1.
    """
    points = np.empty((len(indices), n_dimensions))
    for block in range(0, n_dimensions, MAX_DIMENSIONS):
        width = min(MAX_DIMENSIONS, n_dimensions - block)
        keys = np.random.SeedSequence(entropy=(seed, block)).generate_state(width + 1, np.uint32).astype(np.uint32)
        # Scrambling the order too makes dimensions of different blocks independent.
        shuffled = _scramble(indices.astype(np.uint32), keys[-1])
        words = _sobol(shuffled, width)  # (n, width)
        scrambled = _scramble(words, keys[:-1])
        points[:, block : block + width] = (scrambled.astype(np.float64) + 0.5) * 2.0**-N_BITS
    return points


def sobol_point(index: int, n_dimensions: int, seed: int) -> NDArray[np.float64]:
    """Return one point of the scrambled sequence, (n_dimensions,); see `sobol_points`."""
    return np.asarray(sobol_points(np.array([index], dtype=np.uint32), n_dimensions, seed)[0])


def _sobol(indices: NDArray[np.uint32], n_dimensions: int) -> NDArray[np.uint32]:
    words = np.zeros((len(indices), n_dimensions), dtype=np.uint32)
    directions = _directions()[:n_dimensions]  # (n_dimensions, 32)
    for bit in range(N_BITS):
        is_set = (indices >> np.uint32(bit)) & np.uint32(1)  # (n,)
        if is_set.any():
            words ^= is_set[:, None] * directions[:, bit]
    return words


@lru_cache(maxsize=1)
def _directions() -> NDArray[np.uint32]:
    """Return the direction numbers, (MAX_DIMENSIONS, 32), the most significant bit first."""
    rows = [[1 << (N_BITS - 1 - bit) for bit in range(N_BITS)]]
    for line in TABLE.strip().split("\n"):
        degree, coefficients, *initial = (int(word) for word in line.split())
        row = [m << (N_BITS - 1 - bit) for bit, m in enumerate(initial)]
        for bit in range(degree, N_BITS):
            value = row[bit - degree] ^ (row[bit - degree] >> degree)
            for place in range(1, degree):
                if (coefficients >> (degree - 1 - place)) & 1:
                    value ^= row[bit - place]
            row.append(value)
        rows.append(row)
    return np.array(rows, dtype=np.uint32)


def _scramble(words: NDArray[np.uint32], keys: NDArray[np.uint32] | np.uint32) -> NDArray[np.uint32]:
    """Return `words` with each bit flipped or not, depending on the higher bits and the key alone."""
    return _reverse(_mix(_reverse(words), keys))


def _mix(words: NDArray[np.uint32], keys: NDArray[np.uint32] | np.uint32) -> NDArray[np.uint32]:
    """Hash so that each bit depends on the lower bits alone (Laine and Karras's function with Vegdahl's constants)."""
    with np.errstate(over="ignore"):
        mixed = words ^ (words * np.uint32(0x3D20ADEA))
        mixed = mixed + keys
        mixed = mixed * ((keys >> np.uint32(16)) | np.uint32(1))
        mixed = mixed ^ (mixed * np.uint32(0x05526C56))
        return np.asarray(mixed ^ (mixed * np.uint32(0x53A22864)), dtype=np.uint32)


def _reverse(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return `words` with their 32 bits in opposite order."""
    for shift, mask in ((1, 0x55555555), (2, 0x33333333), (4, 0x0F0F0F0F), (8, 0x00FF00FF)):
        words = ((words >> np.uint32(shift)) & np.uint32(mask)) | ((words & np.uint32(mask)) << np.uint32(shift))
    return np.asarray((words >> np.uint32(16)) | (words << np.uint32(16)), dtype=np.uint32)
