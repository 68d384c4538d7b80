"""An exported network answers as the network does, and says what it is for."""

import json
from dataclasses import replace
from pathlib import Path

import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

from models import __main__ as cli
from models.catalogue import MODELS, ParamValue, Task
from models.catalogue.entries import DataKind
from models.data.dataset import Dataset
from models.networks.onnx_file import Graph, OnnxError, export_onnx, to_onnx
from models.networks.saved import save_network, wrap_network
from tests.unit.models.finished import make_network
from tests.unit.models.helpers import make_data, make_dataset
from tests.unit.models.onnx_runs import assert_onnx_agrees, run_onnx

SETTINGS: tuple[dict[str, ParamValue], ...] = (
    {},
    {"hidden_layers": 0},
    {"norm": "batch", "activation": "prelu"},
    {"norm": "layer", "activation": "gelu", "residual": True},
    {"activation": "step", "bias": False},
    {"activation": "elu", "dropout": 0.5},
    {"activation": "leaky_relu"},
    {"activation": "swish"},
)

CLAIMED = [
    (model.name, task, kind)
    for model in MODELS.values()
    for task in model.tasks
    for kind in model.kinds
    if (task == "next_token") == (kind == "text") and not model.is_generative
]
"""Every network that predicts, with every kind of data that it says it can learn."""


def raw_rows(dataset: Dataset) -> Tensor:
    """Return test rows as the data set's source has them."""
    return torch.from_numpy(dataset.x_test * dataset.feature_scale + dataset.feature_mean)


@pytest.mark.parametrize("params", SETTINGS)
def test_file_answers_as_the_network_does(params: dict[str, ParamValue], tmp_path: Path) -> None:
    dataset = make_dataset("classification")
    assert_onnx_agrees(make_network(dataset, params), raw_rows(dataset), tmp_path / "network.onnx")


@pytest.mark.parametrize(("model", "task", "kind"), CLAIMED)
def test_every_network_that_predicts_can_be_exported(model: str, task: Task, kind: DataKind, tmp_path: Path) -> None:
    dataset = make_data(task, kind)
    assert_onnx_agrees(make_network(dataset, model=model), raw_rows(dataset), tmp_path / "network.onnx")


@pytest.mark.parametrize("norm", ["batch", "none"])
@pytest.mark.parametrize("architecture", ["dense", "convolutional"])
def test_generators_can_be_exported(architecture: str, norm: str, tmp_path: Path) -> None:
    dataset = make_data("classification", "image")
    params: dict[str, ParamValue] = {
        "architecture": architecture,
        "latent": 5,
        "channels": 4,
        "hidden_layers": 2,
        "norm": norm,
    }
    network = make_network(dataset, params, model="gan")
    noise = torch.randn(5, 5, generator=torch.Generator().manual_seed(0))
    assert_onnx_agrees(network, noise, tmp_path / "network.onnx")


def test_file_of_a_regression_answers_in_the_targets_unit(tmp_path: Path) -> None:
    dataset = make_dataset("regression")
    network = make_network(dataset)
    assert_onnx_agrees(network, raw_rows(dataset), tmp_path / "network.onnx")
    answers = run_onnx(tmp_path / "network.onnx", raw_rows(dataset))
    assert answers.shape == (len(dataset.y_test), 1)
    assert abs(answers.mean().item() - float(dataset.target_mean)) < 3 * float(dataset.target_scale)


