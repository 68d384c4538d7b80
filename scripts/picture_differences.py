"""Where two pictures of one chart differ by more than another machine's fonts and anti-aliasing make them differ.

Means over small windows are compared, not pixels. A window of one picture is found again in the other where some
window near it has about the same mean: letters of another font and lines that lie half a pixel beside it do, but
nothing near a line, a label, a colour or an axis that is gone does. Both pictures are searched for the other's windows.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Means = NDArray[np.float64]
Box = tuple[int, int, int, int]

WINDOW_PX = 16
"""Side of a window; about the height of a small letter where a CSS pixel is two of the picture's."""
STRIDE_PX = 4
"""From window to window, and a divisor of their side."""
REACH_PX = 24
"""How far away, across and up or down, a window may be found again."""
LEAST_LEVELS = 3.0
"""Levels of 255 by which a mean may differ where there is next to nothing: the palest line differs by more."""
SHARE = 0.3
"""And the share of what stands out from the ground: one font is that much bolder than another."""
SIZE_PX = 16
"""By how much pictures may differ in width and height."""
N_STRAY = 24
"""So many windows may be lost: the ends of long words of another font. The smallest digit is found in more."""


def is_same(one: Pixels, other: Pixels) -> bool:
    """Tell whether two pictures show the same but for fonts and anti-aliasing; arguments as of `find_differences`."""
    return len(find_differences(one, other)) <= N_STRAY


def find_differences(one: Pixels, other: Pixels) -> list[Box]:
    """Return the windows of either picture that are not found again in the other.

    Args:
        one: A picture, `(height, width, 3)`, whose first pixel is of the colour of the ground.
        other: The same.

    Returns:
        Boxes of (left, top, right, bottom), px; all there could be where the pictures' sizes differ by too much.
    """
    height, width = (min(one.shape[side], other.shape[side]) for side in (0, 1))
    ground = one[0, 0].astype(np.float64)
    means = [window_means(picture[:height, :width], ground) for picture in (one, other)]
    lost = is_lost(means[0], means[1]) | is_lost(means[1], means[0])
    if any(abs(one.shape[side] - other.shape[side]) > SIZE_PX for side in (0, 1)):
        lost[:] = True
    tops, lefts = np.nonzero(lost)
    corners = zip((lefts * STRIDE_PX).tolist(), (tops * STRIDE_PX).tolist(), strict=True)
    return [(left, top, left + WINDOW_PX, top + WINDOW_PX) for left, top in corners]


def window_means(picture: Pixels, ground: NDArray[np.float64]) -> Means:
    """Return the mean difference from the ground of each window, `(rows, columns, 3)`, in levels of 255."""
    rows, columns = (picture.shape[side] // STRIDE_PX for side in (0, 1))
    cells = picture[: rows * STRIDE_PX, : columns * STRIDE_PX].reshape(rows, STRIDE_PX, columns, STRIDE_PX, 3)
    n = WINDOW_PX // STRIDE_PX
    sums = np.cumsum(np.cumsum(cells.mean(axis=(1, 3)) - ground, axis=0), axis=1)
    sums = np.pad(sums, ((1, 0), (1, 0), (0, 0)))
    windows: Means = sums[n:, n:] - sums[:-n, n:] - sums[n:, :-n] + sums[:-n, :-n]
    return windows / n**2


def is_lost(means: Means, others: Means) -> NDArray[np.bool_]:
    """Tell for each window whether no window near it in the other picture has about its mean; `(rows, columns)`."""
    n = REACH_PX // STRIDE_PX
    room = LEAST_LEVELS + SHARE * np.abs(means)
    low, high = _envelope(others, n, np.minimum), _envelope(others, n, np.maximum)
    return np.asarray(((means < low - room) | (means > high + room)).any(axis=2), dtype=np.bool_)


def _envelope(means: Means, n: int, pick: Any) -> Means:
    """Return the least or greatest mean up to `n` windows away, along one axis after the other."""
    for axis in (0, 1):
        pad = [(0, 0)] * 3
        pad[axis] = (n, n)
        padded = np.pad(means, pad, mode="edge")
        size = means.shape[axis]
        shifted = [np.take(padded, range(by, by + size), axis=axis) for by in range(2 * n + 1)]
        means = pick.reduce(shifted)
    return means
