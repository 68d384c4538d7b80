"""Networks, layers and activations do what their names say, without the global generator."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import MODELS, DataShape, get_model
from models.layers.activations import ACTIVATIONS
from models.layers.basic import Dropout
from models.layers.random import keyed_layers, set_keys
from models.networks.mlp import MLP, MLPConfig
from models.networks.registry import BUILDERS, build_network
from models.seeds import derive, generator

FOUR_TO_TWO = DataShape("classification", "table", (4,), 2)


def key(number: int) -> torch.Tensor:
    """Return a key for random layers."""
    return torch.tensor(number, dtype=torch.int32)


def test_catalogue_and_registry_name_the_same_things() -> None:
    assert set(get_model("mlp").hyperparameters["activation"].choices) == set(ACTIVATIONS)
    assert set(BUILDERS) == set(MODELS)


@pytest.mark.parametrize(
    ("name", "at_minus_one", "at_one"),
    [
        ("relu", 0.0, 1.0),
        ("leaky_relu", -0.01, 1.0),
        ("elu", -0.632121, 1.0),
        ("gelu", -0.158655, 0.841345),
        ("swish", -0.268941, 0.731059),
        ("tanh", -0.761594, 0.761594),
        ("sigmoid", 0.268941, 0.731059),
        ("identity", -1.0, 1.0),
        ("prelu", -0.25, 1.0),
        ("step", 0.0, 1.0),
    ],
)
def test_activation_values(name: str, at_minus_one: float, at_one: float) -> None:
    values = ACTIVATIONS[name].make()(torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(values, torch.tensor([at_minus_one, at_one]))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_initial_weights_keep_the_signal_alive_through_eight_layers(name: str) -> None:
    network = MLP(MLPConfig(32, 8, widths=(256,) * 8, activation=name), generator(3, "weights"))
    output = network(torch.randn(512, 32, generator=generator(3, "inputs")))
    assert 0.05 < output.std().item() < 5


def test_mlp_has_the_layers_it_is_asked_for() -> None:
    network = MLP(MLPConfig(7, 3, widths=(5, 5)), generator(0, "weights"))
    shapes = [tuple(weight.shape) for weight in network.parameters()]
    assert shapes == [(5, 7), (5,), (5, 5), (5,), (3, 5), (3,)]
    linear = MLP(MLPConfig(7, 3, widths=()), generator(0, "weights"))
    assert [tuple(weight.shape) for weight in linear.parameters()] == [(3, 7), (3,)]


def test_building_and_training_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    network = build_network("mlp", {"dropout": 0.5}, FOUR_TO_TWO, seed=5)
    set_keys(keyed_layers(network), key(0))
    network(torch.ones(3, 4))
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_silences_its_share_and_keeps_the_mean() -> None:
    layer = Dropout(0.3)
    layer.key = key(0)
    dropped = layer(torch.ones(400, 100))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(layer.eval()(torch.ones(4, 4)), torch.ones(4, 4))


def test_dropout_masks_depend_on_key_and_place_only() -> None:
    def masks(number: int) -> torch.Tensor:
        layers = [Dropout(0.5), Dropout(0.5)]
        set_keys(list(layers), key(99))
        layers[0](torch.ones(7, 7))  # whatever was drawn before
        set_keys(list(layers), key(number))
        return torch.stack([layer(torch.ones(16, 16)) for layer in layers])

    first = masks(1)
    assert torch.equal(first, masks(1))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, masks(2))


def test_dropout_masks_of_a_lane_are_those_it_draws_alone() -> None:
    together = Dropout(0)
    together.set_rates([0.5, 0.0, 0.2])
    together.key = torch.tensor([4, 5, 6], dtype=torch.int32)
    x = torch.randn(3, 8, 10)
    out = together(x)
    for lane, rate in enumerate([0.5, 0.0, 0.2]):
        alone = Dropout(rate)
        alone.key = key(4 + lane)
        assert torch.equal(out[lane], alone(x[lane]))


def test_a_layer_without_a_key_refuses_to_train() -> None:
    with pytest.raises(RuntimeError, match="set_keys"):
        Dropout(0.5)(torch.ones(2, 2))
    Dropout(0.0)(torch.ones(2, 2))


@given(st.integers(), st.integers(), st.integers())
def test_derived_seeds_tell_purposes_and_places_apart(seed: int, one: int, other: int) -> None:
    assert 0 <= derive(seed, "order", one) < 2**63
    assert derive(seed, "order", one) == derive(seed, "order", one)
    assert derive(seed, "order", one) != derive(seed, "weights", one)
    assert (derive(seed, "order", one) == derive(seed, "order", other)) == (one == other)
    assert (derive(one, "order", seed) == derive(other, "order", seed)) == (one == other)
