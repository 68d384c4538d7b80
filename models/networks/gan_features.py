"""Features in which generated images are compared with real ones: those of a small classifier of the same data.

Inception's features (Heusel et al., arXiv 1706.08500) are made for photographs and need a download; what tells digits
apart is learned from digits in a second.
"""

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.initialisers import initialise
from models.seeds import generator

N_HIDDEN = 128
N_FEATURES = 32
N_STEPS = 600
BATCH_SIZE = 128
LEARNING_RATE = 0.05
MOMENTUM = 0.9
NOISE = 0.3
"""Deviation of the noise on standardised training images: it keeps features from hanging on single pixels."""
MAX_KEPT = 32

_fitted: dict[str, "Features"] = {}


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """The hidden layers of a classifier.

    Attributes:
        weights: weight and bias of both layers: (h, d), (h,), (f, h), (f,).
        mean: (f,) mean over the training part.
        scale: () root of the sum of the features' variances over the training part.
    """

    weights: tuple[Tensor, Tensor, Tensor, Tensor]
    mean: Tensor
    scale: Tensor

    def of(self, x: Tensor) -> Tensor:
        """Describe images.

        Args:
            x: (..., d) standardised images, on any device.

        Returns:
            (..., f), of mean 0 and mean squared length 1 over the training part.
        """
        activity = _activity(self.weights, x)  # (..., f)
        return (activity - self.mean.to(x.device)) / self.scale.to(x.device)  # (..., f)


def fit_features(x: Tensor, y: Tensor) -> Features:
    """Train the classifier of a data set, once in a process.

    Args:
        x: (n, d) standardised training images.
        y: (n,) their classes.

    Returns:
        Features that depend on x and y only.

    Effects:
        Keeps the result for the next call with equal data.
    """
    x, y = x.cpu().contiguous(), y.cpu().contiguous()
    digest = hashlib.sha256(x.numpy().tobytes() + y.numpy().tobytes()).hexdigest()
    if digest not in _fitted:
        while len(_fitted) >= MAX_KEPT:
            del _fitted[next(iter(_fitted))]
        _fitted[digest] = _fit(x, y)
    return _fitted[digest]


def _fit(x: Tensor, y: Tensor) -> Features:
    source = generator(0, "features")
    n_classes = int(y.max()) + 1
    sizes = ((N_HIDDEN, x.shape[1]), (N_FEATURES, N_HIDDEN), (n_classes, N_FEATURES))
    weights: list[Tensor] = []
    for shape in sizes:
        weight = torch.empty(shape)  # (m, d)
        initialise(weight, "kaiming", 2**0.5, source)
        weights += [weight, torch.zeros(shape[0])]
    velocities = [torch.zeros_like(weight) for weight in weights]
    for step in range(N_STEPS):
        rows = torch.randint(len(x), (BATCH_SIZE,), generator=source)  # (b,)
        noise = NOISE * torch.randn(BATCH_SIZE, x.shape[1], generator=source)  # (b, d)
        gradients = _gradients(weights, x[rows] + noise, y[rows])
        torch._foreach_mul_(velocities, MOMENTUM)
        torch._foreach_add_(velocities, gradients)
        torch._foreach_add_(weights, velocities, alpha=-LEARNING_RATE * (1 - step / N_STEPS))
    first, first_bias, second, second_bias, *_ = weights
    kept = (first, first_bias, second, second_bias)
    activity = _activity(kept, x)  # (n, f)
    return Features(kept, activity.mean(dim=0), activity.var(dim=0).sum().sqrt().clamp_min(1e-12))


def _gradients(weights: list[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, ...]:
    leaves = [weight.detach().requires_grad_() for weight in weights]
    first, first_bias, second, second_bias, last, last_bias = leaves
    activity = _activity((first, first_bias, second, second_bias), x)  # (b, f)
    loss = F.cross_entropy(F.linear(activity, last, last_bias), y)  # ()
    return torch.autograd.grad(loss, leaves)


def _activity(weights: tuple[Tensor, Tensor, Tensor, Tensor], x: Tensor) -> Tensor:
    first, first_bias, second, second_bias = (weight.to(x.device) for weight in weights)
    hidden = F.relu(F.linear(x, first, first_bias))  # (..., h)
    return F.relu(F.linear(hidden, second, second_bias))  # (..., f)
