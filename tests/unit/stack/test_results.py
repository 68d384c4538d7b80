"""What the demo shows at the end."""

import io
from dataclasses import replace
from typing import Any

import httpx
import pytest
from rich.console import Console
from tunewell.diagnosis import Evidence, Finding, Remedy
from tunewell.records import Budget, Objective, Study, StudySpec, Trial

from stack import results
from stack.service import why_not_ready

SPEC = StudySpec(
    dataset="digits",
    model="mlp",
    objectives=(Objective("val_accuracy", "maximize"),),
    search_space={"learning_rate": {}, "activation": {}},
    budget=Budget(n_trials=20),
)
RUNNING = Trial(
    trial_id=9, study_id=1, number=8, state="RUNNING", params={"learning_rate": 0.012345678}, step=7, n_steps=20
)


def console() -> Console:
    return Console(file=io.StringIO(), width=100, highlight=False)


def printed(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (12_000, "3 h 20 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert results.format_duration(seconds) == text


def test_table_keeps_the_order_and_shows_the_searched_parameters() -> None:
    study = Study(1, "digits-mlp", "COMPLETE", SPEC, {"COMPLETE": 5})
    trials = [
        Trial(1, 1, 3, "COMPLETE", {"learning_rate": 0.01, "activation": "tanh"}, values={"val_accuracy": 0.98}),
        Trial(2, 1, 0, "COMPLETE", {"learning_rate": 0.1, "activation": "[bold]"}, duration_s=1.2),
    ]
    target = console()
    target.print(results.trials_table(study, trials))
    rows = [line for line in printed(target).splitlines() if "tanh" in line or "[bold]" in line]
    assert "0.98" in rows[0]
    assert "tanh" in rows[0]
    assert "[bold]" in rows[1]
    assert "1 s" in rows[1]


def test_network_stands_beside_the_baseline() -> None:
    evaluation = {
        "n_test": 360,
        "network": {"test_accuracy": 0.97777, "test_loss": 0.1},
        "baseline": {"name": "logistic_regression", "test_accuracy": 0.95},
    }
    lines = results.comparison_lines(evaluation, RUNNING)
    assert lines[0].startswith("test accuracy, on 360 rows")
    assert [line.split()[-1] for line in lines[1:]] == ["0.9778", "0.9500"]
    assert lines[1].index("0.9778") == lines[2].index("0.9500")


def test_the_first_finding_is_told_with_its_remedy() -> None:
    overfit = Finding("overfitting", "problem", "Overfitting", Evidence("val_loss rose."), Remedy("Try dropout."))
    good = Finding("good_fit", "good", "Good fit", Evidence("Both fell."), Remedy(""))
    assert results.diagnosis_lines(replace(RUNNING, diagnosis=(overfit, good))) == [
        "curves of trial 8: overfitting. val_loss rose.",
        "  Try dropout.",
    ]
    assert results.diagnosis_lines(replace(RUNNING, diagnosis=(good,))) == ["curves of trial 8: good fit. Both fell."]


@pytest.mark.parametrize("diagnosis", [None, ()])
def test_without_findings_nothing_is_told(diagnosis: tuple[Finding, ...] | None) -> None:
    assert results.diagnosis_lines(replace(RUNNING, diagnosis=diagnosis)) == []


def test_ready_or_the_reason_why_not() -> None:
    def answering(status: int) -> Any:
        transport = httpx.MockTransport(lambda request: httpx.Response(status, text="broker: unavailable"))
        return lambda url, timeout, trust_env: httpx.Client(transport=transport).get(url)

    assert why_not_ready("http://127.0.0.1:1", get=answering(200)) is None
    assert why_not_ready("http://127.0.0.1:1", get=answering(503)) == "503: broker: unavailable"


def test_nobody_listening_is_a_reason() -> None:
    reason = why_not_ready("http://127.0.0.1:1")
    assert reason is not None
    assert reason.startswith("no answer")
