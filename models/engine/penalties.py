"""What is added to gradients besides the error's own: penalties on weights, and the limit on their length."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.engine.stack import Slot


@dataclass(frozen=True, slots=True, eq=False)
class Penalties:
    """Penalties and limits of all lanes; a lane whose numbers are neutral is not changed, whoever is beside it.

    Attributes:
        l1: (lanes, 1) weight of the sum of absolute weights (lasso: Tibshirani 1996).
        l2: (lanes, 1) weight of the sum of squared weights (ridge: Hoerl and Kennard 1970).
        ratio: (lanes, 1) weight of the error against the mean squared weight.
        clip_norm: (lanes, 1) longest gradient, infinite for no limit (Pascanu, Mikolov and Bengio, arXiv 1211.5063).
        is_weight: (n,) 1 for weights, 0 for biases, which l1 and l2 leave alone.
        n_weights: numbers of one network.
    """

    l1: Tensor
    l2: Tensor
    ratio: Tensor
    clip_norm: Tensor
    is_weight: Tensor
    n_weights: int
    has_l1: bool
    has_l2: bool
    has_ratio: bool
    has_clip: bool

    @property
    def is_idle(self) -> bool:
        """Whether no lane asks for anything."""
        return not (self.has_l1 or self.has_l2 or self.has_ratio or self.has_clip)

    def apply(self, gradients: Tensor, weights: Tensor) -> None:
        """Add the penalties' gradients, then shorten what is too long.

        Args:
            gradients: (lanes, n), changed in place.
            weights: (lanes, n)
        """
        if self.has_ratio:
            gradients.mul_(self.ratio).addcmul_(weights, (1 - self.ratio) * (2 / self.n_weights))
        if self.has_l2:
            gradients.addcmul_(weights * self.is_weight, 2 * self.l2)
        if self.has_l1:
            gradients.addcmul_(weights.sign() * self.is_weight, self.l1)
        if self.has_clip:
            norms = gradients.norm(dim=1, keepdim=True)  # (lanes, 1)
            gradients.mul_((self.clip_norm / (norms + 1e-6)).clamp(max=1))


def make_penalties(params: Sequence[Mapping[str, Any]], slots: Sequence[Slot], like: Tensor) -> Penalties:
    """Read the penalties of each lane.

    Args:
        params: complete hyperparameters a lane; a model without one of them goes without that penalty.
        slots: where the parameters lie in a row; those of two and more dimensions are weights.
        like: (lanes, n) the rows.
    """

    def column(name: str, neutral: float) -> tuple[Tensor, bool]:
        values = [float(one.get(name, neutral)) for one in params]
        return torch.tensor(values, device=like.device).unsqueeze(1), values != [neutral] * len(values)  # (lanes, 1)

    is_weight = torch.zeros(like.shape[1], device=like.device)  # (n,)
    for slot in slots:
        is_weight[slot.start : slot.stop] = float(len(slot.shape) > 1)
    clip, has_clip = column("clip_norm", 0.0)
    l1, has_l1 = column("l1", 0.0)
    l2, has_l2 = column("l2", 0.0)
    ratio, has_ratio = column("performance_ratio", 1.0)
    return Penalties(
        l1=l1,
        l2=l2,
        ratio=ratio,
        clip_norm=torch.where(clip > 0, clip, torch.inf),
        is_weight=is_weight,
        n_weights=sum(slot.shape.numel() for slot in slots),
        has_l1=has_l1,
        has_l2=has_l2,
        has_ratio=has_ratio,
        has_clip=has_clip,
    )
