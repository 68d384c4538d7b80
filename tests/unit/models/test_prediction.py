"""New examples come from a table whose mistakes are named, and answers go back as CSV or JSON."""

import csv
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from models import __main__ as cli
from models.catalogue import DataShape
from models.measures.csv_rows import CsvError, read_rows
from models.measures.prediction import Prediction, predict
from models.networks.saved import Network, save_network
from tests.unit.models.finished import make_network
from tests.unit.models.helpers import make_dataset

TABLE = DataShape("classification", "table", (3,), 2)
SERIES = DataShape("classification", "sequence", (3, 2), 2)
TEXT = DataShape("next_token", "text", (3,), 5)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("1,2,3\n4,5,6\n", [[1, 2, 3], [4, 5, 6]]),
        ("a,b,c\n1,2,3\n", [[1, 2, 3]]),
        ('"a","b","c"\r\n" 1 ",-2e-1,3\r\n\r\n', [[1, -0.2, 3]]),
        ("\n\n,,\n1,2,3", [[1, 2, 3]]),
    ],
)
def test_tables_are_read_with_and_without_a_header(text: str, rows: list[list[float]]) -> None:
    found = read_rows(io.StringIO(text, newline=""), TABLE, "data.csv")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array(rows, np.float32))


def test_delimiter_and_header_may_be_named() -> None:
    found = read_rows(["0;1;2", "3;4;5"], TABLE, "data.csv", delimiter=";", header="yes")
    np.testing.assert_array_equal(found, [[3, 4, 5]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3\n4,5\n", "data.csv, line 2: 2 columns, where the network reads 3 (3 features)."),
        ("a,b,c,d\n", "data.csv, line 1: 4 columns, where the network reads 3 (3 features)."),
        ("1;2;3\n", "Cells are taken to be separated by ','; --delimiter names another."),
        ("x,y,z\n1,2,3\n1,abc,3\n", "data.csv, line 3, column 2 (y): 'abc' is not a number."),
        ("1,2,3\n\n1,2,\n", "data.csv, line 3, column 3: '' is empty; each cell needs a number."),
        ("1,2,nan\n", "line 1, column 3: 'nan' is not a finite number."),
        ("1,-inf,3\n", "line 1, column 2: '-inf' is not a finite number."),
        ("1e39,2,3\n", "line 1, column 1: '1e39' is not a finite number."),
        ("1_000,2,3\n", "line 1, column 1: '1_000' is not a number."),
        ("1,two,3\n", "line 1, column 2: 'two' is not a number."),
        ("a,b,c\n", "data.csv holds no example; a line of 3 numbers would be one."),
        ("", "data.csv holds no example; a line of 3 numbers would be one."),
    ],
)
def test_mistakes_are_named_with_line_and_column(text: str, message: str) -> None:
    with pytest.raises(CsvError) as refusal:
        read_rows(io.StringIO(text, newline=""), TABLE, "data.csv")
    assert refusal.value.code == "malformed_csv"
    assert message in str(refusal.value)


def test_a_series_may_lack_whole_steps_in_front() -> None:
    found = read_rows(["1,2,3,4,5,6", ",,3,4,5,6", ",,,,5,6"], SERIES, "data.csv")
    np.testing.assert_array_equal(found[2], [math.nan, math.nan, math.nan, math.nan, 5, 6])
    assert np.isnan(found).sum(axis=1).tolist() == [0, 2, 4]
    for wrong, column in ((",,,4,5,6", 3), ("1,2,,,5,6", 3), ("1,2,3,4,,", 5)):
        with pytest.raises(CsvError) as refusal:
            read_rows([wrong], SERIES, "data.csv")
        assert refusal.value.code == "malformed_csv"
        assert f"column {column}: '' is empty" in str(refusal.value)


