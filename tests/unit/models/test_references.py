"""The table of reference figures shows what a run measured, best first."""

import json
from pathlib import Path

from typer.testing import CliRunner

from benchmarks.references import as_tables, command


def test_rows_are_ordered_by_the_first_metric() -> None:
    regression = [
        {"name": name, "test_rmse": rmse, "test_mae": 1.0, "test_r2": 0.5, "test_loss": rmse}
        for name, rmse in (("lasso", 3.0), ("elastic_net", 2.0))
    ]
    tokens = [
        {"name": name, "test_perplexity": value, "test_accuracy": 0.25, "test_loss": value}
        for name, value in (("unigram", 9.0), ("bigram", 4.0))
    ]
    facts = {"n_train": 60, "n_test": 20}
    text = as_tables(
        {
            "datasets": {
                "diabetes": {"task": "regression", "baselines": regression, **facts},
                "descriptions": {"task": "next_token", "baselines": tokens, **facts},
            }
        }
    )
    lines = text.splitlines()
    assert lines[:3] == [
        "### diabetes",
        "",
        "Diabetes progression after one year: 60 examples to learn from, 20 to test.",
    ]
    assert lines[4:8] == [
        "| baseline | rmse | mae | r2 |",
        "|---|---|---|---|",
        "| elastic net | 2.00 | 1.00 | 0.500 |",
        "| lasso | 3.00 | 1.00 | 0.500 |",
    ]
    assert lines[-2:] == ["| bigram | 4.00 | 0.250 |", "| unigram | 9.00 | 0.250 |"]


def test_a_run_prints_figures_with_what_repeats_them(cache_dir: Path) -> None:
    done = CliRunner().invoke(command, ["--only", "iris", "--seed", "3", "--cache-dir", str(cache_dir)])
    assert done.exit_code == 0
    document = json.loads(done.stdout)
    assert document["seed"] == 3
    assert {"git", "machine", "versions", "started_at"} < set(document)
    names = [answer["name"] for answer in document["datasets"]["iris"]["baselines"]]
    assert names[0] == "logistic_regression"
    assert f"| {names[0].replace('_', ' ')} |" in as_tables(document)


def test_an_unknown_data_set_is_refused() -> None:
    done = CliRunner().invoke(command, ["--only", "irish"])
    assert done.exit_code == 2
    assert "there is no data set 'irish'" in done.stderr.replace("\n", " ").replace("│", " ")
