"""Networks, layers and activations do what their names say, without the global generator."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import get_model
from models.layers.activations import ACTIVATIONS
from models.layers.basic import Dropout, dropout_layers, reseed_dropout
from models.networks.mlp import MLP, MLPConfig
from models.networks.registry import BUILDERS, build_network
from models.seeds import derive, generator


def test_catalogue_and_registry_name_the_same_things() -> None:
    assert set(get_model("mlp").hyperparameters["activation"].choices) == set(ACTIVATIONS)
    assert set(BUILDERS) == {"mlp"}


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
    ],
)
def test_activation_values(name: str, at_minus_one: float, at_one: float) -> None:
    values = ACTIVATIONS[name].apply(torch.tensor([-1.0, 1.0]))
    torch.testing.assert_close(values, torch.tensor([at_minus_one, at_one]))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_initial_weights_keep_the_signal_alive_through_eight_layers(name: str) -> None:
    network = MLP(MLPConfig(32, 8, hidden_layers=8, hidden_units=256, activation=name), generator(3, "weights"))
    output = network(torch.randn(512, 32, generator=generator(3, "inputs")))
    assert 0.05 < output.std().item() < 5


def test_mlp_has_the_layers_it_is_asked_for() -> None:
    network = MLP(MLPConfig(7, 3, hidden_layers=2, hidden_units=5), generator(0, "weights"))
    shapes = [tuple(weight.shape) for weight in network.parameters()]
    assert shapes == [(5, 7), (5,), (5, 5), (5,), (3, 5), (3,)]
    linear = MLP(MLPConfig(7, 3, hidden_layers=0), generator(0, "weights"))
    assert [tuple(weight.shape) for weight in linear.parameters()] == [(3, 7), (3,)]


def test_building_and_training_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    network = build_network("mlp", {"dropout": 0.5}, 4, 2, seed=5)
    reseed_dropout(dropout_layers(network), seed=5, step=0)
    network(torch.ones(3, 4))
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_silences_its_share_and_keeps_the_mean() -> None:
    layer = Dropout(0.3)
    layer.generator.manual_seed(0)
    dropped = layer(torch.ones(400, 100))
    assert (dropped == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(layer.eval()(torch.ones(4, 4)), torch.ones(4, 4))


def test_dropout_masks_depend_on_seed_step_and_place_only() -> None:
    def masks(seed: int, step: int) -> torch.Tensor:
        layers = [Dropout(0.5), Dropout(0.5)]
        layers[0](torch.ones(7, 7))  # whatever was drawn before
        reseed_dropout(layers, seed, step)
        return torch.stack([layer(torch.ones(16, 16)) for layer in layers])

    first = masks(seed=1, step=4)
    assert torch.equal(first, masks(seed=1, step=4))
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, masks(seed=1, step=5))
    assert not torch.equal(first, masks(seed=2, step=4))


def test_layers_without_dropout_cost_no_reseeding() -> None:
    assert dropout_layers(build_network("mlp", {}, 4, 2)) == []
    assert len(dropout_layers(build_network("mlp", {"dropout": 0.1, "hidden_layers": 3}, 4, 2))) == 3


@given(st.integers(), st.integers(), st.integers())
def test_derived_seeds_tell_purposes_and_places_apart(seed: int, one: int, other: int) -> None:
    assert 0 <= derive(seed, "order", one) < 2**63
    assert derive(seed, "order", one) == derive(seed, "order", one)
    assert derive(seed, "order", one) != derive(seed, "weights", one)
    assert (derive(seed, "order", one) == derive(seed, "order", other)) == (one == other)
    assert (derive(one, "order", seed) == derive(other, "order", seed)) == (one == other)
