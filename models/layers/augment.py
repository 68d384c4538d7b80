"""Augmentation of images: while a network trains, it sees each image a little moved, turned, scaled, mirrored or noisy.

What does not change an image's class is thereby learned not to matter (Simard, Steinkraus and Platt, Best practices for
convolutional neural networks, ICDAR 2003). Each example has its own draw, from the key of the step.
"""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.basic import over_lanes
from models.layers.random import KeyedLayer, hash32, random_normal, random_uniform

GEOMETRY = ("augment_shift", "augment_rotate", "augment_scale", "augment_flip")
NUMBERS = (*GEOMETRY, "augment_noise")


class Augment(KeyedLayer):
    """Change training images at random; idle in evaluation, and for lanes all of whose numbers are 0.

    A pixel that comes from outside the image is taken from its border. One that comes from between pixels is a mixture
    of the four around it.
    """

    def __init__(self, shape: Sequence[int], numbers: Mapping[str, float] | None = None) -> None:
        """Make the layer.

        Args:
            shape: (channels, height, width) of an image.
            numbers: strength of each augmentation by the name of its hyperparameter; missing ones are 0.
        """
        super().__init__()
        self.shape = tuple(shape)
        given = numbers or {}
        self.set_numbers({name: [float(given.get(name, 0.0))] for name in NUMBERS})

    def set_numbers(self, numbers: Mapping[str, list[float]]) -> None:
        """Take the strengths of each lane.

        Args:
            numbers: one number a lane, or one for a network alone, under each of `NUMBERS`; others are ignored.

        Effects:
            Changes what the layer does from the next step on.
        """
        self._moves = any(any(numbers[name]) for name in GEOMETRY)
        self._noises = any(numbers["augment_noise"])
        self.is_idle = not (self._moves or self._noises)
        rows = [list(numbers[name]) for name in NUMBERS]
        self._strengths = torch.tensor(rows)  # (5, lanes)
        self._is_moved = self._strengths[:-1].any(dim=0)  # (lanes,)

    def forward(self, x: Tensor) -> Tensor:
        """Change flat images (n, c * h * w), or (lanes, n, c * h * w); keeps the shape."""
        if not self.training or self.is_idle:
            return x
        keys = self.require_key()
        if self._strengths.device != x.device:
            self._strengths, self._is_moved = self._strengths.to(x.device), self._is_moved.to(x.device)
        strengths = self._strengths.view(len(NUMBERS), *keys.shape)  # (5, ...)
        if self._moves:
            is_moved = self._is_moved.view(keys.shape)  # (...)
            # A lane that asks for nothing keeps its images to the last bit, whoever is beside it.
            x = torch.where(over_lanes(is_moved, x), self._move(x, keys, strengths), x)  # as x
        if self._noises:
            noise = random_normal(hash32(keys + 1), tuple(x.shape[keys.dim() :]))  # as x
            x = x + noise * over_lanes(strengths[-1], x)  # as x
        return x

    def _move(self, x: Tensor, keys: Tensor, strengths: Tensor) -> Tensor:
        n = x.shape[keys.dim()]
        draws = random_uniform(keys, (5, n)).unbind(dim=-2)  # 5 of (..., n), from 0 to 1
        images = x.reshape(-1, *self.shape)  # (... n, c, h, w)
        rows, columns = self._sources(draws, strengths)  # each (..., n, h, w)
        height, width = self.shape[1:]
        grid = torch.stack([(2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1], dim=-1)  # (..., n, h, w, 2)
        grid = grid.view(-1, height, width, 2)  # (... n, h, w, 2)
        moved = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
        return moved.view(x.shape)  # as x

    def _sources(self, draws: Sequence[Tensor], strengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return the row and the column, in pixels, that each pixel of each example is taken from."""
        shift, rotate, scale, flip = (strength.unsqueeze(-1) for strength in strengths[:-1])  # each (..., 1)
        swing = [2 * draw - 1 for draw in draws[:4]]  # (..., n) from -1 to 1
        angle = swing[0] * rotate * (math.pi / 180)  # (..., n)
        shrinking = torch.exp(-swing[1] * torch.log1p(scale))  # (..., n)
        mirror = 1 - 2 * (draws[4] < flip).float()  # (..., n) -1 or 1
        height, width = self.shape[1:]
        down = torch.arange(height, device=angle.device).view(-1, 1) - (height - 1) / 2  # (h, 1) from the middle
        right = torch.arange(width, device=angle.device) - (width - 1) / 2  # (w,)
        cosine, sine, mirror, to_row, to_column = (
            number[..., None, None]  # (..., n, 1, 1)
            for number in (angle.cos() * shrinking, angle.sin() * shrinking, mirror, swing[2] * shift, swing[3] * shift)
        )
        rows = cosine * down - sine * right + to_row + (height - 1) / 2  # (..., n, h, w)
        columns = mirror * (sine * down + cosine * right + to_column) + (width - 1) / 2  # (..., n, h, w)
        return rows, columns
