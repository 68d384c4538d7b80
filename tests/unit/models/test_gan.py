"""Generative adversarial networks: losses by hand, lanes, samples, real runs that collapse and that do not."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from benchmarks.gan_samples import as_grid, as_png
from benchmarks.training import plain_gan
from models.catalogue import DATASETS, CatalogueError, DataShape, ParamValue, check_combination, get_model
from models.data.dataset import Dataset
from models.diagnosis.curves import Curves
from models.diagnosis.diagnose import diagnose
from models.engine.stack import Stack
from models.layers.random import keyed_layers, set_keys
from models.layers.strided import DoublingConv, HalvingConv
from models.networks.base import Batch
from models.networks.gan import ADVERSARIES, GAN
from models.networks.registry import build_network
from models.networks.sampling import NotGenerativeError, sample
from models.networks.saved import load_network
from models.seeds import generator
from tests.unit.models.helpers import Run

N = 6
GREY = DataShape("classification", "image", (1, 8, 8), 3)
COLOUR = DataShape("classification", "image", (3, 4, 8), 3)
SMALL: dict[str, ParamValue] = {"hidden_units": 8, "channels": 3, "latent": 5}
VARIANTS: list[tuple[DataShape, dict[str, ParamValue]]] = [
    (GREY, {}),
    (GREY, {"architecture": "convolutional", "dropout": 0.2}),
    (COLOUR, {"architecture": "convolutional", "spectral_norm": True, "loss": "hinge", "activation": "prelu"}),
    (COLOUR, {"norm": "none", "spectral_norm": True, "hidden_layers": 3}),
]
NUMBERS = {"dropout": [0.2, 0.0, 0.4], "label_smoothing": [0.1, 0.0, 0.3]}


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def build(data: DataShape, params: Mapping[str, ParamValue], seed: int = 0) -> GAN:
    """Build a small GAN."""
    network = build_network("gan", {**SMALL, **params}, data, seed)
    assert isinstance(network, GAN)
    return network


def turn(
    network: GAN, x: Tensor, keys: Tensor, numbers: Mapping[str, list[float]]
) -> list[tuple[Tensor, list[Tensor]]]:
    """Return the losses and gradients of both turns of a step that changes no weights."""
    for module in network.modules():
        set_numbers = getattr(module, "set_numbers", None)
        if set_numbers is not None:
            set_numbers(numbers)
    set_keys(keyed_layers(network), keys)
    batch = Batch(x, torch.zeros(x.shape[:-1], dtype=torch.int64), keys)
    smoothing = torch.tensor(numbers["label_smoothing"]).view(keys.shape)
    answers = []
    for phase in network.train().phases():
        losses = phase.losses(batch, {"label_smoothing": smoothing}).losses
        weights = [one for name, one in network.named_parameters() if name.startswith(phase.prefix)]
        assert weights
        answers.append((losses.detach(), list(torch.autograd.grad(losses.sum(), weights))))
    return answers


@pytest.mark.parametrize(("data", "params"), VARIANTS)
def test_lanes_have_the_losses_and_gradients_of_each_alone(data: DataShape, params: dict[str, ParamValue]) -> None:
    networks = [build(data, params, seed) for seed in range(3)]
    states = [dict(network.state_dict()) for network in networks]
    floats = [{name: tensor for name, tensor in state.items() if tensor.is_floating_point()} for state in states]
    stack = Stack(networks[0], floats).network
    assert isinstance(stack, GAN)
    x, keys = draw(3, N, data.n_inputs), torch.tensor([11, 22, 33], dtype=torch.int32)
    together = turn(stack, x, keys, NUMBERS)
    for lane, network in enumerate(networks):
        alone = turn(network, x[lane], keys[lane], {name: [values[lane]] for name, values in NUMBERS.items()})
        for (losses, gradients), (loss, own) in zip(together, alone, strict=True):
            torch.testing.assert_close(losses[lane], loss, rtol=1e-5, atol=1e-5)
            for one, other in zip(gradients, own, strict=True):
                torch.testing.assert_close(one[lane], other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("data", "params"), VARIANTS)
def test_trained_buffers_of_lanes_are_those_of_each_alone(data: DataShape, params: dict[str, ParamValue]) -> None:
    networks = [build(data, params, seed) for seed in range(2)]
    stack = Stack(networks[0], [dict(one.named_parameters()) | _float_buffers(one) for one in networks])
    x, keys = draw(2, N, data.n_inputs), torch.tensor([11, 22], dtype=torch.int32)
    numbers = {name: values[:2] for name, values in NUMBERS.items()}
    assert isinstance(stack.network, GAN)
    turn(stack.network, x, keys, numbers)
    for lane, network in enumerate(networks):
        turn(network, x[lane], keys[lane], {name: [values[lane]] for name, values in numbers.items()})
        for name, buffer in _float_buffers(network).items():
            torch.testing.assert_close(stack.buffers[name][lane], buffer, rtol=1e-4, atol=1e-6)


def _float_buffers(network: nn.Module) -> dict[str, Tensor]:
    return {name: buffer for name, buffer in network.named_buffers() if buffer.is_floating_point()}


def test_discriminator_minimises_the_cross_entropy_with_one_sided_smoothing() -> None:
    made, real = draw(N), draw(N, seed=1)
    found = ADVERSARIES["non_saturating"][0](made, real, {"label_smoothing": torch.tensor(0.1)})
    wanted = F.binary_cross_entropy_with_logits(real, torch.full((N,), 0.9))
    wanted = wanted + F.binary_cross_entropy_with_logits(made, torch.zeros(N))
    torch.testing.assert_close(found, wanted)
    without = ADVERSARIES["non_saturating"][0](made, real, {})
    torch.testing.assert_close(without - wanted, -0.1 * real.mean())


def test_generator_maximises_how_real_its_images_look() -> None:
    made = draw(N).requires_grad_()
    torch.testing.assert_close(
        ADVERSARIES["non_saturating"][1](made), F.binary_cross_entropy_with_logits(made, torch.ones(N))
    )
    [slope] = torch.autograd.grad(ADVERSARIES["hinge"][1](made), made)
    torch.testing.assert_close(slope, torch.full((N,), -1 / N))


def test_hinge_ignores_images_that_are_judged_with_certainty() -> None:
    made, real = torch.tensor([-2.0, 0.5]), torch.tensor([3.0, 0.0])
    assert ADVERSARIES["hinge"][0](made, real, {}) == (0 + 1.5) / 2 + (0 + 1) / 2


def test_generator_cannot_take_the_first_turn() -> None:
    network = build(GREY, {}).train()
    batch = Batch(draw(N, 64), torch.zeros(N, dtype=torch.int64), torch.tensor(1, dtype=torch.int32))
    discriminator, maker = network.phases()
    with pytest.raises(RuntimeError, match="after the discriminator"):
        maker.losses(batch, {})
    discriminator.losses(batch, {})
    assert maker.losses(batch, {}).losses.isfinite()


@pytest.mark.parametrize("is_dense", [True, False])
def test_networks_are_those_of_the_plain_program(is_dense: bool) -> None:
    widths = (8, 8) if is_dense else (3, 6)
    ours = build(GREY, {"architecture": "dense" if is_dense else "convolutional"}).train()
    plain = plain_gan.build((1, 8, 8), 5, widths, is_dense)
    _copy(ours.generator, plain.generator, is_dense)
    _copy(ours.discriminator, plain.discriminator, is_dense)
    z, x = draw(N, 5), draw(N, 64)
    torch.testing.assert_close(ours.make(z), 2 * plain.generator(z) - 1, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours(x), plain.discriminator(x), rtol=1e-4, atol=1e-5)


def _copy(ours: nn.Module, theirs: nn.Module, is_dense: bool) -> None:
    # Both list their layers from input to output; ours hold images with their channels last.
    layers = [one for one in ours.modules() if hasattr(one, "bias") and not hasattr(one, "running_mean")]
    others = [one for one in theirs.modules() if isinstance(one, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    with torch.no_grad():
        for mine, other in zip(layers, others, strict=True):
            bias: Tensor = mine.bias  # type: ignore[assignment]
            other.weight.copy_(_as_torch(mine, other.weight.shape, is_dense))
            other.get_parameter("bias").copy_(_pixels_last(bias, torch.Size(bias.shape), is_dense))


def _as_torch(layer: nn.Module, shape: torch.Size, is_dense: bool) -> Tensor:
    weight: Tensor = layer.weight  # type: ignore[assignment]
    if isinstance(layer, HalvingConv):
        return weight.view(shape[0], 4, 4, shape[1]).permute(0, 3, 1, 2)
    if isinstance(layer, DoublingConv):
        return weight.view(4, 4, shape[1], shape[0]).permute(3, 2, 0, 1)
    if not is_dense and shape[0] == 1:  # the discriminator's output looks at (2, 2, 6)
        return weight.view(2, 2, 6).permute(2, 0, 1).reshape(shape)
    return _pixels_last(weight, shape, is_dense)


def _pixels_last(values: Tensor, shape: torch.Size, is_dense: bool) -> Tensor:
    if is_dense or shape[0] != 24:
        return values
    return values.view(2, 2, 6, *shape[1:]).movedim(2, 0).reshape(shape)


def test_images_lie_in_the_range_of_the_training_part(digits: Dataset) -> None:
    network = build(digits.data_shape, {})
    x = torch.from_numpy(digits.x_train)
    network.prepare(x, torch.from_numpy(digits.y_train))
    images = network.eval().make(100 * draw(50, 5))
    assert images.min() >= x.min() - 1e-5
    assert images.max() <= x.max() + 1e-5
    assert images.max() > x.mean()


def test_measuring_needs_preparation(digits: Dataset) -> None:
    network = build(digits.data_shape, {}).eval()
    x, y = torch.from_numpy(digits.x_val), torch.from_numpy(digits.y_val)
    keys = torch.tensor([1, 2], dtype=torch.int32)
    with pytest.raises(RuntimeError, match="prepare"):
        network.measure(x, y, keys[0])
    network.prepare(torch.from_numpy(digits.x_train), torch.from_numpy(digits.y_train))
    stack = Stack(network, [dict(network.named_parameters()) | _float_buffers(network)] * 2).network.eval()
    assert isinstance(stack, GAN)
    with torch.inference_mode():
        alone = network.measure(x, y, keys[1])
        measured = stack.measure(x, y, keys)
        folds = stack.measure(torch.stack([x, x]), y, keys)
    assert {name: values.shape for name, values in measured.items()} == dict.fromkeys(
        ("frechet_distance", "kernel_distance", "diversity"), torch.Size([2])
    )
    for name, values in folds.items():
        torch.testing.assert_close(values, measured[name], rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(alone[name], measured[name][1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"architecture": "convolutional", "hidden_layers": 4}, "params.hidden_layers"),
        ({"loss": "hinge", "label_smoothing": 0.1}, "params.label_smoothing"),
    ],
)
def test_impossible_combinations_are_refused(params: dict[str, ParamValue], field: str) -> None:
    model, data = get_model("gan"), DATASETS["digits"]
    with pytest.raises(CatalogueError) as refusal:
        check_combination(model, params, data)
    assert refusal.value.code == "impossible_combination"
    assert refusal.value.field == field
    check_combination(model, {**params, "hidden_layers": 3, "loss": "non_saturating"}, data)


class TestOnDigits:
    """Real runs: one with the defaults, one made to collapse."""

    @pytest.fixture
    def run(self, digits: Dataset, tmp_path: Path) -> Run:
        """Runs of twelve epochs."""
        return Run(digits, tmp_path, "gan", {"epochs": 12})

    def test_defaults_come_nearer_and_do_not_collapse(self, run: Run) -> None:
        _, recorder = run.train_one("a")
        distances = recorder.curve("a", "frechet_distance")
        assert min(distances[-3:]) < 0.4 * distances[0]
        assert "gan_collapse" not in _findings(recorder.reports[-1].metrics, run, recorder)

    def test_momentum_without_norm_collapses_and_is_found_out(self, run: Run) -> None:
        _, recorder = run.train_one("a", optimizer="adam", norm="none", learning_rate=2e-3)
        assert recorder.curve("a", "diversity")[-1] < 0.3
        assert "gan_collapse" in _findings(recorder.reports[-1].metrics, run, recorder)

    def test_samples_of_a_saved_network_are_digits_in_the_raw_scale(self, run: Run) -> None:
        result, _ = run.train_one("a", epochs=2)
        network = load_network(result.network_files[0].parent)
        images = sample(network, 5, seed=1)
        assert images.shape == (5, 1, 8, 8)
        assert images.min() >= -1e-3
        assert images.max() <= 16 + 1e-3
        assert torch.equal(images, sample(network, 1030, seed=1)[:5])
        assert not torch.equal(images, sample(network, 5, seed=2))
        assert sample(network, 0, seed=1).shape == (0, 1, 8, 8)
        with pytest.raises(ValueError, match="n is 0 or more"):
            sample(network, -1, seed=1)

    def test_network_that_predicts_makes_no_samples(self, run: Run) -> None:
        result, _ = Run(run.dataset, run.folder, "mlp", {"epochs": 1}).train_one("b")
        with pytest.raises(NotGenerativeError) as refusal:
            sample(load_network(result.network_files[0].parent), 3, seed=0)
        assert refusal.value.code == "not_generative"


def _findings(names: Mapping[str, float], run: Run, recorder: object) -> list[str]:
    curve = recorder.curve  # type: ignore[attr-defined]
    curves = Curves({name: curve("a", name) for name in names}, n_epochs=12)
    return [finding.kind for finding in diagnose(curves)]


def test_picture_is_a_png_of_all_images() -> None:
    images = torch.arange(32.0).repeat_interleave(64).view(32, 1, 8, 8)
    grid = as_grid(images)
    assert grid.shape == (2 * 10 * 6, 16 * 10 * 6)
    assert grid[6, 6] == 255
    assert grid[-7, -7] == 0
    picture = as_png(grid)
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == grid.shape[::-1]
    length = struct.unpack(">I", picture[33:37])[0]
    lines = np.frombuffer(zlib.decompress(picture[41 : 41 + length]), np.uint8).reshape(len(grid), -1)
    assert np.array_equal(lines[:, 1:], grid)