@pytest.mark.parametrize("cell", ["5", "-1", "1.5"])
def test_tokens_must_be_of_the_vocabulary(cell: str) -> None:
    np.testing.assert_array_equal(read_rows(["0,4,2.0"], TEXT, "data.csv"), [[0, 4, 2]])
    with pytest.raises(CsvError) as refusal:
        read_rows([f"0,4,{cell}"], TEXT, "data.csv")
    assert refusal.value.code == "malformed_csv"
    assert "a whole number from 0 to 4" in str(refusal.value)


def raw(network: Network, n_rows: int = 4) -> torch.Tensor:
    """Make raw features near those that the network was made for."""
    source = torch.Generator().manual_seed(5)
    return torch.randn(n_rows, 6, generator=source) * network.feature_scale + network.feature_mean


def test_classes_come_with_probabilities() -> None:
    network = make_network(make_dataset("classification"))
    x = raw(network)
    prediction = predict(network, x.numpy())
    assert prediction.probabilities is not None
    np.testing.assert_allclose(prediction.probabilities, network(x).softmax(-1).detach().numpy(), rtol=1e-5)
    np.testing.assert_array_equal(prediction.values, prediction.probabilities.argmax(1))
    np.testing.assert_allclose(prediction.probabilities.sum(1), 1)


def test_numbers_come_in_the_targets_unit() -> None:
    dataset = make_dataset("regression")
    network = make_network(dataset)
    x = raw(network)
    prediction = predict(network, x.numpy())
    expected = network.body((x - 2) / 4)[:, 0].detach().numpy() * dataset.target_scale + dataset.target_mean
    np.testing.assert_allclose(prediction.values, expected, rtol=1e-5)
    assert prediction.probabilities is None


def test_missing_steps_count_as_average() -> None:
    network = make_network(make_dataset("regression"))
    x = raw(network)
    x[:, :2] = network.feature_mean[:2]
    missing = x.clone()
    missing[:, :2] = torch.nan
    np.testing.assert_array_equal(predict(network, missing.numpy()).values, predict(network, x.numpy()).values)


def test_answers_survive_both_formats() -> None:
    prediction = Prediction(np.array([1, 0]), np.array([[0.25, 0.75], [0.5, 0.5]]))
    rows = list(csv.DictReader(io.StringIO(prediction.to_csv())))
    assert rows[0] == {"prediction": "1", "probability_0": "0.25", "probability_1": "0.75"}
    assert json.loads(json.dumps(prediction.to_json()))[1] == {"prediction": 0, "probabilities": [0.5, 0.5]}
    assert Prediction(np.array([2.5]), None).to_csv() == "prediction\n2.5\n"


def test_command_line_predicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = make_network(make_dataset("classification"))
    save_network(network, tmp_path / "network")
    table = "\ufeffa,b,c,d,e,f\n" + "\n".join(",".join(map(str, row)) for row in raw(network).tolist())
    (tmp_path / "new.csv").write_text(table, encoding="utf-8")
    expected = predict(network, raw(network).numpy())

    command = ["predict", "--network", str(tmp_path / "network")]
    assert cli.main([*command, str(tmp_path / "new.csv")]) == 0
    assert capsys.readouterr().out == expected.to_csv()

    monkeypatch.setattr("sys.stdin", io.StringIO(table.lstrip("\ufeff")))
    assert cli.main([*command, "--format", "json", "-"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["model"], answer["task"], answer["n_rows"]) == ("mlp", "classification", 4)
    assert answer["predictions"] == expected.to_json()


@pytest.mark.parametrize(
    ("options", "content"), [([], b"1,2\n"), (["--delimiter", ";;"], b"1\n"), ([], b"\xff\xfe\x00"), ([], b'"1\x00"\n')]
)
def test_command_line_refuses_with_a_code(
    options: list[str], content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_network(make_network(make_dataset("regression")), tmp_path / "network")
    (tmp_path / "new.csv").write_bytes(content)
    assert cli.main(["predict", "--network", str(tmp_path / "network"), *options, str(tmp_path / "new.csv")]) == 2
    printed = capsys.readouterr()
    assert printed.err.startswith("malformed_csv: ")
    assert printed.out == ""
