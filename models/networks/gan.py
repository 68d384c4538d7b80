"""Generative adversarial network: a generator learns to make images that a discriminator takes for real.

Source: Goodfellow et al., arXiv 1406.2661; the hinge loss is that of Lim and Ye, arXiv 1705.02894, one-sided label
smoothing that of Salimans et al., arXiv 1606.03498, section 3.4.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import DataShape, ParamValue
from models.catalogue.gan import gan_widths
from models.layers.basic import over_lanes
from models.layers.random import random_normal
from models.networks.base import Batch, Numbers, Phase, StepLosses
from models.networks.gan_features import Features, fit_features
from models.networks.gan_measures import frechet_and_diversity, kernel_distance
from models.networks.gan_parts import ConvGenerator, DenseGenerator, Discriminator, GANConfig

MAX_MEASURED = 2048
"""Examples made, and real ones looked at, for a measurement; beyond, the figures hardly change and cost n squared."""


class GAN(nn.Module):
    """A generator and its discriminator; maps images (n, n_inputs) to how real they look (n, 1).

    Attributes:
        generator: noise to images.
        discriminator: images to scores.
        low: () smallest pixel of the training part, known once prepared; images are made from it on.
        span: () from the smallest to the largest pixel.
    """

    low: Tensor
    span: Tensor

    def __init__(self, config: GANConfig, generator: torch.Generator) -> None:
        """Build both networks with random weights.

        Args:
            config: their shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        self.generator = (DenseGenerator if config.is_dense else ConvGenerator)(config, generator)
        self.discriminator = Discriminator(config, generator)
        self.register_buffer("low", torch.tensor(-1.0))  # ()  the range of DCGAN's tanh, until data is known
        self.register_buffer("span", torch.tensor(2.0))  # ()
        self._features: Features | None = None
        self._made: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Judge images.

        Args:
            x: (n, n_inputs), standardised.

        Returns:
            (n, 1) scores, above 0 for images taken as real.
        """
        return self.discriminator(x).unsqueeze(-1)  # type: ignore[no-any-return]  # (n, 1)

    def make(self, z: Tensor) -> Tensor:
        """Make images.

        Args:
            z: (n, latent) standard normal noise.

        Returns:
            (n, n_inputs), standardised, between the smallest and the largest pixel of the training part.
        """
        brightness = self.generator(z).sigmoid()  # (n, n_inputs)
        low, span = over_lanes(self.low, brightness), over_lanes(self.span, brightness)
        return torch.addcmul(low, span, brightness)  # (n, n_inputs)

    def make_from_keys(self, keys: Tensor, n: int) -> Tensor:
        """Make n images from each key's noise: () or (lanes,) int32 to (n, n_inputs) or (lanes, n, n_inputs)."""
        return self.make(random_normal(keys, (n, self.config.latent)))  # (n, n_inputs)

    def prepare(self, x: Tensor, y: Tensor) -> None:
        """Learn the range of pixels, and features to measure with.

        Args:
            x: (n, n_inputs) standardised training images.
            y: (n,) their classes.

        Effects:
            Sets `low` and `span`. The features are fitted once a process and data set, and stay out of `state_dict`:
            a network that makes images has no use for them.
        """
        self.low.copy_(x.min())
        self.span.copy_(x.max() - x.min())
        self._features = fit_features(x, y)

    def phases(self) -> tuple[Phase, ...]:
        """Return the two optimizers' turns: the generator learns from a discriminator that has just learned."""
        return (
            Phase("discriminator", "discriminator.", self._discriminator_losses),
            Phase("generator", "generator.", self._generator_losses),
        )

    def measure(self, x: Tensor, y: Tensor, keys: Tensor) -> Mapping[str, Tensor]:
        """Compare as many made images as there are real ones with them.

        Args:
            x: (n, n_inputs) or (lanes, n, n_inputs) held-out images, standardised.
            y: their classes, not looked at.
            keys: () or (lanes,) int32, what to make images from.

        Returns:
            `frechet_distance`, `kernel_distance` and `diversity`, () or (lanes,).

        Raises:
            RuntimeError: the network has not been prepared.
        """
        if self._features is None:
            raise RuntimeError("A GAN is measured by a classifier's features; call prepare(x, y) first.")
        x = x[..., :MAX_MEASURED, :]  # (n, n_inputs)
        real = self._features.of(x)  # (n, f)
        made = self._features.of(self.make_from_keys(keys, x.shape[-2]))  # (..., n, f)
        distance, diversity = frechet_and_diversity(made, real)  # (...) each
        return {
            "frechet_distance": distance,
            "kernel_distance": kernel_distance(made, real),
            "diversity": diversity,
        }

    def _discriminator_losses(self, batch: Batch, numbers: Numbers) -> StepLosses:
        n = batch.x.shape[-2]
        self._made = self.make_from_keys(batch.keys, n)  # (..., n, n_inputs)
        # Made and real images in one pass: nothing in the discriminator looks at more than one image.
        both = torch.cat((self._made.detach(), batch.x), dim=-2)  # (..., 2 n, n_inputs)
        made, real = self.discriminator(both).float().split(n, dim=-1)  # (..., n) each
        return StepLosses(ADVERSARIES[self.config.loss][0](made, real, numbers), None)

    def _generator_losses(self, batch: Batch, numbers: Numbers) -> StepLosses:
        # The same images as before: the generator has not changed since, only the discriminator has.
        made, self._made = self._made, None
        if made is None:
            raise RuntimeError("The generator takes its turn after the discriminator's.")
        scores = self.discriminator(made).float()  # (..., n)
        return StepLosses(ADVERSARIES[self.config.loss][1](scores), None)


