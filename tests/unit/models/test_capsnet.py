"""The capsule network: its lanes, its loss, its pictures, and the combinations it refuses."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from benchmarks.training import plain_capsnet
from models.catalogue import DATASETS, CatalogueError, DataShape, ParamValue, check_combination, get_model
from models.catalogue.capsnet import capsule_grid
from models.engine.stack import Stack
from models.layers.augment import NUMBERS
from models.layers.capsules import lengths
from models.layers.random import keyed_layers, set_keys
from models.networks.base import Batch, StepLosses
from models.networks.capsnet import CapsNet
from models.networks.registry import build_network
from models.seeds import generator

DIGITS = DataShape("classification", "image", (1, 8, 8), 10)
COLOUR = DataShape("classification", "image", (3, 9, 7), 4)
NUMBERS_OF_LOSS = {
    "present_margin": [0.9, 0.8, 0.95],
    "absent_margin": [0.1, 0.2, 0.05],
    "absent_weight": [0.5, 1.0, 0.25],
    "reconstruction_weight": [5e-4, 0.0, 1e-2],
}
AUGMENTS = {name: [0.0, 0.0, 0.0] for name in NUMBERS} | {"augment_shift": [1.0, 0.0, 2.0]}
SHAPES: list[dict[str, ParamValue]] = [
    {},
    {"routings": 1, "decoder_widths": "", "activation": "prelu"},
    {"routings": 2, "conv_channels": 5, "conv_kernel": 2, "primary_kernel": 1, "primary_types": 3, "primary_dim": 4},
    {"routings": 5, "capsule_dim": 7, "conv_stride": 2, "conv_channels": 6, "primary_stride": 1},
]


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def build(params: Mapping[str, ParamValue], data: DataShape = DIGITS, seed: int = 0) -> CapsNet:
    """Build a capsule network."""
    network = build_network("capsnet", params, data, seed=seed)
    assert isinstance(network, CapsNet)
    return network


def losses_of(network: nn.Module, batch: Batch, numbers: Mapping[str, Tensor]) -> StepLosses:
    """Run a training step's forward pass."""
    assert isinstance(network, CapsNet)
    network.augment.set_numbers({name: numbers[name].reshape(-1).tolist() for name in NUMBERS})
    set_keys(keyed_layers(network), batch.keys)
    return network.train().training_losses(batch, numbers)


@pytest.mark.parametrize("data", [DIGITS, COLOUR], ids=["digits", "colour"])
@pytest.mark.parametrize("params", SHAPES, ids=["default", "one round", "small", "five rounds"])
def test_a_lane_answers_and_learns_as_it_does_alone(data: DataShape, params: dict[str, ParamValue]) -> None:
    networks = [build(params, data, seed) for seed in range(3)]
    stack = Stack(networks[0], [network.state_dict() for network in networks])
    x, y = draw(3, 13, data.n_inputs), torch.arange(39).view(3, 13) % data.n_outputs
    keys = torch.tensor([4, 5, 6], dtype=torch.int32)
    numbers = {name: torch.tensor(values) for name, values in (NUMBERS_OF_LOSS | AUGMENTS).items()}
    together = losses_of(stack.network, Batch(x, y, keys), numbers)
    gradients = torch.autograd.grad(together.losses.sum(), stack.parameters)
    for lane, network in enumerate(networks):
        own = {name: values[lane] for name, values in numbers.items()}
        alone = losses_of(network, Batch(x[lane], y[lane], keys[lane]), own)
        torch.testing.assert_close(together.losses[lane], alone.losses, rtol=1e-5, atol=1e-5)
        assert together.outputs is not None
        torch.testing.assert_close(together.outputs[lane], alone.outputs, rtol=1e-4, atol=1e-4)
        own_gradients = torch.autograd.grad(alone.losses, list(network.parameters()))
        for mine, right in zip(gradients, own_gradients, strict=True):
            torch.testing.assert_close(mine[lane], right, rtol=1e-4, atol=1e-5)
    stack.network.eval()
    with torch.inference_mode():
        shared = stack.network(x[:1].expand(3, -1, -1))
        torch.testing.assert_close(shared[1], networks[1].eval()(x[0]), rtol=1e-4, atol=1e-4)


