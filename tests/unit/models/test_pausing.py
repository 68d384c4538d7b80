"""A lane that is set aside: its neighbours go on, and it goes on later as if nothing had been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from models.engine import lane
from models.engine.checkpoint import Checkpoint, save_checkpoint
from models.engine.jobs import Decision, EpochReport, Outcome
from models.engine.members import Plan
from models.engine.trainer import TrainSettings, train
from models.engine.trials import train_trials
from tests.unit.models.helpers import NEVER, Recorder, Run


def pausing(name: str, epoch: int = 2) -> Callable[[EpochReport], Decision]:
    """Return a listener's decision that pauses one lane at an epoch of its own."""

    def decide(report: EpochReport) -> Decision:
        is_it = report.lane_id == name and report.epoch == epoch and "val_loss" in report.metrics
        return Decision.PAUSE if is_it else Decision.CONTINUE

    return decide


@pytest.mark.parametrize("n_lanes", [1, 3])
def test_a_paused_lane_goes_on_to_the_same_result_and_its_neighbours_never_stop(
    classification: Run, n_lanes: int
) -> None:
    settings = replace(NEVER, n_lanes=n_lanes)
    rates = {"a": 0.01, "b": 0.02, "c": 0.005}
    whole = Recorder()
    straight = train([classification.job(f"{n}-", learning_rate=r) for n, r in rates.items()], whole, settings)

    recorder = Recorder(pausing("b"))
    first = train([classification.job(n, learning_rate=r) for n, r in rates.items()], recorder, settings)
    assert [one.outcome for one in first] == [Outcome.COMPLETE, Outcome.PAUSED, Outcome.COMPLETE]
    paused = first[1]
    assert (paused.epoch, paused.network_files) == (2, ())
    assert paused.reason == "Paused after epoch 2 of 4."
    assert recorder.checkpoints == [("b", 2, paused.checkpoint)]
    for place in (0, 2):
        assert first[place].metrics == pytest.approx(straight[place].metrics, rel=1e-5)

    job = replace(classification.job("later", learning_rate=rates["b"]), resume_from=paused.checkpoint)
    [resumed] = train([job], recorder, settings)
    assert recorder.curve("b", "val_loss") + recorder.curve("later", "val_loss") == pytest.approx(
        whole.curve("b-", "val_loss"), rel=1e-5
    )
    assert resumed.metrics == pytest.approx(straight[1].metrics, rel=1e-5)
    assert resumed.best_epoch == straight[1].best_epoch


def test_one_lane_alone_resumes_to_the_same_bits(classification: Run) -> None:
    straight, _ = classification.train_one("straight", dropout=0.2)
    [paused] = train([classification.job("x", dropout=0.2)], Recorder(pausing("x")), NEVER)
    job = replace(classification.job("y", dropout=0.2), resume_from=paused.checkpoint)
    [resumed] = train([job], Recorder(), NEVER)
    assert resumed.metrics == straight.metrics
    assert resumed.network_files[0].read_bytes() == straight.network_files[0].read_bytes()


def test_what_cannot_be_saved_is_pruned_and_its_neighbours_go_on(
    classification: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, checkpoint: Checkpoint) -> None:
        if "full" in str(path):
            raise OSError(28, "No space left on device")
        save_checkpoint(path, checkpoint)

    monkeypatch.setattr(lane, "save_checkpoint", refuse)

    def decide(report: EpochReport) -> Decision:
        return Decision.PAUSE if report.lane_id != "other" and report.epoch == 2 else Decision.CONTINUE

    jobs = [classification.job(name) for name in ("full", "fine", "other")]
    full, fine, other = train(jobs, Recorder(decide), NEVER)
    assert (full.outcome, full.checkpoint) == (Outcome.PRUNED, None)
    assert "No space left on device" in full.reason
    assert (fine.outcome, other.outcome) == (Outcome.PAUSED, Outcome.COMPLETE)


def test_a_trial_of_several_trainings_is_paused_whole(classification: Run) -> None:
    plan, settings = Plan(n_repeats=2, n_folds=2), TrainSettings(checkpoint_every_s=1e9)
    [straight] = train_trials([classification.job("straight")], plan, Recorder(), settings)
    recorder = Recorder(pausing("one"))
    [paused] = train_trials([classification.job("one")], plan, recorder, settings)
    assert paused.outcome is Outcome.PAUSED
    assert recorder.checkpoints[-1][2] == paused.checkpoint
    assert recorder.checkpoints[-1][1] < 4
    job = replace(classification.job("two"), resume_from=paused.checkpoint)
    [resumed] = train_trials([job], plan, Recorder(), settings)
    assert resumed.metrics == pytest.approx(straight.metrics, rel=1e-3)