def from_params(params: Mapping[str, ParamValue], data: DataShape, generator: torch.Generator) -> GAN:
    """Build the networks that complete hyperparameters describe."""
    channels, height, width = data.shape
    config = GANConfig(
        shape=(channels, height, width),
        latent=int(params["latent"]),
        widths=gan_widths(params),
        is_dense=params["architecture"] == "dense",
        loss=str(params["loss"]),
        activation=str(params["activation"]),
        norm=str(params["norm"]),
        spectral_norm=bool(params["spectral_norm"]),
        dropout=float(params["dropout"]),
        initialiser=str(params["initialiser"]),
    )
    return GAN(config, generator)


def _cross_entropy(made: Tensor, real: Tensor, numbers: Numbers) -> Tensor:
    # softplus(-s) is the surprise at "real" and softplus(s) at "made". Real ones are called real with certainty
    # 1 - smoothing only, which is softplus(-s) + smoothing * s; made ones always made: the smoothing is one-sided.
    losses = (F.softplus(-real) + F.softplus(made)).mean(dim=-1)  # (...)
    smoothing = numbers.get("label_smoothing")
    return losses if smoothing is None else losses + smoothing * real.mean(dim=-1)  # (...)


def _hinge(made: Tensor, real: Tensor, numbers: Numbers) -> Tensor:
    return (F.relu(1 - real) + F.relu(1 + made)).mean(dim=-1)  # (...)


DiscriminatorLoss = Callable[[Tensor, Tensor, Numbers], Tensor]
GeneratorLoss = Callable[[Tensor], Tensor]

ADVERSARIES: Mapping[str, tuple[DiscriminatorLoss, GeneratorLoss]] = MappingProxyType(
    {
        # Goodfellow et al., section 3: the generator maximises log D(G(z)), whose gradient lives on while it loses.
        "non_saturating": (_cross_entropy, lambda made: F.softplus(-made).mean(dim=-1)),
        "hinge": (_hinge, lambda made: -made.mean(dim=-1)),
    }
)
"""Losses by name: the discriminator's from scores of made and real images (..., n), the generator's from made ones."""
