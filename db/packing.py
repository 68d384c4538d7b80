"""Points of a curve as bytes, and back: bit for bit what they were.

Neighbouring points differ little: steps grow by one, points of one report have one time, and values of one size share
their sign and exponent. So steps and times are kept as differences, and the eight bytes of each number stand apart, all
first bytes, then all second ones, where zlib finds the repetition. A point of a usual curve takes 4 to 8 bytes.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HEADER = struct.Struct("<BIqq")  # version, number of points, first step, first time
_VERSION = 1
# Higher levels take twice the time for one per cent: what is left of a value's bytes is noise.
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one curve in the order of steps; `at_ms` counts from 1970. Three arrays of one length."""

    steps: Ints
    values: Floats
    at_ms: Ints

    def __len__(self) -> int:
        return len(self.steps)

    def only(self, keep: NDArray[Any] | slice) -> Points:
        """Return the points that a mask or a slice picks."""
        return Points(self.steps[keep], self.values[keep], self.at_ms[keep])


NO_POINTS = Points(np.zeros(0, np.int64), np.zeros(0, np.float64), np.zeros(0, np.int64))


def join(parts: list[Points]) -> Points:
    """Return one curve's points of several parts, each of which goes on behind the one before."""
    if len(parts) == 1:
        return parts[0]
    return Points(
        np.concatenate([part.steps for part in parts]),
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.at_ms for part in parts]),
    )


def pack(points: Points) -> bytes:
    """Return points as bytes.

    Args:
        points: At least one; payloads of NaN and the sign of zero are kept, too.
    """
    head = _HEADER.pack(_VERSION, len(points), int(points.steps[0]), int(points.at_ms[0]))
    columns = (np.diff(points.steps), points.values, np.diff(points.at_ms))
    kinds = ("<i8", "<f8", "<i8")
    body = b"".join(_spread(column.astype(kind)) for column, kind in zip(columns, kinds, strict=True))
    return head + zlib.compress(body, _LEVEL)


def unpack(content: bytes) -> Points:
    """Read what `pack` wrote.

    Raises:
        ValueError: It was written by a newer release, or is damaged.
    """
    version, n, first_step, first_ms = _HEADER.unpack_from(content)
    if version != _VERSION:
        raise ValueError(f"packed points have version {version}, and this release reads {_VERSION}")
    body = zlib.decompress(memoryview(content)[_HEADER.size :])
    if len(body) != 8 * (3 * n - 2):
        raise ValueError(f"packed points have {len(body)} bytes where {n} points take {8 * (3 * n - 2)}")
    steps, values, times = 8 * (n - 1), 8 * n, 8 * (n - 1)
    return Points(
        _summed(first_step, body[:steps]),
        _gathered(body[steps : steps + values]).view("<f8").astype(np.float64, copy=False),
        _summed(first_ms, body[len(body) - times :]),
    )


def _spread(column: NDArray[Any]) -> bytes:
    """Return the numbers' bytes, all first ones before all second ones."""
    return np.ascontiguousarray(column).view(np.uint8).reshape(-1, 8).T.tobytes()


def _gathered(content: bytes) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.frombuffer(content, np.uint8).reshape(8, -1).T).reshape(-1)


def _summed(first: int, content: bytes) -> Ints:
    found = np.empty(len(content) // 8 + 1, np.int64)
    found[0] = first
    found[1:] = _gathered(content).view("<i8")
    return np.cumsum(found, out=found)
