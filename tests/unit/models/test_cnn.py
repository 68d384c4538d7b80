"""The convolutional network: its layers, its lanes, and the combinations it refuses."""

from collections.abc import Mapping, Sequence

import pytest
import torch
from torch import Tensor, nn

from benchmarks.training import plain_cnn
from models.catalogue import DATASETS, CatalogueError, DataShape, ParamValue, check_combination, get_model
from models.catalogue.cnn import sizes_on_the_way
from models.engine.stack import Stack
from models.layers.augment import Augment
from models.layers.basic import Dropout
from models.layers.random import keyed_layers, set_keys
from models.networks.cnn import RISING, Block
from models.networks.registry import build_network
from models.seeds import generator

DIGITS = DataShape("classification", "image", (1, 8, 8), 10)
COLOUR = DataShape("regression", "image", (3, 9, 7), 1)
RATES = {"dropout": [0.3, 0.0, 0.5], "channel_dropout": [0.0, 0.5, 0.2]}
AUGMENTS = {"augment_shift": [1.0, 0.0, 2.0], "augment_rotate": [20.0, 0.0, 0.0], "augment_noise": [0.0, 0.0, 0.3]}
AUGMENTS |= {"augment_scale": [0.2, 0.0, 0.0], "augment_flip": [0.5, 0.0, 0.0]}
SHAPES: list[dict[str, ParamValue]] = [
    {},
    {"pooling": "average", "norm": "batch", "activation": "swish"},
    {"pooling": "stride", "residual": True, "convolutions": 2, "activation": "prelu"},
    {"pooling": "none", "stride": 2, "head": "global_average", "widths": "", "kernel": 5},
    {"channels": "8", "padding": False, "kernel": 2, "activation": "tanh", "pool_size": 3},
    {"channels": "8-8", "residual": True, "norm": "batch", "pooling": "max", "activation": "gelu"},
]


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def answer(network: nn.Module, x: Tensor, keys: Tensor, numbers: Mapping[str, Sequence[float]]) -> Tensor:
    """Run a network in training mode with keys and per-lane numbers."""
    for module in network.modules():
        if isinstance(module, Dropout | Augment):
            module.set_numbers({name: list(values) for name, values in numbers.items()})
    set_keys(keyed_layers(network), keys)
    result: Tensor = network.train()(x)
    return result


@pytest.mark.parametrize("data", [DIGITS, COLOUR], ids=["digits", "colour"])
@pytest.mark.parametrize("params", SHAPES, ids=[" ".join(map(str, shape.values())) or "default" for shape in SHAPES])
def test_a_lane_answers_and_learns_as_it_does_alone(data: DataShape, params: dict[str, ParamValue]) -> None:
    networks = [build_network("cnn", params, data, seed=seed) for seed in range(3)]
    stack = Stack(networks[0], [network.state_dict() for network in networks])
    x, numbers = draw(3, 13, data.n_inputs), RATES | AUGMENTS
    keys = torch.tensor([4, 5, 6], dtype=torch.int32)
    slope = draw(3, 13, data.n_outputs, seed=1)
    together = answer(stack.network, x, keys, numbers)
    gradients = torch.autograd.grad(together, stack.parameters, slope)
    for lane, network in enumerate(networks):
        own = {name: [values[lane]] for name, values in numbers.items()}
        alone = answer(network, x[lane], keys[lane], own)
        torch.testing.assert_close(together[lane], alone, rtol=1e-5, atol=1e-5)
        own_gradients = torch.autograd.grad(alone, list(network.parameters()), slope[lane])
        for mine, right in zip(gradients, own_gradients, strict=True):
            torch.testing.assert_close(mine[lane], right, rtol=1e-4, atol=1e-4)
        after = stack.state_dict(lane)
        for name, buffer in network.named_buffers():
            torch.testing.assert_close(after[name], buffer, rtol=1e-5, atol=1e-5)
    stack.network.eval()
    with torch.inference_mode():
        shared = stack.network(x[:1].expand(3, -1, -1))
        torch.testing.assert_close(shared[1], networks[1].eval()(x[0]), rtol=1e-5, atol=1e-5)