class Painter(nn.Module):
    """Make examples of noise, as the generator of an adversarial pair does."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 6)

    def make(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.layer(z))


def test_file_of_a_network_that_makes_examples_takes_noise(tmp_path: Path) -> None:
    dataset, path = make_dataset("classification"), tmp_path / "painter.onnx"
    config = replace(make_network(dataset).config, params={"latent": 4})
    network = wrap_network(Painter(), config, dataset)
    noise = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    assert_onnx_agrees(network, noise, path)
    examples = run_onnx(path, noise)
    assert examples.shape == (5, 6)
    assert ((examples > 2) & (examples < 6)).all()  # between 0 and 1, times a scale of 4, plus a mean of 2
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert (session.get_inputs()[0].name, session.get_outputs()[0].name) == ("noise", "examples")


class Recurrent(nn.Module):
    """A loop over steps whose state is as long as the batch: wrong in a trace that takes sizes for constants."""

    def __init__(self) -> None:
        super().__init__()
        source = torch.Generator().manual_seed(0)
        self.inward = nn.Parameter(torch.randn(3, 5, generator=source))
        self.onward = nn.Parameter(torch.randn(5, 5, generator=source) / 3)

    def forward(self, x: Tensor) -> Tensor:
        steps = x.view(x.shape[0], -1, 3)  # (n, steps, 3)
        state = x.new_zeros(x.shape[0], 5)  # (n, 5)
        for step in range(steps.shape[1]):
            state = torch.tanh(steps[:, step] @ self.inward + state @ self.onward)  # (n, 5)
        return state


def test_any_module_can_be_exported(tmp_path: Path) -> None:
    module, path = Recurrent(), tmp_path / "recurrent.onnx"
    example = torch.randn(3, 12, generator=torch.Generator().manual_seed(0))
    path.write_bytes(to_onnx(Graph(module, example, "steps", "states"), {}))
    for n_rows in (1, 2, 9):
        x = torch.randn(n_rows, 12, generator=torch.Generator().manual_seed(n_rows))
        torch.testing.assert_close(run_onnx(path, x), module(x).detach(), rtol=0, atol=1e-5)


class Remembering(nn.Module):
    """Write into memory of its own through a view, which a trace cannot follow."""

    def forward(self, x: Tensor) -> Tensor:
        memory = x.new_zeros(2, *x.shape)  # (2, n, d)
        first, second = memory.unbind()  # each (n, d)
        torch.mul(x, 3, out=first)
        torch.add(first, 1, out=second)
        return memory.sum(dim=0)  # (n, d)


def test_a_file_that_answers_otherwise_is_never_written() -> None:
    example = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    with pytest.raises(OnnxError) as refusal:
        to_onnx(Graph(Remembering(), example, "numbers", "sums"), {})
    assert refusal.value.code == "unfit_for_onnx"
    assert "differ from the network's" in str(refusal.value)


class Bessel(nn.Module):
    """Use an operator that the exporter does not know."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.special.i1e(x)  # type: ignore[no-any-return]


def test_an_operator_that_onnx_lacks_is_named() -> None:
    with pytest.raises(OnnxError) as refusal:
        to_onnx(Graph(Bessel(), torch.rand(3, 4), "numbers", "values"), {})
    assert refusal.value.code == "unfit_for_onnx"
    assert "special_i1e" in str(refusal.value)


def test_file_says_what_it_is_for(tmp_path: Path) -> None:
    dataset = make_dataset("classification")
    path = export_onnx(make_network(dataset, {"dropout": 0.25}), tmp_path / "network.onnx")
    model = onnx.load(path)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    assert (facts["task"], facts["kind"], facts["n_outputs"], facts["model"]) == ("classification", "table", "3", "mlp")
    assert (json.loads(facts["shape"]), json.loads(facts["params"])) == ([6], {"dropout": 0.25})
    assert facts["dataset_sha256"] == dataset.sha256
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.shape, given.name, given.shape[1]) == ("features", ["n", 6], "scores", 3)


def test_command_line_exports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = make_dataset("regression")
    network = make_network(dataset)
    save_network(network, tmp_path / "network")
    path = tmp_path / "made" / "network.onnx"
    assert cli.main(["export", "--network", str(tmp_path / "network"), "--output", str(path)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer == {"path": str(path), "size_bytes": path.stat().st_size, "task": "regression", "n_features": 6}
    torch.testing.assert_close(run_onnx(path, raw_rows(dataset)), network(raw_rows(dataset)).detach())
