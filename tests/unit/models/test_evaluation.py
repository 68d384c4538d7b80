"""Finished networks beside baselines, through the functions and through the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

from models import __main__ as cli
from models.catalogue import DATASETS, MODELS
from models.catalogue.baselines import BASELINES
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.measures.baselines import evaluate_baselines
from models.measures.evaluation import OtherDatasetError, evaluate_confusion, evaluate_network
from models.networks.saved import load_network
from tests.unit.models.finished import make_network
from tests.unit.models.helpers import Run, make_dataset


@pytest.fixture
def digits_network(digits: Dataset, tmp_path: Path) -> Path:
    """The folder of a default network, trained on the digits."""
    result, _ = Run(digits, tmp_path).train_one("digits")
    assert result.metrics["val_accuracy"] > 0.95
    return result.network_files[0].parent


def test_default_network_reads_digits_it_has_never_seen(digits_network: Path, digits: Dataset) -> None:
    network = load_network(digits_network)
    metrics = evaluate_network(network, digits)
    assert metrics["test_accuracy"] > 0.94
    assert metrics["test_top3_accuracy"] > metrics["test_accuracy"]
    confusion = evaluate_confusion(network, digits)
    assert confusion is not None
    assert sum(confusion[digit][digit] for digit in range(10)) / 355 == pytest.approx(metrics["test_accuracy"])


def test_network_is_not_tested_on_other_data(digits_network: Path) -> None:
    with pytest.raises(OtherDatasetError) as refusal:
        evaluate_network(load_network(digits_network), make_dataset("classification"))
    assert refusal.value.code == "other_dataset"


def test_data_mapped_from_files_measures_the_same(cache_dir: Path) -> None:
    dataset, mapped = (
        load_dataset(prepare_dataset("iris", cache_dir, is_mapped=is_mapped)) for is_mapped in (False, True)
    )
    assert isinstance(mapped.x_test, np.memmap)
    network = make_network(dataset)
    assert evaluate_network(network, mapped) == evaluate_network(network, dataset)
    first, second = (evaluate_baselines(data, ["naive_bayes"], clock=lambda: 0.0) for data in (dataset, mapped))
    assert first == second


def test_command_line_tests_a_network(
    digits_network: Path, digits: Dataset, cache_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--dataset", "digits", "--cache-dir", str(cache_dir)]
    assert cli.main(["evaluate", "--network", str(digits_network), *where]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["network"] == evaluate_network(load_network(digits_network), digits)
    assert answer["baseline"]["name"] == "logistic_regression"
    assert answer["n_test"] == 355
    assert sum(map(sum, answer["confusion_matrix"])) == 355

    file = str(cache_dir / f"{digits.sha256}.npz")
    assert cli.main(["evaluate", "--network", str(digits_network), "--dataset-file", file]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {**again, "baseline": None} == {**answer, "baseline": None}
    assert again["baseline"]["test_loss"] == answer["baseline"]["test_loss"]  # its time is its own


def test_command_line_prepares_and_lists(cache_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["prepare", "wine", "--cache-dir", str(cache_dir)]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert Path(answer["path"]) == prepare_dataset("wine", cache_dir)
    assert cli.main(["list"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [model["name"] for model in answer["models"]] == list(MODELS)
    assert [dataset["name"] for dataset in answer["datasets"]] == list(DATASETS)
    assert [baseline["name"] for baseline in answer["baselines"]] == list(BASELINES)


def test_command_line_measures_baselines(cache_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["baselines", "--dataset", "iris", "--cache-dir", str(cache_dir)]
    assert cli.main([*where, "--only", "naive_bayes, logistic_regression"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [baseline["name"] for baseline in answer["baselines"]] == ["naive_bayes", "logistic_regression"]
    assert (answer["task"], answer["n_train"], answer["n_test"]) == ("classification", 90, 30)
    assert cli.main([*where, "--only", "ridge"]) == 2
    assert capsys.readouterr().err.startswith("unfit_baseline: ")


@pytest.mark.parametrize("command", ["list", "prepare", "evaluate", "baselines", "ensemble", "predict", "export"])
def test_help_teaches(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: python -m models")
    assert command in ("list", "prepare") or f"  python -m models {command} " in printed


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["prepare", "digit", "--cache-dir", "{tmp}"], "unknown_dataset"),
        (["evaluate", "--network", "{tmp}", "--dataset", "digits"], "corrupt_network"),
        (["evaluate", "--network", "{network}", "--dataset", "digits"], "missing_option"),
        (["evaluate", "--network", "{network}", "--dataset", "iris", "--cache-dir", "{tmp}"], "other_dataset"),
        (["evaluate", "--network", "{network}", "--dataset-file", "{tmp}/absent.npz"], "unreadable_file"),
        (["ensemble", "{network}", "--dataset", "digits", "--cache-dir", "{cache}"], "unfit_network"),
        (["predict", "--network", "{network}", "{tmp}/absent.csv"], "unreadable_file"),
        (["export", "--network", "{tmp}", "--output", "{tmp}/a.onnx"], "corrupt_network"),
    ],
)
def test_command_line_refuses_with_a_code(
    arguments: list[str],
    code: str,
    digits_network: Path,
    tmp_path: Path,
    cache_dir: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [argument.format(tmp=tmp_path, network=digits_network, cache=cache_dir) for argument in arguments]
    assert cli.main(given) == 2
    printed = capsys.readouterr()
    assert printed.err.splitlines()[-1].startswith(f"{code}: ")
    assert printed.out == ""
