"""What the demo shows while it runs and at the end."""

import io
from typing import Any

import httpx
import pytest
from rich.console import Console
from tunewell.records import BestTrial, Budget, Objective, Study, StudySpec, Trial

from stack import progress, results
from stack.progress import Snapshot
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


def snapshot(n_done: int, **changes: Any) -> Snapshot:
    best = BestTrial(4, 3, {}, {"val_accuracy": 0.98765, "val_loss": 0.1}) if n_done else None
    study = Study(1, "digits-mlp", "RUNNING", SPEC, {"COMPLETE": n_done}, best_trial=best)
    return Snapshot(**{"study": study, "running": (RUNNING,), "pace_s": 2.0 if n_done > 1 else None, **changes})


def console(*, is_terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=100, highlight=False)


def printed(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_status_before_and_after_the_first_trial() -> None:
    assert progress.status_line(snapshot(0)) == "0/20 trials, no value yet"
    expected = "5/20 trials, best val_accuracy 0.9877 (trial 3), about 30 s left"
    assert progress.status_line(snapshot(5)) == expected


def test_nothing_is_left_when_all_are_done() -> None:
    assert snapshot(20).left_s == 0


def test_pace_leaves_out_the_start() -> None:
    pace = progress.Pace()
    seen = [
        pace.seconds_per_trial(n_done, now) for n_done, now in ((0, 5.0), (2, 60.0), (2, 61.0), (3, 62.0), (6, 64.0))
    ]
    assert seen == [None, None, None, 2.0, 1.0]


def test_running_trials_show_epoch_and_parameters() -> None:
    waiting = Trial(10, 1, 9, "RUNNING", {"activation": "relu"})
    assert progress.running_lines([RUNNING, waiting]) == [
        "trial   8  epoch 7/20  learning_rate=0.01235",
        "trial   9  starting   activation=relu",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (125, "2 min 05 s"), (12_000, "3 h 20 min")],
)
def test_durations(seconds: float, text: str) -> None:
    assert progress.format_duration(seconds) == text


def test_plain_output_has_a_line_for_each_ended_trial() -> None:
    target = console(is_terminal=False)
    with progress.display(target) as show:
        for n_done in (0, 0, 1, 1, 2):
            show(snapshot(n_done))
    lines = [line for line in printed(target).splitlines() if not line.startswith(" ")]
    assert [line.split()[0] for line in lines] == ["0/20", "1/20", "2/20"]
    assert "\x1b" not in printed(target)


def test_terminal_is_redrawn_in_place() -> None:
    target = console(is_terminal=True)
    with progress.display(target) as show:
        show(snapshot(0))
        show(snapshot(5))
    assert "\x1b[" in printed(target)
    assert "5/20 trials" in printed(target)


def test_the_time_left_fits_on_a_narrow_terminal() -> None:
    narrow = Console(file=io.StringIO(), force_terminal=True, width=80, highlight=False)
    narrow.print(progress.render(snapshot(5)))
    lines = printed(narrow).splitlines()
    status = next(line for line in lines if "5/20 trials" in line)
    assert status.startswith("5/20 trials"), "the bar stands in the same line"
    assert status.rstrip().endswith("about 30 s left")


def test_table_keeps_the_order_and_shows_the_searched_parameters() -> None:
    study = snapshot(5).study
    trials = [
        Trial(1, 1, 3, "COMPLETE", {"learning_rate": 0.01, "activation": "tanh"}, values={"val_accuracy": 0.98}),
        Trial(2, 1, 0, "COMPLETE", {"learning_rate": 0.1, "activation": "[bold]"}, duration_s=1.2),
    ]
    target = console(is_terminal=False)
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