def test_the_plain_version_answers_and_learns_alike() -> None:
    ours, plain = build({}), plain_capsnet.build()
    with torch.no_grad():
        for convolution, own in ((plain.conv, ours.conv), (plain.primary, ours.primary)):
            squares = own.weight.view(len(own.weight), 3, 3, -1)  # (m, k, k, c)
            convolution.weight.copy_(squares.permute(0, 3, 1, 2))
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        plain.weight.copy_(ours.votes)
    names = zip(plain.decoder.state_dict(), ours.decoder.state_dict().values(), strict=True)
    plain.decoder.load_state_dict(dict(names))
    x, y = draw(32, 64), torch.arange(32) % 10
    numbers = {name: torch.tensor(values[0]) for name, values in NUMBERS_OF_LOSS.items()}
    numbers |= {name: torch.tensor(0.0) for name in NUMBERS}
    mine = losses_of(ours, Batch(x, y, torch.tensor(0, dtype=torch.int32)), numbers).losses
    theirs = plain_capsnet.loss(plain, x, y)
    torch.testing.assert_close(mine, theirs)
    of_mine = torch.autograd.grad(mine, [ours.votes, ours.primary.bias])
    of_theirs = torch.autograd.grad(theirs, [plain.weight, plain.get_parameter("primary.bias")])
    for one, other in zip(of_mine, of_theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_scores_are_probabilities_of_classes_of_which_one_is_there() -> None:
    network = build({}).eval()
    x = draw(6, 64)
    sizes = lengths(network.capsules(x))
    odds = sizes / (1 - sizes)
    torch.testing.assert_close(network(x).softmax(dim=-1), odds / odds.sum(dim=-1, keepdim=True))
    assert torch.equal(network(x).argmax(dim=-1), sizes.argmax(dim=-1))


def test_reconstruction_follows_the_class_that_is_asked_for() -> None:
    network = build({}).eval()
    x = draw(6, 64)
    likely = network(x).argmax(dim=-1)
    drawn = network.reconstruct(x)
    assert drawn.shape == x.shape
    torch.testing.assert_close(drawn, network.reconstruct(x, likely))
    assert not torch.allclose(drawn, network.reconstruct(x, (likely + 1) % 10))


def test_without_reconstruction_weight_the_decoder_learns_nothing() -> None:
    network = build({})
    numbers = {name: torch.tensor(values[1]) for name, values in (NUMBERS_OF_LOSS | AUGMENTS).items()}
    batch = Batch(draw(8, 64), torch.arange(8), torch.tensor(0, dtype=torch.int32))
    decoder = list(network.decoder.parameters())
    silent = torch.autograd.grad(losses_of(network, batch, numbers).losses, decoder)
    assert not any(gradient.any() for gradient in silent)
    numbers["reconstruction_weight"] = torch.tensor(1e-3)
    heard = torch.autograd.grad(losses_of(network, batch, numbers).losses, decoder)
    assert any(gradient.any() for gradient in heard)


def test_first_lengths_lie_between_the_margins_whatever_the_size() -> None:
    for data, params in ((DIGITS, {}), (DIGITS, {"primary_types": 64}), (DIGITS, {"capsule_dim": 4})):
        sizes = lengths(build(params, data).capsules(draw(64, data.n_inputs)))
        assert 0.05 < sizes.mean().item() < 0.9


def test_images_of_28_pixels_fit_the_layers_of_the_paper() -> None:
    params: dict[str, ParamValue] = {"conv_kernel": 9, "primary_kernel": 9, "primary_types": 32, "conv_channels": 16}
    network = build(params, DataShape("classification", "image", (1, 28, 28), 10))
    assert network.config.n_capsules == 1152
    assert network.eval()(draw(2, 784)).shape == (2, 10)


@pytest.mark.parametrize(
    ("wrong", "right", "field", "words"),
    [
        ({"conv_kernel": 7}, {"conv_kernel": 6}, "primary_kernel", "leaves less of a 8x8 image than primary_kernel 3"),
        ({"conv_kernel": 9, "conv_stride": 4}, {"conv_kernel": 3, "conv_stride": 2}, "primary_kernel", "8x8 image"),
        ({"absent_margin": 0.9}, {"absent_margin": 0.89}, "absent_margin", "not below present_margin 0.9"),
        ({"decoder_widths": "0"}, {"decoder_widths": "1"}, "decoder_widths", "a layer of 0 units"),
    ],
)
def test_impossible_combinations_are_refused(
    wrong: dict[str, ParamValue], right: dict[str, ParamValue], field: str, words: str
) -> None:
    model, data = get_model("capsnet"), DATASETS["digits"]
    with pytest.raises(CatalogueError) as refusal:
        check_combination(model, wrong, data)
    assert refusal.value.code == "impossible_combination"
    assert refusal.value.field == f"params.{field}"
    assert words in str(refusal.value)
    build(check_combination(model, right, data))


def test_too_many_capsules_are_refused() -> None:
    model, data = get_model("capsnet"), DATASETS["mnist_5k"]
    with pytest.raises(CatalogueError) as refusal:
        check_combination(model, {"primary_types": 128}, data)
    assert refusal.value.code == "impossible_combination"
    assert "18432 primary capsules" in str(refusal.value)
    fitting = check_combination(model, {"primary_types": 128, "conv_stride": 2}, data)
    assert capsule_grid(fitting, data.shape) == (6, 6)


def test_default_space_can_be_built_at_both_ends() -> None:
    model = get_model("capsnet")
    for end in ("low", "high"):
        params = {
            name: part["choices"][0 if end == "low" else -1] if "choices" in part else part[end]  # type: ignore[index]
            for name, part in model.default_space.items()
        }
        assert build(check_combination(model, params, DATASETS["digits"])).eval()(draw(2, 64)).isfinite().all()
