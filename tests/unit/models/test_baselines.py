"""Baselines learn from the training part alone and are measured by the same metrics as networks."""

from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest

from models.catalogue import CatalogueError, DataShape, Task
from models.catalogue.baselines import BASELINES, default_baseline
from models.data.dataset import Array, Dataset, build_dataset
from models.measures.baselines import evaluate_baselines, fitting_baselines
from models.measures.estimators import ESTIMATORS, Setting
from tests.unit.models.helpers import make_dataset

TASKS: tuple[Task, ...] = ("classification", "regression", "next_token")


def make_series(n_features: int = 1, is_chronological: bool = True) -> Dataset:
    """Make windows of 4 steps of a slow random walk, to foretell the next value of."""
    walk = 50 + np.cumsum(np.random.default_rng(3).normal(size=200))
    windows = np.lib.stride_tricks.sliding_window_view(walk, 5)
    windows = (windows - 50) / 10
    arrays: dict[str, Array] = {}
    for part, rows in {"train": slice(0, 100), "val": slice(100, 140), "test": slice(140, None)}.items():
        arrays[f"x_{part}"] = windows[rows, :4].astype(np.float32)
        arrays[f"y_{part}"] = (windows[rows, 4] * 10 + 50).astype(np.float32)
    arrays |= {"feature_mean": np.full(4, 50, np.float32), "feature_scale": np.full(4, 10, np.float32)}
    arrays["target_mean"] = np.array(arrays["y_train"].mean(), np.float32)
    arrays["target_scale"] = np.array(arrays["y_train"].std(), np.float32)
    shape = (4 // n_features, n_features)
    return build_dataset(DataShape("regression", "sequence", shape, 1), arrays, is_chronological)


def make_text(n_tokens: int = 5, n_steps: int = 8) -> Dataset:
    """Make tokens that follow each other in a circle nine times in ten."""
    rng = np.random.default_rng(0)
    jumps = np.where(rng.random((120, n_steps)) < 0.9, 1, rng.integers(n_tokens, size=(120, n_steps)))
    tokens = np.cumsum(np.concatenate([rng.integers(n_tokens, size=(120, 1)), jumps], axis=1), axis=1) % n_tokens
    arrays: dict[str, Array] = {}
    for part, rows in {"train": slice(0, 80), "val": slice(80, 100), "test": slice(100, 120)}.items():
        arrays[f"x_{part}"] = tokens[rows, :-1].astype(np.float32)
        arrays[f"y_{part}"] = tokens[rows, 1:].astype(np.int64)
    arrays |= {"feature_mean": np.zeros(n_steps, np.float32), "feature_scale": np.ones(n_steps, np.float32)}
    arrays |= {"target_mean": np.array(0, np.float32), "target_scale": np.array(1, np.float32)}
    return build_dataset(DataShape("next_token", "text", (n_steps,), n_tokens), arrays)


def dataset_of(task: Task) -> Dataset:
    """Make small data of a kind."""
    return make_text() if task == "next_token" else make_dataset(task)


@pytest.mark.parametrize("task", TASKS)
def test_every_fitting_baseline_learns_something(task: Task) -> None:
    dataset = dataset_of(task)
    ticks = count()
    answers = evaluate_baselines(dataset, clock=lambda: float(next(ticks)))
    assert [answer["name"] for answer in answers] == list(fitting_baselines(dataset))
    for answer in answers:
        assert answer["fit_s"] == 1.0
        assert {f"{part}_loss" for part in ("val", "test")} < set(answer)
        if task == "regression":
            assert answer["test_r2"] > 0.5, answer["name"]
        else:
            chance = 1 / dataset.n_outputs
            assert answer["test_accuracy"] > (chance if answer["name"] == "unigram" else 0.7), answer["name"]


def test_baselines_agree_with_scikit_learns_own_scores(digits: Dataset) -> None:
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.metrics import roc_auc_score

    (answer,) = evaluate_baselines(digits, ["logistic_regression"])
    reference = LogisticRegression(max_iter=5000).fit(digits.x_train, digits.y_train)
    assert answer["test_accuracy"] == pytest.approx(reference.score(digits.x_test, digits.y_test))
    assert answer["val_accuracy"] == pytest.approx(reference.score(digits.x_val, digits.y_val))
    assert answer["test_accuracy"] > 0.94

    # Naive Bayes is often so sure that its probabilities differ in the last bits only, which order them by chance.
    for name, tolerance in (("naive_bayes", 2e-3), ("decision_tree", 1e-6), ("k_nearest_neighbours", 1e-6)):
        (answer,) = evaluate_baselines(digits, [name])
        estimator = ESTIMATORS[name](Setting(digits, seed=0)).fit(digits.x_train, digits.y_train)
        area = roc_auc_score(digits.y_test, estimator.predict_proba(digits.x_test), multi_class="ovr")
        assert answer["test_roc_auc"] == pytest.approx(area, abs=tolerance), name

    data = make_dataset("regression")
    (answer,) = evaluate_baselines(data, ["linear"])
    in_units = LinearRegression().fit(data.x_train, data.y_train)
    errors = in_units.predict(data.x_test) - data.y_test
    assert answer["test_r2"] == pytest.approx(in_units.score(data.x_test, data.y_test), abs=1e-4)
    assert answer["test_rmse"] == pytest.approx(float(np.sqrt(np.mean(errors**2))), rel=1e-3)


@pytest.mark.parametrize("task", TASKS)
def test_neither_validation_nor_test_rows_are_learnt_from(task: Task) -> None:
    dataset = dataset_of(task)
    names = [name for name in fitting_baselines(dataset) if name != "random_forest"]
    before = evaluate_baselines(dataset, names, clock=lambda: 0.0)
    for part, other in (("val", "test"), ("test", "val")):
        changes = {f"x_{part}": getattr(dataset, f"x_{part}")[::-1].copy()}  # rows no longer belong to their targets
        after = evaluate_baselines(replace(dataset, **changes), names, clock=lambda: 0.0)
        assert [_of_part(answer, other) for answer in after] == [_of_part(answer, other) for answer in before]
        assert [_of_part(answer, part) for answer in after] != [_of_part(answer, part) for answer in before]


def _of_part(answer: dict[str, Any], part: str) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name.startswith(part)}


