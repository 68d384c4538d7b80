"""The commands about what a study came to: evaluate, predict, advice, and the diagnosis of a trial."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from tunewell import Client
from tunewell.evaluations import Evaluation

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import SERVER, FakeServer, ok, refusal, study_json, trial_json
from tests.unit.client.test_prediction import write_network

PATH = "/studies/digits-mlp"
FINDING = {
    "kind": "overfitting",
    "severity": "problem",
    "title": "Over\x1bfitting",
    "evidence": {"sentence": "val_loss rose since epoch 4.", "numbers": {"epoch": 4}},
    "remedy": {"sentence": "Try more dropout.", "hints": [{"parameter": "dropout", "direction": "up"}]},
}


def evaluation(evaluation_id: int, kind: str, state: str, **more: Any) -> dict[str, Any]:
    return {"evaluation_id": evaluation_id, "study_id": 3, "kind": kind, "state": state, **more}


@pytest.fixture
def evaluated(server: FakeServer) -> FakeServer:
    """Return a server that measures whatever is asked for."""

    def request(sent: httpx.Request) -> httpx.Response:
        kind = json.loads(sent.content)["kind"]
        return ok(evaluation({"test": 1, "ensemble": 2, "baselines": 3}[kind], kind, "WAITING"), 201)

    server.on("GET", PATH, ok(study_json(state="COMPLETE"))).on("POST", "/studies/3/evaluations", request)
    network = {"trial_id": 9, "number": 4, "test_loss": 0.1, "test_accuracy": 0.975}
    joint = {"ensemble": {"test_loss": 0.09, "test_accuracy": 0.98}, "networks": [network, {**network, "number": 2}]}
    forest = {"name": "random_forest", "fit_s": 0.4, "val_accuracy": 0.96, "test_accuracy": 0.965}
    server.on("GET", "/evaluations/1", ok(evaluation(1, "test", "COMPLETE", result={"networks": [network]})))
    server.on("GET", "/evaluations/2", ok(evaluation(2, "ensemble", "COMPLETE", n_members=2, result=joint)))
    server.on(
        "GET",
        "/evaluations/3",
        ok(evaluation(3, "baselines", "WAITING")),
        ok(evaluation(3, "baselines", "RUNNING", n_done=1, n_total=6, note="k_nearest")),
        ok(evaluation(3, "baselines", "COMPLETE", result={"baselines": [forest]})),
    )
    return server


class TestEvaluate:
    """Waiting for evaluations."""

    def test_network_and_baselines_stand_in_one_table(self, evaluated: FakeServer, run: Runner) -> None:
        result = run("evaluate", "digits-mlp", "--baselines", "--ensemble", "2")
        assert result.code == 0
        heading, *rows = [line.split() for line in result.out.splitlines()]
        assert heading == ["ON", "THE", "TEST", "PART", "ACCURACY", "LOSS"]
        assert rows == [
            ["best", "network", "(trial", "4)", "0.975", "0.1"],
            ["ensemble", "of", "2", "0.98", "0.09"],
            ["member", "(trial", "4)", "0.975", "0.1"],
            ["member", "(trial", "2)", "0.975", "0.1"],
            ["random", "forest", "0.965", "-"],
        ]
        assert evaluated.bodies() == [{"kind": "test"}, {"kind": "ensemble", "n_members": 2}, {"kind": "baselines"}]
        assert result.err.splitlines() == [
            "baselines waits for a worker",
            "baselines is being measured: 1 of 6 (k_nearest)",
        ]

    def test_json_is_alone_on_stdout(self, evaluated: FakeServer, run: Runner) -> None:
        result = run("evaluate", "digits-mlp", "--json")
        (found,) = json.loads(result.out)
        assert found["result"]["networks"][0]["test_accuracy"] == 0.975

    def test_a_failure_is_told(self, evaluated: FakeServer, run: Runner) -> None:
        evaluated.on("GET", "/evaluations/1", ok(evaluation(1, "test", "FAIL", reason="no\x1b memory")))
        result = run("evaluate", "digits-mlp")
        assert result.code == 1
        assert "Error: the test failed: no\\x1b memory" in result.err

    def test_a_refusal_says_why(self, evaluated: FakeServer, run: Runner) -> None:
        evaluated.on("POST", "/studies/3/evaluations", refusal(409, "study_goes_on", "it is RUNNING", hint="wait"))
        result = run("evaluate", "digits-mlp")
        assert result.code == 1
        assert "it is RUNNING" in result.err

    def test_strange_results_break_nothing(self, evaluated: FakeServer, run: Runner) -> None:
        strange = {"networks": [1, {"test_accuracy": "NaN", "number": None}], "baselines": {}, "ensemble": 3}
        evaluated.on("GET", "/evaluations/1", ok(evaluation(1, "test", "COMPLETE", result=strange)))
        result = run("evaluate", "digits-mlp")
        assert result.code == 0
        assert "best network" in result.out


class Pacing:
    """A clock that only moves when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_waiting_ends_with_the_time(evaluated: FakeServer) -> None:
    pacing: Any = Pacing()
    evaluated.on("GET", "/evaluations/3", ok(evaluation(3, "baselines", "RUNNING")))
    seen: list[Evaluation] = []
    with Client(SERVER, transport=evaluated) as client:
        with pytest.raises(TimeoutError, match="it goes on"):
            client.wait_evaluation(3, timeout_s=5, on_change=seen.append, pacing=pacing)
        assert client.wait_evaluation(1, timeout_s=5, pacing=pacing).is_ended
    assert len(seen) == 1
    assert pacing.now_s >= 5


