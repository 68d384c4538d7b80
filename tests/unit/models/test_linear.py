"""Linear models find what closed forms find, choose terms as least squares would, and train in lanes as alone."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, LinearRegression, LogisticRegression, Ridge
from sklearn.preprocessing import PolynomialFeatures
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from benchmarks.training import plain_linear
from models.catalogue import DATASETS, CatalogueError, DataShape, ParamValue, Task, check_combination, get_model
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.engine.losses import CRITERIA
from models.engine.stack import Stack
from models.engine.trainer import TrainSettings, train
from models.measures.evaluation import forward_all, read_part
from models.networks.linear import Linear
from models.networks.linear_terms import Terms, choose_forward
from models.networks.registry import build_network
from models.networks.saved import load_network
from models.seeds import generator
from tests.unit.models.helpers import Recorder, Run, make_dataset
from tests.unit.models.onnx_runs import assert_onnx_agrees

Doubles = npt.NDArray[np.float64]
N_DIABETES = 266
LONG: dict[str, ParamValue] = {"epochs": 400, "batch_size": 512, "learning_rate": 0.1, "schedule": "cosine"}


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def read_doubles(dataset: Dataset, part: str) -> tuple[Doubles, Doubles]:
    """Return features and standardised targets."""
    targets = getattr(dataset, f"y_{part}").astype(np.float64)
    if dataset.task == "regression":
        targets = (targets - dataset.target_mean) / dataset.target_scale
    return getattr(dataset, f"x_{part}").astype(np.float64), targets


def trained(run: Run, **params: ParamValue) -> tuple[Linear, dict[str, float]]:
    """Train to the end; return the network and its metrics."""
    result, _ = run.train_one("a", **params)
    body = load_network(result.network_files[0].parent).body
    assert isinstance(body, Linear)
    return body, dict(result.metrics)


@pytest.fixture(scope="module")
def diabetes(cache_dir: Path) -> Dataset:
    """The real progression of diabetes."""
    return load_dataset(prepare_dataset("diabetes", cache_dir))


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_terms_are_those_of_scikit_learn(degree: int) -> None:
    x = draw(7, 5)
    expected = PolynomialFeatures(degree, include_bias=False).fit_transform(x.double().numpy())
    terms = Terms(5, degree, interactions=True)
    assert terms.n_terms == expected.shape[1]
    np.testing.assert_allclose(terms(x).numpy(), expected, rtol=1e-5)
    powers = Terms(5, degree, interactions=False)(x)
    torch.testing.assert_close(powers, torch.cat([x**power for power in range(1, degree + 1)], dim=1))


def test_terms_of_a_polynomial_come_on_one_scale_and_constant_ones_stay_finite() -> None:
    x = draw(5000, 3)
    x[:, 2] = x[:, 2].sign()  # its square is always 1
    terms = Terms(3, 3, interactions=True)
    terms.fit(x, draw(5000, 1))
    seen = terms(x)
    torch.testing.assert_close(seen.mean(dim=0), torch.zeros(terms.n_terms), rtol=0, atol=1e-4)
    deviation = seen.std(dim=0)
    is_constant = deviation < 1e-3
    assert int(is_constant.sum()) == 1
    torch.testing.assert_close(deviation[~is_constant], torch.ones(terms.n_terms - 1), rtol=1e-3, atol=0)


def greedy(x: Doubles, y: Doubles, n_chosen: int) -> list[int]:
    """Choose features by fitting every candidate anew."""

    def error(features: list[int]) -> float:
        chosen_x = x[:, features]
        return float(np.square(y - LinearRegression().fit(chosen_x, y).predict(chosen_x)).sum())

    chosen: list[int] = []
    while len(chosen) < n_chosen:
        left = [place for place in range(x.shape[1]) if place not in chosen]
        chosen.append(min(left, key=lambda place: error([*chosen, place])))
    return chosen


@pytest.mark.parametrize("name", ["diabetes", "wine"])
def test_forward_selection_chooses_what_fitting_every_candidate_would(name: str, cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset(name, cache_dir))
    x, y = read_doubles(dataset, "train")
    y = np.eye(3)[y.astype(int)] if name == "wine" else y[:, None]
    both = np.cov(np.hstack([x, y]).T, bias=True)
    covariance, with_targets = (torch.from_numpy(part) for part in np.split(both[: x.shape[1]], [x.shape[1]], axis=1))
    assert choose_forward(covariance, with_targets, 6) == greedy(x, y, 6)
    network = build_network("linear" if name == "diabetes" else "logistic", {"n_features": 6}, dataset.data_shape)
    assert isinstance(network, Linear)
    part = read_part(dataset, "train")
    network.prepare(part.features, part.targets)
    assert sorted(greedy(x, y, 6)) == torch.nonzero(network.terms.factor).flatten().tolist()


def test_forward_selection_stops_where_the_rest_is_a_sum_of_the_chosen() -> None:
    x = draw(200, 3).double()
    x = torch.cat([x, x[:, :1] + x[:, 1:2], torch.zeros(200, 1)], dim=1)
    moments = torch.cov(torch.cat([x, x @ draw(5, 1).double()], dim=1).T)
    chosen = choose_forward(moments[:5, :5], moments[:5, 5:], 5)
    assert len(chosen) == 3
    assert 4 not in chosen


def test_terms_that_were_left_out_play_no_part(diabetes: Dataset, tmp_path: Path) -> None:
    network, _ = trained(
        Run(diabetes, tmp_path, "linear"), epochs=5, n_features=3, optimizer="adamw", weight_decay=0.1, degree=2
    )
    kept = network.terms.factor != 0
    assert int(kept.sum()) == 3
    assert bool((network.output.weight[0, ~kept] == 0).all())
    x = torch.from_numpy(diabetes.x_val)
    by_hand = network.terms(x)[:, kept] @ network.output.weight[0, kept] + network.output.bias
    with torch.inference_mode():
        torch.testing.assert_close(network(x)[:, 0], by_hand)


@pytest.mark.parametrize(
    ("estimator", "params", "tolerance"),
    [
        (LinearRegression(), {}, 0.05),  # its features nearly repeat each other, so weights far apart answer alike
        (Ridge(30.0), {"l2": 30.0 / N_DIABETES}, 1e-4),
        (Lasso(0.05), {"l1": 0.1}, 0.01),
        (ElasticNet(0.1, l1_ratio=0.5), {"l1": 2 * 0.1 * 0.5, "l2": 0.1 * 0.5}, 0.01),
    ],
    ids=["linear", "ridge", "lasso", "elastic_net"],
)
def test_weights_are_those_of_the_closed_form(
    estimator: Any, params: dict[str, ParamValue], tolerance: float, diabetes: Dataset, tmp_path: Path
) -> None:
    estimator.fit(*read_doubles(diabetes, "train"))
    network, metrics = trained(Run(diabetes, tmp_path, "linear", LONG), **params)
    weights = network.output.weight.detach().numpy()[0]
    np.testing.assert_allclose(weights, estimator.coef_, rtol=0, atol=tolerance)
    assert metrics["val_r2"] == pytest.approx(estimator.score(*read_doubles(diabetes, "val")), abs=0.005)


def test_polynomial_is_ridge_on_standardised_terms(diabetes: Dataset, tmp_path: Path) -> None:
    network, metrics = trained(Run(diabetes, tmp_path, "linear", LONG), degree=2, l2=0.2)
    (x, y), (x_val, y_val) = (
        (network.terms(torch.from_numpy(features).float()).double().numpy(), targets)
        for features, targets in (read_doubles(diabetes, "train"), read_doubles(diabetes, "val"))
    )
    ridge = Ridge(0.2 * N_DIABETES).fit(x, y)
    np.testing.assert_allclose(network.output.weight.detach().numpy()[0], ridge.coef_, rtol=0, atol=0.01)
    assert metrics["val_r2"] == pytest.approx(ridge.score(x_val, y_val), abs=0.005)


@pytest.mark.parametrize("name", ["wine", "breast_cancer"])
def test_logistic_regression_is_that_of_scikit_learn(name: str, cache_dir: Path, tmp_path: Path) -> None:
    dataset = load_dataset(prepare_dataset(name, cache_dir))
    x, y = read_doubles(dataset, "train")
    theirs = LogisticRegression(C=0.5, max_iter=5000).fit(x, y)
    network, metrics = trained(Run(dataset, tmp_path, "logistic", LONG), l2=1 / len(y))
    np.testing.assert_allclose(network.output.weight.detach().numpy(), theirs.coef_, rtol=0, atol=0.02)
    chances = forward_all(network, torch.from_numpy(dataset.x_val)).softmax(dim=1).numpy()
    np.testing.assert_allclose(chances, theirs.predict_proba(read_doubles(dataset, "val")[0]), rtol=0, atol=0.01)
    assert metrics["val_accuracy"] >= 0.95


def test_two_classes_are_one_sum_under_every_loss() -> None:
    network = build_network("logistic", {}, DataShape("classification", "table", (4,), 2))
    x, y = draw(32, 4), torch.arange(32) % 2
    assert isinstance(network, Linear)
    (sums, signs) = network.output.sums(x)[:, 0], 2.0 * y - 1  # (n,), (n,)
    alone = {
        "cross_entropy": F.softplus(-signs * sums),
        "binary_cross_entropy": F.softplus(-signs * sums) + np.log(2),
        "hinge": (1 - signs * sums).clamp(min=0) + 1,
    }
    for name, losses in alone.items():
        torch.testing.assert_close(CRITERIA[name](network(x), y, {}), losses)


@pytest.mark.parametrize("degree", [1, 2])
@pytest.mark.parametrize(("model", "n_outputs"), [("linear", 1), ("logistic", 2), ("logistic", 3)])
def test_a_lane_answers_and_learns_as_it_does_alone(model: str, n_outputs: int, degree: int) -> None:
    task: Task = "regression" if model == "linear" else "classification"
    data = DataShape(task, "table", (5,), n_outputs)
    x, counts = draw(3, 16, 5), [2, 0, 1]
    networks = []
    for lane, n_features in enumerate(counts):
        network = build_network(model, {"degree": degree, "n_features": n_features}, data, seed=lane)
        assert isinstance(network, Linear)
        network.prepare(x[lane], draw(16) if n_outputs == 1 else torch.arange(16) % n_outputs)
        networks.append(network)
    stack = Stack(networks[1], [network.state_dict() for network in networks])
    assert isinstance(stack.network, Linear)
    stack.network.terms.set_numbers({"n_features": [float(count) for count in counts]})
    together, slope = stack.network(x), draw(3, 16, n_outputs, seed=1)
    gradients = torch.autograd.grad(together, stack.parameters, slope)
    for lane, network in enumerate(networks):
        alone = network(x[lane])
        torch.testing.assert_close(together[lane], alone, rtol=1e-5, atol=1e-5)
        own = torch.autograd.grad(alone, list(network.parameters()), slope[lane])
        for mine, right in zip(gradients, own, strict=True):
            torch.testing.assert_close(mine[lane], right, rtol=1e-5, atol=1e-5)


def test_lanes_that_choose_differently_train_together(diabetes: Dataset, tmp_path: Path) -> None:
    run = Run(diabetes, tmp_path, "linear", {"epochs": 3})
    counts = (0, 2, 7)
    together = train(
        [run.job(f"lane-{count}", n_features=count) for count in counts],
        Recorder(),
        TrainSettings(checkpoint_every_s=float("inf"), n_lanes=3),
    )
    for count, result in zip(counts, together, strict=True):
        alone, _ = run.train_one(f"alone-{count}", n_features=count)
        assert result.metrics == pytest.approx(alone.metrics, rel=1e-4)


@pytest.mark.parametrize("degree", [1, 2])
def test_the_plain_version_answers_and_learns_alike(degree: int) -> None:
    ours = build_network("linear", {"degree": degree}, DataShape("regression", "table", (5,), 1))
    plain = plain_linear.build(5, 1, degree)
    x, y = draw(32, 5), draw(32, seed=1)
    own, theirs = list(ours.parameters()), list(plain.parameters())
    with torch.no_grad():
        for mine, other in zip(own, theirs, strict=True):
            other.copy_(mine)
    torch.testing.assert_close(ours(x), plain(x))
    gradients = torch.autograd.grad(CRITERIA["mse"](ours(x), y, {}).mean(), own)
    torch.testing.assert_close(gradients, torch.autograd.grad(plain_linear.loss(plain, x, y), theirs))


@pytest.mark.parametrize("params", [{}, {"degree": 2}, {"degree": 3, "n_features": 4}])
def test_onnx_file_answers_as_the_network_does(params: dict[str, ParamValue], tmp_path: Path) -> None:
    dataset = make_dataset("regression")
    result, _ = Run(dataset, tmp_path, "linear", {"epochs": 1}).train_one("a", **params)
    network = load_network(result.network_files[0].parent)
    assert_onnx_agrees(network, torch.from_numpy(dataset.x_test), tmp_path / "network.onnx")


@pytest.mark.parametrize("right", [{"degree": 2}, {"degree": 3, "interactions": False}])
def test_more_terms_than_can_be_learnt_are_refused(right: dict[str, object]) -> None:
    entry, data = get_model("logistic"), DATASETS["breast_cancer"]
    with pytest.raises(
        CatalogueError, match="5455 terms of the 30 features of breast_cancer, more than 4096"
    ) as refusal:
        check_combination(entry, {"degree": 3}, data)
    assert (refusal.value.code, refusal.value.field) == ("impossible_combination", "params.degree")
    check_combination(entry, right, data)


@pytest.mark.parametrize(("model", "wrong", "right"), [("linear", "hinge", "huber"), ("logistic", "mse", "hinge")])
def test_losses_of_the_other_task_are_no_choice(model: str, wrong: str, right: str) -> None:
    with pytest.raises(CatalogueError) as refusal:
        check_combination(get_model(model), {"loss": wrong})
    assert (refusal.value.code, refusal.value.field) == ("not_a_choice", "params.loss")
    check_combination(get_model(model), {"loss": right})


def test_selection_among_too_many_terms_is_refused() -> None:
    entry, data = get_model("logistic"), DATASETS["digits"]
    with pytest.raises(CatalogueError, match="1024 terms at most, and there are 2144") as refusal:
        check_combination(entry, {"degree": 2, "n_features": 5}, data)
    assert (refusal.value.code, refusal.value.field) == ("impossible_combination", "params.n_features")
    check_combination(entry, {"degree": 2, "n_features": 5, "interactions": False}, data)
    check_combination(entry, {"degree": 2}, data)
