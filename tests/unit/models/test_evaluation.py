"""Finished networks beside baselines, through the functions and through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from models import __main__ as cli
from models.catalogue import DATASETS, MODELS, CatalogueError
from models.data.dataset import Dataset
from models.data.prepare import prepare_dataset
from models.measures.baselines import BASELINES, default_baseline, evaluate_baseline
from models.measures.evaluation import OtherDatasetError, evaluate_network
from models.networks.saved import load_network
from tests.unit.models.helpers import Run, make_dataset


@pytest.fixture
def digits_network(digits: Dataset, tmp_path: Path) -> Path:
    """The folder of a default network, trained on the digits."""
    result, _ = Run(digits, tmp_path).train_one("digits")
    assert result.metrics["val_accuracy"] > 0.95
    return result.network_files[0].parent


def test_default_network_reads_digits_it_has_never_seen(digits_network: Path, digits: Dataset) -> None:
    metrics = evaluate_network(load_network(digits_network), digits)
    assert metrics["test_accuracy"] > 0.94


def test_network_is_not_tested_on_other_data(digits_network: Path) -> None:
    with pytest.raises(OtherDatasetError) as refusal:
        evaluate_network(load_network(digits_network), make_dataset("classification"))
    assert refusal.value.code == "other_dataset"


def test_baselines_agree_with_scikit_learns_own_scores(digits: Dataset) -> None:
    from sklearn.linear_model import LogisticRegression, Ridge

    metrics = evaluate_baseline(digits, "logistic_regression")
    reference = LogisticRegression(max_iter=5000).fit(digits.x_train, digits.y_train)
    assert metrics["test_accuracy"] == pytest.approx(reference.score(digits.x_test, digits.y_test))
    assert metrics["test_accuracy"] > 0.94

    data = make_dataset("regression")
    metrics = evaluate_baseline(data, "ridge")
    in_units = Ridge(alpha=1.0).fit(data.x_train, data.y_train)
    errors = in_units.predict(data.x_test) - data.y_test
    assert metrics["test_r2"] == pytest.approx(in_units.score(data.x_test, data.y_test), abs=1e-4)
    assert metrics["test_rmse"] == pytest.approx(float(np.sqrt(np.mean(errors**2))), rel=1e-3)


def test_unfit_and_unknown_baselines_are_refused(digits: Dataset) -> None:
    with pytest.raises(CatalogueError) as refusal:
        evaluate_baseline(digits, "ridge")
    assert refusal.value.code == "unfit_baseline"
    assert refusal.value.hint == "Try logistic_regression."
    with pytest.raises(CatalogueError) as refusal:
        evaluate_baseline(digits, "logistic_regresion")
    assert refusal.value.code == "unknown_baseline"
    assert "'logistic_regression'" in refusal.value.hint
    assert {default_baseline("classification"), default_baseline("regression")} == set(BASELINES)


def test_command_line_tests_a_network(
    digits_network: Path, digits: Dataset, cache_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--dataset", "digits", "--cache-dir", str(cache_dir)]
    assert cli.main(["evaluate", "--network", str(digits_network), *where]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["network"] == evaluate_network(load_network(digits_network), digits)
    assert answer["baseline"]["name"] == "logistic_regression"
    assert answer["n_test"] == 355

    file = str(cache_dir / f"{digits.sha256}.npz")
    assert cli.main(["evaluate", "--network", str(digits_network), "--dataset-file", file]) == 0
    assert json.loads(capsys.readouterr().out) == answer


def test_command_line_prepares_and_lists(cache_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prepare", "wine", "--cache-dir", str(cache_dir)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert Path(answer["path"]) == prepare_dataset("wine", cache_dir)
    assert cli.main(["list"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in answer["models"]] == list(MODELS)
    assert [dataset["name"] for dataset in answer["datasets"]] == list(DATASETS)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["prepare", "digit", "--cache-dir", "{tmp}"], "unknown_dataset"),
        (["evaluate", "--network", "{tmp}", "--dataset", "digits"], "corrupt_network"),
        (["evaluate", "--network", "{network}", "--dataset", "digits"], "missing_option"),
        (["evaluate", "--network", "{network}", "--dataset", "iris", "--cache-dir", "{tmp}"], "other_dataset"),
        (["evaluate", "--network", "{network}", "--dataset-file", "{tmp}/absent.npz"], "unreadable_file"),
    ],
)
def test_command_line_refuses_with_a_code(
    arguments: list[str], code: str, digits_network: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [argument.format(tmp=tmp_path, network=digits_network) for argument in arguments]
    assert cli.main(given) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith(f"{code}: ")
    assert printed.out == ""