def test_the_plain_version_answers_and_learns_alike() -> None:
    ours, plain = build_network("cnn", {}, DIGITS), plain_cnn.build()
    plain.load_state_dict(dict(zip(plain.state_dict(), ours.state_dict().values(), strict=True)))
    x, y = draw(32, 64), torch.arange(32) % 10
    losses = [plain_cnn.loss(network, x, y) for network in (ours, plain)]
    torch.testing.assert_close(*losses)
    for mine, theirs in zip(
        *(
            torch.autograd.grad(value, list(network.parameters()))
            for value, network in zip(losses, (ours, plain), strict=True)
        ),
        strict=True,
    ):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(RISING))
def test_pooling_before_a_rising_activation_changes_nothing(name: str) -> None:
    network = build_network("cnn", {"activation": name}, DIGITS)
    x = draw(16, 64)
    early = network(x)
    for module in network.modules():
        if isinstance(module, Block):
            assert module.pools_first
            module.pools_first = False
    torch.testing.assert_close(network(x), early)


def test_layers_are_those_that_were_asked_for() -> None:
    network = build_network("cnn", {"channels": "4-6", "convolutions": 2, "residual": True, "widths": "5"}, COLOUR)
    shapes = {name: tuple(weight.shape) for name, weight in network.named_parameters() if weight.dim() > 1}
    assert shapes == {
        "blocks.0.convolutions.0.weight": (4, 3, 3, 3),
        "blocks.0.convolutions.1.weight": (4, 4, 3, 3),
        "blocks.0.shortcut.weight": (4, 3, 1, 1),
        "blocks.1.convolutions.0.weight": (6, 4, 3, 3),
        "blocks.1.convolutions.1.weight": (6, 6, 3, 3),
        "blocks.1.shortcut.weight": (6, 4, 1, 1),
        "hidden.0.weight": (5, 6 * 2 * 1),
        "output.weight": (1, 5),
    }


def test_a_block_without_strength_passes_its_input_on() -> None:
    params: dict[str, ParamValue] = {"channels": "1", "residual": True, "activation": "identity", "pooling": "none"}
    network = build_network("cnn", params | {"initialiser": "zeros"}, DIGITS)
    x = draw(2, 1, 8, 8)
    torch.testing.assert_close(network.get_submodule("blocks.0")(x), x)


def test_sizes_are_those_of_the_network() -> None:
    params = check_combination(get_model("cnn"), {"channels": "4-4", "kernel": 4, "convolutions": 2, "pool_size": 3})
    assert [size for _, size in sizes_on_the_way(params, 28)] == [29, 30, 10, 11, 12, 4]
    block = build_network("cnn", params, DataShape("classification", "image", (1, 28, 28), 10)).get_submodule("blocks")
    x = draw(1, 1, 28, 28)
    for part in block.children():
        x = part(x)
    assert x.shape == (1, 4, 4, 4)


@pytest.mark.parametrize(
    ("wrong", "right", "field", "words"),
    [
        ({"channels": ""}, {"channels": "8"}, "channels", "at least one block"),
        ({"channels": "0-8"}, {"channels": "1-8"}, "channels", "a layer of 0 units"),
        ({"widths": "5000"}, {"widths": "4096"}, "widths", "a layer of 5000 units"),
        ({"channels": "8-8-8-8"}, {"channels": "8-8-8"}, "channels", "after the pooling of block 4"),
        (
            {"kernel": 7, "padding": False, "pooling": "none"},
            {"kernel": 4, "padding": False, "pooling": "none"},
            "channels",
            "nothing is left of an image of 8 pixels after convolution 1 of block 2",
        ),
        ({"pooling": "stride", "stride": 2}, {"pooling": "stride"}, "stride", "pool_size that sets the stride"),
        ({"residual": True, "kernel": 4}, {"residual": True, "kernel": 5}, "residual", "sizes differ"),
        ({"residual": True, "padding": False}, {"padding": False, "channels": "8"}, "residual", "sizes differ"),
    ],
)
def test_impossible_combinations_are_refused(
    wrong: dict[str, object], right: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(CatalogueError, match="(?i)" + words) as refusal:
        check_combination(get_model("cnn"), wrong, DATASETS["digits"])
    assert refusal.value.code == "impossible_combination"
    assert refusal.value.field == f"params.{field}"
    build_network("cnn", check_combination(get_model("cnn"), right, DATASETS["digits"]), DIGITS)(torch.zeros(2, 64))
