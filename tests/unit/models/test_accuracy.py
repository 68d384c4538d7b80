"""The table of best found networks: chosen without the test part, held against the right bar, repeatable."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.accuracy.__main__ import command, run_line
from benchmarks.accuracy.finals import N_FINALISTS, N_REFITS, judge
from benchmarks.accuracy.lines import LINES, Bar, Line
from benchmarks.accuracy.search import Bench, Trial, ranked
from benchmarks.accuracy.tables import as_table
from models.catalogue import check_space, check_space_combinations, get_dataset, get_model
from models.catalogue.baselines import BASELINES
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset

QUICK = Line("iris_two-quick", "perceptron", "iris_two", "accuracy", 4, {"epochs": 2, "batch_size": 8}, bar=Bar(0.4))
FOLDS = replace(QUICK, name="iris_two-folds", n_folds=2)


@pytest.fixture(scope="module")
def iris_two(cache_dir: Path) -> Dataset:
    """Two kinds of iris that a plane can part."""
    return load_dataset(prepare_dataset("iris_two", cache_dir))


def run(line: Line, dataset: Dataset, seed: int = 1) -> dict[str, Any]:
    """Run a line with baselines made up for it."""
    return run_line(line, dataset, 4, seed, lambda _: [{"name": "naive_bayes", "test_accuracy": 0.5}])


def trial(number: int, **metrics: float) -> Trial:
    """Return a trial with these metrics."""
    return Trial(number, {}, metrics, 1)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
def test_a_line_can_be_searched(line: Line) -> None:
    model, data = get_model(line.model), get_dataset(line.dataset)
    check_space(model, line.space())
    check_space_combinations(model, line.fixed, line.space(), data)
    assert line.space()
    assert line.direction in ("maximize", "minimize")
    assert bool(line.n_folds) is not data.is_chronological
    assert all(name in BASELINES for name in (line.bar.baselines if line.bar else ()))


def test_names_of_lines_are_distinct() -> None:
    assert len({line.name for line in LINES}) == len(LINES)


def test_equal_trials_are_ranked_by_their_loss_and_failed_ones_last() -> None:
    trials = [
        trial(0),
        trial(1, val_accuracy=0.9, val_loss=0.4),
        trial(2, val_accuracy=0.9, val_loss=0.3),
        trial(3, val_accuracy=0.8, val_loss=0.1),
        trial(4, val_accuracy=0.8, val_loss=float("nan")),
    ]
    assert [one.number for one in ranked(trials, QUICK)] == [2, 1, 3, 4, 0]


def test_the_smaller_error_is_ranked_first() -> None:
    line = next(line for line in LINES if line.metric == "rmse")
    assert [one.number for one in ranked([trial(0, val_rmse=9.0), trial(1, val_rmse=8.0)], line)] == [1, 0]


@pytest.mark.parametrize(("value", "is_reached"), [(0.97, True), (0.9699, False)])
def test_a_set_bar_is_reached_by_what_equals_it(value: float, is_reached: bool) -> None:
    found = judge(replace(QUICK, bar=Bar(0.97)), value, [])
    assert found == {"value": 0.97, "source": "set", "is_reached": is_reached}


def test_a_bar_of_baselines_is_the_best_of_those_that_count() -> None:
    line = next(line for line in LINES if line.name == "diabetes-mlp")
    baselines = [
        {"name": name, "test_r2": r2} for name, r2 in (("linear", 0.4), ("lasso", 0.5), ("random_forest", 0.9))
    ]
    assert judge(line, 0.45, baselines) == {"value": 0.5, "source": "lasso", "is_reached": False}


def test_of_errors_the_smaller_one_is_the_bar() -> None:
    line = next(line for line in LINES if line.name == "descriptions-rnn")
    baselines = [{"name": name, "test_perplexity": value} for name, value in (("unigram", 9.0), ("bigram", 4.0))]
    assert judge(line, 3.9, baselines) == {"value": 4.0, "source": "bigram", "is_reached": True}


@pytest.mark.parametrize("line", [QUICK, FOLDS], ids=lambda line: line.name)
def test_the_choice_does_not_depend_on_the_test_part(line: Line, iris_two: Dataset) -> None:
    found = run(line, iris_two)
    other = run(line, replace(iris_two, y_test=1 - iris_two.y_test))
    assert found["finalists"] == other["finalists"]
    name = "test_accuracy"
    assert found["test"]["network"][name] == pytest.approx(1 - other["test"]["network"][name])
    assert len(found["finalists"]) == N_FINALISTS
    assert len(found["test"]["refits"][name]) == found["test"]["ensemble"]["n_members"] == N_REFITS
    assert found["test"]["network"][name] == found["test"]["refits"][name][0]  # the first, not the best one


def test_the_seed_decides_the_search(iris_two: Dataset, tmp_path: Path) -> None:
    first, again, other = (
        Bench(QUICK, iris_two, seed, tmp_path / str(n)).search(3) for n, seed in enumerate((1, 1, 2))
    )

    def facts(trials: list[Trial]) -> list[tuple[int, Mapping[str, object], Mapping[str, float]]]:
        return [(one.number, one.params, one.metrics) for one in trials]

    assert facts(first) == facts(again)
    assert facts(first) != facts(other)


def test_a_run_prints_figures_with_what_repeats_them(cache_dir: Path, tmp_path: Path) -> None:
    arguments = ["--only", "iris_two", "--trials", "2", "--seed", "3", "--cache-dir", str(cache_dir)]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["seed"] == 3
    assert {"git", "machine", "versions", "started_at"} < set(document)
    line = document["lines"]["iris_two-perceptron"]
    assert line["test"]["ensemble"]["n_members"] == N_REFITS
    assert line["baselines"]["logistic_regression"] == 1.0
    file = tmp_path / "run.json"
    file.write_text(done.stdout)
    table = CliRunner().invoke(command, ["--from-file", str(file)])
    assert table.stdout == as_table([document]) + "\n"
    assert "| iris_two | perceptron | accuracy |" in table.stdout


def test_a_line_that_does_not_exist_is_refused() -> None:
    done = CliRunner().invoke(command, ["--only", "irish"])
    assert done.exit_code == 2
    assert "no line begins with 'irish'" in done.stderr.replace("\n", " ").replace("│", " ")
