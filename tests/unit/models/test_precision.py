"""Mixed precision: where it computes in bf16, what stays in float32, and that a trial's result stays its own."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
import torch
from torch import Tensor

from models.catalogue import ParamValue, Task
from models.catalogue.entries import DataKind
from models.engine.jobs import Outcome
from models.engine.lane import Lane
from models.engine.program import Program
from models.engine.trainer import TrainSettings, train
from models.layers.precision import in_float32
from models.networks.saved import load_network
from tests.unit.models.helpers import NEVER, Recorder, Run, make_data

MIXED = replace(NEVER, precision="bf16")
IN_LANES = replace(MIXED, n_lanes=4)
TOLERANCE = 0.03
"""How far metrics may lie apart between a trial alone and the same in company, both in bf16: its numbers have 8 bits,
so two orders of summing differ by 4e-3 in a step."""

CASES: list[tuple[str, Task, DataKind, dict[str, ParamValue]]] = [
    ("mlp", "classification", "table", {"dropout": 0.2, "norm": "batch"}),
    ("mlp", "regression", "table", {"norm": "layer", "optimizer": "momentum"}),
    ("mlp", "classification", "table", {"label_smoothing": 0.1, "activation": "prelu"}),
    ("mlp", "classification", "table", {"loss": "binary_cross_entropy", "activation": "step"}),
    ("linear", "regression", "table", {"degree": 2}),
    ("logistic", "classification", "table", {}),
    ("perceptron", "classification", "table", {"rule": "gradient"}),
    ("cnn", "classification", "image", {"norm": "batch", "augment_shift": 1.0}),
    ("cnn", "regression", "image", {"residual": True, "pooling": "average"}),
    ("capsnet", "classification", "image", {"routings": 2}),
    ("capsnet", "classification", "image", {"routings": 1}),
    ("rnn", "classification", "sequence", {"cell": "gru", "bidirectional": True}),
    ("rnn", "regression", "sequence", {"cell": "lstm"}),
    ("rnn", "next_token", "text", {"cell": "elman", "bptt_steps": 3}),
    ("gan", "classification", "image", {}),
    ("gan", "classification", "image", {"architecture": "convolutional", "hidden_layers": 2, "spectral_norm": True}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}-{len(case[3])}")
def test_a_trial_in_bf16_is_the_same_alone_and_in_company(
    case: tuple[str, Task, DataKind, dict[str, ParamValue]], tmp_path: Path
) -> None:
    model, task, kind, params = case
    run = Run(make_data(task, kind), tmp_path, model, {"epochs": 2, "batch_size": 32, **params})
    [alone] = train([run.job("alone")], Recorder(), MIXED)
    others = [replace(run.job(f"lane-{place}", learning_rate=0.003), seed=10 + place) for place in range(3)]
    together = train([run.job("again"), *others], Recorder(), IN_LANES)[0]
    assert alone.outcome is together.outcome is Outcome.COMPLETE
    loose = {name: value for name, value in together.metrics.items() if not name.startswith("grad")}
    wanted = {name: value for name, value in alone.metrics.items() if name in loose}
    assert loose == pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize("n_lanes", [1, 3])
def test_products_run_in_bf16_and_all_that_is_kept_in_float32(classification: Run, n_lanes: int) -> None:
    lanes = [Lane(classification.job(str(place))) for place in range(n_lanes)]
    program = Program(lanes, torch.device("cpu"), "bf16")
    seen: list[torch.dtype] = []

    def note(_layer: object, _inputs: object, output: Tensor) -> None:
        seen.append(output.dtype)

    handle = program.stack.network.register_forward_hook(note)
    measured = program.train_epoch()
    handle.remove()
    assert set(seen[:-1]) == {torch.bfloat16}
    assert seen[-1] is torch.float32  # what is measured after an epoch is what the saved network answers
    assert all(one.metrics for one in measured)
    kept = [program.stack.weights, *program.phases[0].optimizer.state.values(), program.phases[0].gradients]
    assert {tensor.dtype for tensor in kept} == {torch.float32}


def test_bf16_learns_what_float32_learns(classification: Run) -> None:
    whole, mixed = (
        train([classification.job(str(place), epochs=8)], Recorder(), settings)[0]
        for place, settings in enumerate((NEVER, MIXED))
    )
    assert mixed.metrics != whole.metrics
    assert mixed.metrics["val_accuracy"] == pytest.approx(whole.metrics["val_accuracy"], abs=0.05)
    network = load_network(mixed.network_files[0].parent)
    assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}


def test_auto_is_float32_on_a_cpu(classification: Run) -> None:
    chosen: tuple[Literal["auto", "float32"], ...] = ("auto", "float32")
    results = [
        train([classification.job(name)], Recorder(), TrainSettings(precision=name))[0].metrics for name in chosen
    ]
    assert results[0] == results[1]


def test_a_function_in_float32_ignores_autocast_around_it() -> None:
    @in_float32
    def product(left: Tensor, right: Tensor) -> Tensor:
        return left @ right

    left, right = torch.ones(2, 3), torch.full((3, 2), 1 / 3)
    with torch.autocast("cpu", torch.bfloat16):
        assert (left @ right).dtype is torch.bfloat16
        assert product(left, right.bfloat16()).dtype is torch.float32
        assert torch.equal(product(left, right), product(left.clone(), right))
        assert (left @ right).dtype is torch.bfloat16
    assert product(left, right).dtype is torch.float32