def test_persistence_answers_the_last_value_in_the_targets_unit() -> None:
    dataset = make_series()
    persistence, ridge = evaluate_baselines(dataset, ["persistence", "ridge"])
    last = dataset.x_test[:, -1] * 10 + 50
    assert persistence["test_mae"] == pytest.approx(np.abs(last - dataset.y_test).mean(), rel=1e-4)
    assert persistence["test_r2"] > 0.5
    assert ridge["test_rmse"] < 2 * persistence["test_rmse"]


@pytest.mark.parametrize(
    "dataset", [make_dataset("regression"), make_series(n_features=2), make_series(is_chronological=False)]
)
def test_persistence_needs_a_series_of_one_feature(dataset: Dataset) -> None:
    assert "persistence" in fitting_baselines(make_series())
    assert "persistence" not in fitting_baselines(dataset)
    with pytest.raises(CatalogueError) as refusal:
        evaluate_baselines(dataset, ["persistence"])
    assert refusal.value.code == "unfit_baseline"
    assert refusal.value.hint == "Try ridge."


def test_bigrams_know_what_follows_and_unigrams_do_not() -> None:
    bigram, unigram = evaluate_baselines(make_text(), ["bigram", "unigram"])
    assert bigram["test_accuracy"] > 0.85
    assert bigram["test_perplexity"] < 2.5
    assert unigram["test_perplexity"] == pytest.approx(5, rel=0.05)


def test_a_class_without_training_examples_is_held_for_impossible() -> None:
    data = make_dataset("classification")
    kept = data.y_train != 1
    partial = replace(data, x_train=data.x_train[kept], y_train=data.y_train[kept])
    for answer in evaluate_baselines(partial):
        assert answer["test_balanced_accuracy"] < 0.67
        assert 1 < answer["test_loss"] < 36.1


def test_polynomial_refuses_to_multiply_too_many_features(digits: Dataset) -> None:
    wide = make_dataset("regression", n_features=151)
    with pytest.raises(CatalogueError) as refusal:
        evaluate_baselines(wide, ["polynomial"])
    assert refusal.value.code == "unfit_baseline"
    assert "151 features" in refusal.value.message
    assert "polynomial" in fitting_baselines(make_dataset("regression", n_features=150))


def test_unfit_and_unknown_baselines_are_refused(digits: Dataset) -> None:
    with pytest.raises(CatalogueError) as refusal:
        evaluate_baselines(digits, ["naive_bayes", "ridge"])
    assert refusal.value.code == "unfit_baseline"
    assert refusal.value.hint == "Try logistic_regression."
    with pytest.raises(CatalogueError) as refusal:
        evaluate_baselines(digits, ["logistic_regresion"])
    assert refusal.value.code == "unknown_baseline"
    assert "'logistic_regression'" in refusal.value.hint
    assert evaluate_baselines(digits, ["naive_bayes"])


def test_every_baseline_is_both_described_and_made() -> None:
    assert set(ESTIMATORS) == set(BASELINES)
    assert [default_baseline(task) for task in TASKS] == ["logistic_regression", "ridge", "bigram"]