class TestPredict:
    """Answering tables."""

    @pytest.fixture
    def stored(self, server: FakeServer, tmp_path: Path) -> FakeServer:
        content = write_network(tmp_path / "stored.onnx", "scores", ["n", 2]).read_bytes()
        best = {"trial_id": 11, "number": 0, "params": {}, "values": {}}
        artifact = {"artifact_id": 5, "name": "model.onnx", "kind": "network", "n_bytes": len(content)}
        items = [{**artifact, "name": "model.json", "sha256": "0"}, {**artifact, "sha256": sha256(content)}]
        server.on("GET", PATH, ok(study_json(best_trial=best))).on("GET", "/trials/11/artifacts", ok({"items": items}))
        server.on("GET", f"{PATH}/trials/7", ok(trial_json(number=7, trial_id=12)))
        server.on("GET", "/trials/12/artifacts", ok({"items": items[:1]}))
        return server.on("GET", "/artifacts/5/content", httpx.Response(200, content=content))

    def test_a_file_is_answered(self, stored: FakeServer, run: Runner, tmp_path: Path) -> None:
        source, target = tmp_path / "in.csv", tmp_path / "out.csv"
        source.write_text("a,b\n1,1\n-800,5\n", encoding="utf-8-sig")
        result = run("predict", "digits-mlp", str(source), "-o", str(target))
        assert (result.code, result.out) == (0, "")
        assert target.read_text().splitlines()[1:] == ["0,0.5,0.5", "1,0.0,1.0"]
        assert f"Wrote 2 answers to {target}" in result.err

    def test_standard_input_and_output(self, stored: FakeServer, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO("3,3\n"))
        assert run("predict", "digits-mlp", "-").out == "prediction,probability_0,probability_1\n0,0.5,0.5\n"

    def test_a_bad_table_is_refused_with_its_place(self, stored: FakeServer, run: Runner, tmp_path: Path) -> None:
        source = tmp_path / "in.csv"
        source.write_text("1,2\n3,four\n")
        result = run("predict", "digits-mlp", str(source))
        assert result.code == 2
        assert f"{source}, line 2, column 2: 'four' is not a number" in result.err

    def test_a_trial_without_such_a_file(self, stored: FakeServer, run: Runner, tmp_path: Path) -> None:
        result = run("predict", "digits-mlp", "any.csv", "--trial", "7")
        assert result.code == 1
        assert "trial 7 of digits-mlp stored no model.onnx" in result.err

    def test_a_study_without_a_result(self, stored: FakeServer, run: Runner) -> None:
        stored.on("GET", PATH, ok(study_json(best_trial=None)))
        result = run("predict", "digits-mlp", "any.csv")
        assert result.code == 1
        assert "no trial of digits-mlp has a result yet" in result.err


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_advice_is_printed(server: FakeServer, run: Runner) -> None:
    one = {
        "kind": "parameter_at_bound",
        "title": "learning_rate is at its bound",
        "evidence": {"sentence": "The best 5 of 40 are below 2e-4.", "numbers": {"n": 5}},
        "action": {
            "sentence": "Widen it.",
            "changes": [{"field": "search_space.learning_rate", "value": {"low": 1e-5}}],
        },
    }
    server.on("GET", f"{PATH}/advice", ok({"items": [one]}), ok({"items": [one]}), ok({"items": []}))
    lines = run("advice", "digits-mlp").out.splitlines()
    assert lines == [
        "learning_rate is at its bound",
        "  The best 5 of 40 are below 2e-4.",
        "  Widen it.",
        "  search_space.learning_rate: {'low': 1e-05}",
    ]
    assert json.loads(run("advice", "digits-mlp", "--json").out)[0]["kind"] == "parameter_at_bound"
    assert "Nothing" in run("advice", "digits-mlp").out


def test_a_trials_diagnosis_is_printed(server: FakeServer, run: Runner) -> None:
    shown = trial_json(number=4, diagnosis=[FINDING], findings=["overfitting"])
    server.on("GET", f"{PATH}/trials/4", ok(shown))
    out = run("trial", "show", "digits-mlp/4").out
    assert "Over\\x1bfitting\n  val_loss rose since epoch 4.\n  Try: Try more dropout." in out
    (found,) = json.loads(run("trial", "show", "digits-mlp/4", "--json").out)["diagnosis"]
    assert found["remedy"]["hints"][0]["parameter"] == "dropout"
