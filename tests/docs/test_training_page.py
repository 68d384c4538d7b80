"""What the page on training shows runs as it stands there, and its figures are the code's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from models.engine import batches, jobs, measuring, memory, probe, program, racing
from tests.docs import pages

PAGE = "docs/training.md"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Give the process its threads back, whose number the page sets."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
def test_the_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in pages.fences(PAGE, "python"):
        exec(compile(block, PAGE, "exec"), names)  # noqa: S102 - the page is ours, and running it is the test
    results = [*names["results"], *names["own"]]
    assert [result.outcome for result in results] == [jobs.Outcome.COMPLETE] * 5
    assert names["best"].metrics["val_accuracy"] > 0.9
    assert (len(names["judged"].kept_epochs), names["final"].outcome) == (3, jobs.Outcome.COMPLETE)
    assert (tmp_path / "digits.onnx").stat().st_size > 0
    assert "COMPLETE" in capsys.readouterr().out


def test_the_training_takes_ten_lines() -> None:
    training = pages.fences(PAGE, "python")[1]
    statements = [line for line in training.splitlines() if line and not line.startswith(("from ", "import "))]
    assert len(statements) <= 10


def test_every_outcome_is_in_the_table() -> None:
    (table,) = [part for part in pages.read(PAGE).split("\n\n") if part.startswith("| outcome |")]
    rows = [line.split("`")[1] for line in table.splitlines()[2:]]
    assert sorted(rows) == sorted(jobs.Outcome)


def test_figures_are_those_of_the_code() -> None:
    text = " ".join(pages.read(PAGE).split())
    assert f"at most {batches.PIECE_BYTES >> 20} MiB" in text
    assert f"{measuring.EVALUATION_ROWS:,} rows of a lane" in text
    assert f"up to {probe.MAX_LANES['cpu']} lanes on a CPU" in text
    assert f"{probe.LEAST_GAIN - 1:.0%} faster".replace("%", " %") in text
    assert f"every {program.STEPS_BETWEEN_CHECKS} steps" in text
    assert f"no further than {memory.SAFE_SHARE:.0%} of what is free".replace("%", " %") in text
    assert (probe.N_STEPS, racing.FIRST_REPEATS) == (3, 2)
    assert "fastest of three" in text
    assert "two repeats train first" in text
