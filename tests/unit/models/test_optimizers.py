"""Each update rule takes the same steps as torch's own, a row a lane, from zero state and after a restart."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from models.catalogue import get_model
from models.engine.optimizers import OPTIMIZERS, Adam, AdamW

MOMENTA = [0.9, 0.5, 0.0]
DECAYS = [0.0, 0.1, 0.01]
RATES = [0.01, 0.1, 0.003]
REFERENCES: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": lambda weights, momentum, **settings: torch.optim.Adam(weights, **settings),
    "adamw": lambda weights, momentum, **settings: torch.optim.AdamW(weights, **settings),
    "rmsprop": lambda weights, momentum, **settings: torch.optim.RMSprop(weights, **settings),
    "momentum": torch.optim.SGD,
    "nesterov": lambda weights, momentum, **settings: torch.optim.SGD(
        weights, momentum=momentum or 1e-12, nesterov=True, **settings
    ),
    "sgd": lambda weights, momentum, **settings: torch.optim.SGD(weights, **settings),
}


def rows(seed: int) -> Tensor:
    """Return weights or gradients of three lanes."""
    return torch.randn(3, 20, generator=torch.Generator().manual_seed(seed))


def test_every_rule_of_the_catalogue_is_there_and_compared() -> None:
    choices = set(get_model("mlp").hyperparameters["optimizer"].choices)
    assert choices == set(OPTIMIZERS) == set(REFERENCES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_equal_those_of_torch_in_each_lane(name: str) -> None:
    weights = rows(0)
    rule = OPTIMIZERS[name](weights, MOMENTA, DECAYS)
    theirs = [row.clone() for row in rows(0)]
    settings: list[dict[str, Any]] = [
        {"lr": rate, "weight_decay": decay, "momentum": momentum}
        for rate, decay, momentum in zip(RATES, DECAYS, MOMENTA, strict=True)
    ]
    references = [REFERENCES[name]([row], **one) for row, one in zip(theirs, settings, strict=True)]
    rule.begin([RATES] * 5)
    for step in range(1, 6):
        rule.step(rows(step))
        for row, gradient, reference in zip(theirs, rows(step), references, strict=True):
            row.grad = gradient.clone()
            reference.step()
    torch.testing.assert_close(weights, torch.stack(theirs), rtol=1e-5, atol=1e-6)
    assert not torch.equal(weights, rows(0))


@pytest.mark.parametrize("kind", [Adam, AdamW])
def test_all_lanes_at_once_equal_a_kernel_a_row(kind: type[Adam]) -> None:
    one_by_one, at_once = rows(0), rows(0)
    rules = [kind(weights, MOMENTA, DECAYS) for weights in (one_by_one, at_once)]
    rules[1].goes_by_row = False
    for epoch in range(2):
        for rule in rules:
            rule.begin([RATES, [rate / 2 for rate in RATES]])
            for step in range(2):
                rule.step(rows(2 * epoch + step + 1))
    torch.testing.assert_close(one_by_one, at_once, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_columns_of_a_wider_matrix_can_be_optimised_by_themselves(name: str) -> None:
    alone, wide = rows(0), torch.zeros(3, 40)
    part = wide[:, 16:36]
    part.copy_(alone)
    for weights in (alone, part):
        rule = OPTIMIZERS[name](weights, MOMENTA, DECAYS)
        rule.begin([RATES])
        rule.step(rows(1))
    assert torch.equal(alone, part)
    assert not wide[:, :16].any()
    assert not wide[:, 36:].any()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_carries_a_rule_over_a_restart(name: str) -> None:
    straight, restarted = rows(0), rows(0)
    rule = OPTIMIZERS[name](straight, MOMENTA, DECAYS)
    before = OPTIMIZERS[name](restarted, MOMENTA, DECAYS)
    for each in (rule, before):
        each.begin([RATES])
        each.step(rows(1))
    after = OPTIMIZERS[name](restarted, MOMENTA, DECAYS)
    for lane in range(3):
        after.load(lane, {key: memory[lane] for key, memory in before.state.items()}, 1)
    for each in (rule, after):
        each.begin([RATES])
        each.step(rows(2))
    assert torch.equal(straight, restarted)


def test_state_holds_all_memory() -> None:
    assert {name: set(kind(rows(0), MOMENTA, DECAYS).state) for name, kind in OPTIMIZERS.items()} == {
        "adam": {"mean", "square"},
        "adamw": {"mean", "square"},
        "rmsprop": {"square"},
        "momentum": {"velocity"},
        "nesterov": {"velocity"},
        "sgd": set(),
    }
