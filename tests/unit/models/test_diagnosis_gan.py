"""The diagnosis of real generators of digits: one that learns, and one that a long step has ruined."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.data.dataset import Dataset
from models.diagnosis.curves import Curves
from models.diagnosis.diagnose import diagnose

N_NOISE = 16


@pytest.fixture(autouse=True)
def _random_state() -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def pixels(digits: Dataset) -> Tensor:
    """Real digits, from -1 to 1."""
    raw = torch.from_numpy(digits.x_train * digits.feature_scale + digits.feature_mean)
    return (raw / 8 - 1).clamp(-1, 1)


def dense(n_inputs: int, n_outputs: int, *last: nn.Module) -> nn.Sequential:
    """Build two hidden layers of 128 units."""
    return nn.Sequential(
        *(nn.Linear(n_inputs, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2)),
        *(nn.Linear(128, n_outputs), *last),
    )


def train_classifier(pixels: Tensor, classes: Tensor) -> nn.Sequential:
    """Train a small classifier and return it without its last layer: what remains maps pixels to 32 features."""
    network = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        torch.autograd.backward(F.cross_entropy(network(pixels), classes))
        optimizer.step()
    return nn.Sequential(*list(network)[:-1])


def diversity(made: Tensor, real: Tensor) -> float:
    """Return how far made features spread along the directions of the real ones: tr (C C')^(1/2) / tr C'."""
    ours, theirs = torch.cov(made.T).double(), torch.cov(real.T).double()
    return float(torch.linalg.eigvals(ours @ theirs).real.clamp_min(0).sqrt().sum() / theirs.trace())


def generator_curves(digits: Dataset, pixels: Tensor, generator_rate: float, n_epochs: int) -> Curves:
    """Train a generator against a discriminator and measure how far its examples spread among real ones' features."""
    features = train_classifier(pixels, torch.from_numpy(digits.y_train))
    generator, discriminator = dense(N_NOISE, 64, nn.Tanh()), dense(64, 1)
    pull = torch.optim.Adam(generator.parameters(), generator_rate, betas=(0.5, 0.999))
    push = torch.optim.Adam(discriminator.parameters(), 1e-3, betas=(0.5, 0.999))
    real_features, spreads = features(pixels).detach(), []
    for _ in range(n_epochs):
        for real in torch.split(pixels[torch.randperm(len(pixels))], 64):
            made = generator(torch.randn(len(real), N_NOISE))
            push.zero_grad()
            told_apart = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(made.detach())).mean()
            torch.autograd.backward(told_apart)
            push.step()
            pull.zero_grad()
            torch.autograd.backward(F.softplus(-discriminator(made)).mean())
            pull.step()
        with torch.no_grad():
            spreads.append(diversity(features(generator(torch.randn(512, N_NOISE))), real_features))
    return Curves({"diversity": spreads}, n_epochs)


def test_a_generator_ruined_by_a_long_step_has_collapsed(digits: Dataset, pixels: Tensor) -> None:
    [finding] = diagnose(generator_curves(digits, pixels, generator_rate=0.1, n_epochs=12))
    assert finding.kind == "gan_collapse"


def test_a_generator_that_learns_has_not(digits: Dataset, pixels: Tensor) -> None:
    assert diagnose(generator_curves(digits, pixels, generator_rate=1e-3, n_epochs=30)) == ()


def test_a_single_digit_is_a_collapse_and_all_are_none(digits: Dataset, pixels: Tensor) -> None:
    classes = torch.from_numpy(digits.y_train)
    features = train_classifier(pixels, classes)(pixels).detach()
    for digit in range(10):
        share = diversity(features[classes == digit], features)
        assert [finding.kind for finding in diagnose(Curves({"diversity": [share] * 12}, 12))] == ["gan_collapse"]
    halves = [diversity(part, features) for part in features.tensor_split(2)]
    assert diagnose(Curves({"diversity": [min(halves)] * 12}, 12)) == ()
