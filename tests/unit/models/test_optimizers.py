"""Each update rule takes the same steps as torch's own, from zero state and after a restart."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor

from models.catalogue import get_model
from models.engine.optimizers import OPTIMIZERS, Optimizer, StepSettings

REFERENCES: Mapping[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "rmsprop": torch.optim.RMSprop,
    "momentum": lambda weights, **settings: torch.optim.SGD(weights, momentum=0.9, **settings),
    "sgd": torch.optim.SGD,
}
SETTINGS = StepSettings(learning_rate=0.01, weight_decay=0.1)


def random_tensors(seed: int) -> list[Tensor]:
    source = torch.Generator().manual_seed(seed)
    return [torch.randn(5, 3, generator=source), torch.randn(5, generator=source)]


def test_every_rule_of_the_catalogue_is_there_and_compared() -> None:
    choices = set(get_model("mlp").hyperparameters["optimizer"].choices)
    assert choices == set(OPTIMIZERS) == set(REFERENCES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_equal_those_of_torch(name: str) -> None:
    ours, theirs = random_tensors(0), random_tensors(0)
    rule = OPTIMIZERS[name](ours, SETTINGS)
    settings: dict[str, Any] = {"lr": SETTINGS.learning_rate, "weight_decay": SETTINGS.weight_decay}
    reference = REFERENCES[name](theirs, **settings)
    for step in range(1, 6):
        gradients = random_tensors(step)
        rule.step(gradients)
        for weight, gradient in zip(theirs, gradients, strict=True):
            weight.grad = gradient.clone()
        reference.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    assert not torch.equal(ours[0], random_tensors(0)[0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_layout_of_gradients_does_not_matter(name: str) -> None:
    plain, turned = random_tensors(0), random_tensors(0)
    rules = [OPTIMIZERS[name](weights, SETTINGS) for weights in (plain, turned)]
    gradient, bias_gradient = random_tensors(1)
    column_major = gradient.T.contiguous().T
    assert not column_major.is_contiguous()
    rules[0].step([gradient, bias_gradient])
    rules[1].step([column_major, bias_gradient])
    assert torch.equal(plain[0], turned[0])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_state_carries_a_rule_over_a_restart(name: str) -> None:
    straight, restarted = random_tensors(0), random_tensors(0)
    rule = OPTIMIZERS[name](straight, SETTINGS)
    before = OPTIMIZERS[name](restarted, SETTINGS)
    for each in (rule, before):
        each.step(random_tensors(1))
    after = OPTIMIZERS[name](restarted, SETTINGS)
    for key, tensor in after.state.items():
        tensor.copy_(before.state[key])
    for each in (rule, after):
        each.step(random_tensors(2))
    assert torch.equal(straight[0], restarted[0])


def test_state_holds_all_memory() -> None:
    def memory(rule: Optimizer) -> set[str]:
        return {name.split(".")[0] for name in rule.state}

    rules = {name: memory(kind(random_tensors(0), SETTINGS)) for name, kind in OPTIMIZERS.items()}
    assert rules == {
        "adam": {"mean", "square", "step"},
        "adamw": {"mean", "square", "step"},
        "rmsprop": {"square"},
        "momentum": {"velocity"},
        "sgd": set(),
    }
