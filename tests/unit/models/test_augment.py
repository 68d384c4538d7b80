"""Augmentation: what each number does, that it is drawn by key, and that a lane does not notice its company."""

import pytest
import torch
from torch import Tensor

from models.catalogue.images import AUGMENTATION
from models.layers.augment import NUMBERS, Augment
from models.seeds import generator


def key(*numbers: int) -> Tensor:
    """Return keys: of one number () alone, of several (lanes,)."""
    keys = torch.tensor(numbers, dtype=torch.int32)
    return keys[0] if len(numbers) == 1 else keys


def augmented(x: Tensor, shape: tuple[int, int, int], number: int = 1, **numbers: float) -> Tensor:
    """Augment flat images in training mode."""
    layer = Augment(shape, numbers)
    layer.key = key(number)
    result: Tensor = layer(x)
    return result


def spots(n: int, size: int = 17) -> Tensor:
    """Return flat images that are dark but for a spot, three pixels wide, right of the middle."""
    images = torch.zeros(n, 1, size, size)
    images[:, :, size // 2 - 1 : size // 2 + 2, size // 2 + 3 : size // 2 + 6] = 1
    return images.flatten(1)


def centres(x: Tensor, size: int = 17) -> Tensor:
    """Return where the light of each image is, (n, 2): down and right of the middle, in pixels."""
    images = x.view(-1, size, size)
    places = torch.arange(size) - (size - 1) / 2
    light = images.sum((1, 2))
    return torch.stack([(images.sum(2) @ places) / light, (images.sum(1) @ places) / light], dim=1)


def test_catalogue_and_layer_name_the_same_numbers() -> None:
    assert tuple(hyperparameter.name for hyperparameter in AUGMENTATION) == NUMBERS
    assert all(hyperparameter.per_lane and hyperparameter.default == 0 for hyperparameter in AUGMENTATION)


def test_evaluation_and_zeros_leave_images_alone() -> None:
    x = torch.randn(5, 64, generator=generator(0, "test"))
    assert torch.equal(augmented(x, (1, 8, 8)), x)
    layer = Augment((1, 8, 8), {"augment_shift": 2.0}).eval()
    assert torch.equal(layer(x), x)
    with pytest.raises(RuntimeError, match="set_keys"):
        layer.train()(x)


def test_shift_moves_in_both_directions_up_to_its_number() -> None:
    moved = centres(augmented(spots(400), (1, 17, 17), augment_shift=2.0)) - centres(spots(400))
    assert moved.abs().max() <= 2.0001
    assert (moved.max(dim=0).values > 1.8).all()
    assert (moved.min(dim=0).values < -1.8).all()
    assert moved.mean(dim=0).abs().max() < 0.2


def test_rotation_turns_about_the_middle_up_to_its_number() -> None:
    down, right = centres(augmented(spots(400), (1, 17, 17), augment_rotate=45.0)).unbind(dim=1)
    torch.testing.assert_close((down.square() + right.square()).sqrt(), torch.full((400,), 4.0), rtol=0, atol=0.1)
    angles = torch.atan2(down, right).rad2deg()
    assert angles.abs().max() < 47
    assert angles.max() > 40
    assert angles.min() < -40


def test_scale_enlarges_as_often_as_it_reduces() -> None:
    distances = centres(augmented(spots(400), (1, 17, 17), augment_scale=0.5))[:, 1]
    assert distances.max() == pytest.approx(6, abs=0.2)
    assert distances.min() == pytest.approx(4 / 1.5, abs=0.2)
    assert (distances > 4).float().mean() == pytest.approx(0.5, abs=0.1)


def test_flip_mirrors_its_share() -> None:
    x = torch.randn(400, 3 * 4 * 6, generator=generator(0, "test"))
    mirrored = x.view(400, 3, 4, 6).flip(-1).flatten(1)
    torch.testing.assert_close(augmented(x, (3, 4, 6), augment_flip=1.0), mirrored, rtol=1e-4, atol=1e-4)
    changed = augmented(x, (3, 4, 6), augment_flip=0.25)
    is_mirrored = (changed - mirrored).abs().amax(dim=1) < 1e-4
    is_same = (changed - x).abs().amax(dim=1) < 1e-4
    assert (is_mirrored ^ is_same).all()
    assert is_mirrored.float().mean() == pytest.approx(0.25, abs=0.08)


def test_noise_has_its_deviation() -> None:
    x = torch.zeros(200, 64)
    noise = augmented(x, (1, 8, 8), augment_noise=0.3)
    assert noise.std() == pytest.approx(0.3, abs=0.01)
    assert noise.mean().abs() < 0.01


def test_pixels_from_outside_are_those_of_the_border() -> None:
    x = torch.full((50, 64), 7.0)
    torch.testing.assert_close(augmented(x, (1, 8, 8), augment_shift=8.0, augment_rotate=90.0, augment_scale=1.0), x)


def test_draws_depend_on_the_key_and_differ_between_examples() -> None:
    x = torch.randn(64, generator=generator(0, "test")).expand(6, 64)
    first, again, other = (augmented(x, (1, 8, 8), number, augment_rotate=30.0) for number in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert len({tuple(row.tolist()) for row in first}) == 6


def test_a_lane_is_augmented_as_it_is_alone() -> None:
    rows = {name: [0.0, 0.5, 0.0, 0.2] for name in NUMBERS} | {"augment_noise": [0.0, 0.5, 0.3, 0.0]}
    x = torch.randn(4, 9, 3 * 8 * 5, generator=generator(0, "test"))
    together = Augment((3, 8, 5))
    together.set_numbers(rows)
    together.key = key(3, 4, 5, 6)
    out = together(x)
    assert torch.equal(out[0], x[0])
    for lane in range(4):
        alone = augmented(x[lane], (3, 8, 5), 3 + lane, **{name: values[lane] for name, values in rows.items()})
        assert torch.equal(out[lane], alone)
