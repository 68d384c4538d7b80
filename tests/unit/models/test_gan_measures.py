"""Distances between made and real examples: against their definitions, in lanes, and with a lane that is lost."""

import torch
from torch import Tensor

from models.data.dataset import Dataset
from models.networks.gan_features import fit_features
from models.networks.gan_measures import frechet_and_diversity, kernel_distance
from models.seeds import generator

N_FEATURES = 5


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def test_frechet_distance_is_its_formula() -> None:
    made, real = draw(60, N_FEATURES) @ draw(N_FEATURES, N_FEATURES, seed=1) + 0.5, draw(80, N_FEATURES, seed=2)
    first, second = torch.cov(made.T.double()), torch.cov(real.T.double())
    shift = (made.mean(dim=0) - real.mean(dim=0)).square().sum()
    # The product has no negative eigenvalues, and the trace of its root is the sum of their roots.
    root = torch.linalg.eigvals(first @ second).real.sqrt().sum()
    distance, diversity = frechet_and_diversity(made, real)
    torch.testing.assert_close(distance, (shift + first.trace() + second.trace() - 2 * root).float(), rtol=1e-4, atol=0)
    torch.testing.assert_close(diversity, (root / second.trace()).float(), rtol=1e-4, atol=0)


def test_equal_examples_are_at_distance_zero_and_fully_diverse() -> None:
    real = draw(50, N_FEATURES)
    distance, diversity = frechet_and_diversity(real, real)
    assert distance < 1e-4
    torch.testing.assert_close(diversity, torch.tensor(1.0), rtol=1e-4, atol=0)


def test_diversity_scales_with_the_spread_and_vanishes_for_one_example() -> None:
    real = draw(50, N_FEATURES)
    torch.testing.assert_close(frechet_and_diversity(0.5 * real, real)[1], torch.tensor(0.5), rtol=1e-4, atol=0)
    same = real[:1].expand(50, -1)
    distance, diversity = frechet_and_diversity(same, real)
    assert diversity < 1e-3
    assert distance > frechet_and_diversity(0.5 * real, real)[0]


def test_kernel_distance_is_its_formula() -> None:
    made, real = draw(7, 3), draw(9, 3, seed=1) + 1

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b + 1) ** 3

    def pairs(x: Tensor) -> Tensor:
        n = len(x)
        return torch.stack([kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j]).mean()

    between = torch.stack([kernel(a, b) for a in made for b in real]).mean()
    wanted = pairs(made) + pairs(real) - 2 * between
    torch.testing.assert_close(kernel_distance(made, real), wanted, rtol=1e-4, atol=1e-4)


def test_kernel_distance_is_unbiased() -> None:
    # Of the same source, many small estimates average to nothing; with the diagonal they would be far above it.
    made, real = draw(400, 10, 3) / 3**0.5, draw(400, 10, 3, seed=1) / 3**0.5
    estimates = kernel_distance(made, real)
    assert estimates.shape == (400,)
    assert estimates.mean().abs() < 4 * estimates.std() / 400**0.5
    assert (estimates < 0).any()


def test_lanes_are_measured_as_each_alone() -> None:
    made, real = draw(3, 40, N_FEATURES), draw(30, N_FEATURES, seed=1)
    distance, diversity = frechet_and_diversity(made, real)
    kernel = kernel_distance(made, real)
    for lane in range(3):
        alone = frechet_and_diversity(made[lane], real)
        torch.testing.assert_close((distance[lane], diversity[lane]), alone, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(kernel[lane], kernel_distance(made[lane], real), rtol=1e-4, atol=1e-5)
    folds = torch.stack([real, real, real])
    torch.testing.assert_close(frechet_and_diversity(made, folds)[0], distance, rtol=1e-5, atol=1e-6)


def test_lost_lane_is_nan_and_its_neighbour_is_not() -> None:
    made, real = draw(2, 40, N_FEATURES), draw(30, N_FEATURES, seed=1)
    made[0, 3, 1] = torch.nan
    values = torch.stack([*frechet_and_diversity(made, real), kernel_distance(made, real)])
    assert values[:, 0].isnan().all()
    assert values[:, 1].isfinite().all()


def test_features_tell_real_digits_from_noise_and_part_of_them(digits: Dataset) -> None:
    features = fit_features(torch.from_numpy(digits.x_train), torch.from_numpy(digits.y_train))
    real, others = features.of(torch.from_numpy(digits.x_val)), features.of(torch.from_numpy(digits.x_test))
    noise = features.of(draw(*digits.x_val.shape))
    few = real[torch.from_numpy(digits.y_val) < 3]
    distances = [frechet_and_diversity(made, real)[0] for made in (others, few, noise)]
    assert distances[0] < 0.05 < distances[1]
    assert distances[0] < 0.05 < distances[2]


def test_features_have_mean_zero_and_length_one_over_the_training_part(digits: Dataset) -> None:
    x, y = torch.from_numpy(digits.x_train), torch.from_numpy(digits.y_train)
    values = fit_features(x, y).of(x)
    torch.testing.assert_close(values.mean(dim=0), torch.zeros(values.shape[1]), rtol=0, atol=1e-5)
    torch.testing.assert_close(values.square().sum(dim=1).mean(), torch.tensor(1.0), rtol=1e-2, atol=0)


def test_features_are_fitted_once_for_equal_data(digits: Dataset) -> None:
    x, y = torch.from_numpy(digits.x_train), torch.from_numpy(digits.y_train)
    first = fit_features(x, y)
    assert fit_features(x.clone(), y.clone()) is first
    assert fit_features(x[1:], y[1:]) is not first
