"""Predictions from network files: answers as the network itself gives them, and refusals that say what to do."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tunewell import Invalid, Predictor
from tunewell.prediction import INSTALL, Prediction

from models.measures.prediction import predict
from models.networks.onnx_file import export_onnx
from tests.unit.models.finished import make_network
from tests.unit.models.helpers import make_dataset


def write_network(path: Path, output: str, shape: list[int | str], metadata: dict[str, str] | None = None) -> Path:
    """Write a network that answers its two features, reshaped."""
    target = helper.make_tensor("to", TensorProto.INT64, [len(shape)], [n if isinstance(n, int) else -1 for n in shape])
    graph = helper.make_graph(
        [helper.make_node("Reshape", ["features", "to"], [output])],
        "echo",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", 2])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)],
        [target],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, metadata or {})
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_it_answers_as_the_network_itself_does(task: Any, tmp_path: Path) -> None:
    dataset = make_dataset(task)
    network = make_network(dataset)
    raw = (dataset.x_test * dataset.feature_scale + dataset.feature_mean).astype(np.float32)
    predictor = Predictor(export_onnx(network, tmp_path / "model.onnx"))
    assert (predictor.task, predictor.n_features) == (task, raw.shape[1])
    answers, own = predictor.predict(raw.tolist()), predict(network, raw)
    assert np.allclose(answers.values, own.values, rtol=1e-4)
    if own.probabilities is None:
        assert answers.probabilities is None
    else:
        assert answers.probabilities is not None
        assert np.allclose(answers.probabilities, own.probabilities, atol=1e-5)
        assert all(type(value) is int for value in answers.values)


def test_more_rows_than_run_at_once(tmp_path: Path) -> None:
    predictor = Predictor(write_network(tmp_path / "m.onnx", "scores", ["n", 2]))
    rows = [[float(place % 3), 1.0] for place in range(10_000)]
    answers = predictor.predict(rows)
    assert answers.values == tuple(0 if row[0] >= 1 else 1 for row in rows)
    assert answers.probabilities is not None
    assert len(answers.probabilities) == 10_000


def test_of_a_text_the_token_that_comes_next(tmp_path: Path) -> None:
    path = write_network(tmp_path / "m.onnx", "scores", ["n", 1, 2], {"task": "next_token"})
    answers = Predictor(path).predict([[1.0, 5.0], [800.0, 5.0]])
    assert answers.values == (1, 0)
    assert answers.probabilities is not None
    assert answers.probabilities[1] == pytest.approx((1.0, 0.0))


def test_a_row_of_another_width_is_refused(tmp_path: Path) -> None:
    predictor = Predictor(write_network(tmp_path / "m.onnx", "scores", ["n", 2]))
    with pytest.raises(Invalid) as caught:
        predictor.predict([[1.0, 2.0], [1.0]])
    assert caught.value.code == "bad_rows"
    assert "row 1 has 1 numbers, where the network reads 2" in caught.value.message
    assert predictor.predict([[1.0, 2.0]]).values == (1,)


def test_what_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(Invalid) as caught:
        Predictor(path)
    assert caught.value.code == "bad_network"


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(Invalid) as caught:
        Predictor(tmp_path / "any.onnx")
    assert caught.value.code == "predict_extra"
    assert INSTALL in (caught.value.hint or "")


def test_answers_are_written_as_a_table() -> None:
    out = io.StringIO()
    Prediction((1, 0), ((0.25, 0.75), (0.5, 0.5))).write_csv(out)
    assert out.getvalue() == "prediction,probability_0,probability_1\n1,0.25,0.75\n0,0.5,0.5\n"
    out = io.StringIO()
    Prediction((2.5,), None).write_csv(out)
    assert out.getvalue() == "prediction\n2.5\n"
