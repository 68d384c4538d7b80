"""Trials of several trainings: repeats, folds, racing, and going on after an interruption."""

from dataclasses import replace
from statistics import fmean

import pytest

from models.engine.jobs import Decision, EpochReport, Outcome
from models.engine.lane import find_objective
from models.engine.members import Member, Plan, combine
from models.engine.racing import is_hopeless
from models.engine.trainer import TrainSettings, train
from models.engine.trials import train_trials
from models.networks.saved import load_network
from tests.unit.models.helpers import NEVER, Recorder, Run

SETTINGS = TrainSettings(checkpoint_every_s=float("inf"), n_lanes=4)


def own_curve(recorder: Recorder, metric: str = "val_loss") -> list[float]:
    """Return a trial's own curve, without its members'."""
    return [report.metrics[metric] for report in recorder.reports if metric in report.metrics]


def test_one_repeat_without_folds_is_an_ordinary_training(classification: Run) -> None:
    alone, _ = classification.train_one("alone")
    recorder = Recorder()
    [result] = train_trials([classification.job("trial")], Plan(), recorder, NEVER)
    assert result.metrics == alone.metrics
    assert all("@" not in name for report in recorder.reports for name in report.metrics)


@pytest.mark.parametrize("choose", ["mean", "best", "worst"])
def test_repeats_add_up_as_chosen(classification: Run, choose: str) -> None:
    recorder = Recorder()
    plan = Plan(n_repeats=3, choose=choose)  # type: ignore[arg-type]
    [result] = train_trials([classification.job("trial", epochs=2)], plan, recorder, SETTINGS)
    finals = [
        [r.metrics[f"val_loss@r{repeat}f1"] for r in recorder.reports if f"val_loss@r{repeat}f1" in r.metrics][-1]
        for repeat in (1, 2, 3)
    ]
    assert len(set(finals)) == 3
    expected = {"mean": fmean(finals), "best": min(finals), "worst": max(finals)}[choose]
    assert result.metrics["val_loss"] == pytest.approx(expected)
    assert len(own_curve(recorder)) == 2
    assert own_curve(recorder)[-1] == pytest.approx(expected)
    assert result.outcome is Outcome.COMPLETE
    assert load_network(result.network_files[0].parent)
    first, _ = classification.train_one("first", epochs=2)
    assert finals[0] == pytest.approx(first.metrics["val_loss"], rel=1e-3)


def test_folds_validate_each_row_once_and_average(classification: Run) -> None:
    recorder = Recorder()
    [result] = train_trials([classification.job("trial", epochs=2)], Plan(n_folds=4), recorder, SETTINGS)
    folds = [
        [r.metrics[f"val_loss@r1f{fold}"] for r in recorder.reports if f"val_loss@r1f{fold}" in r.metrics][-1]
        for fold in (1, 2, 3, 4)
    ]
    assert result.metrics["val_loss"] == pytest.approx(fmean(folds))
    assert len(set(folds)) == 4


def test_hopeless_trial_stops_before_its_last_repeat(classification: Run) -> None:
    jobs = [classification.job("good"), classification.job("bad", learning_rate=1e-6)]
    plan = Plan(n_repeats=5, is_racing=True)
    recorder = Recorder()
    good, bad = train_trials(jobs, plan, recorder, SETTINGS)
    assert good.reason == "All 5 trainings ended."
    assert bad.reason.startswith("Stopped after 4 of 5 repeats")
    assert bad.outcome is Outcome.COMPLETE
    assert not any(name.endswith("@r5f1") for r in recorder.reports if r.lane_id == "bad" for name in r.metrics)


def test_study_s_best_value_is_a_rival_too(classification: Run) -> None:
    plan = Plan(n_repeats=4, is_racing=True, incumbent=-1000.0)
    [result] = train_trials([classification.job("trial", epochs=1)], plan, Recorder(), SETTINGS)
    assert "2 of 4" in result.reason


def test_decision_on_the_trial_holds_for_its_members(classification: Run) -> None:
    def decide(report: EpochReport) -> Decision:
        is_own = "val_loss" in report.metrics
        return Decision.PRUNE if is_own and report.epoch == 2 else Decision.CONTINUE

    recorder = Recorder(decide)
    [result] = train_trials([classification.job("trial", epochs=6)], Plan(n_repeats=3), recorder, SETTINGS)
    assert result.outcome is Outcome.PRUNED
    assert result.network_files == ()
    assert len(own_curve(recorder)) <= 3


def test_diverged_member_breaks_the_mean_and_not_the_best(regression: Run) -> None:
    job = regression.job("trial", learning_rate=100.0, optimizer="sgd", epochs=30)
    [mean] = train_trials([job], Plan(n_repeats=2), Recorder(), SETTINGS)
    assert mean.outcome is Outcome.DIVERGED
    assert mean.reason.startswith("r1f1: ")


def test_preempted_trial_goes_on_where_its_members_were(classification: Run) -> None:
    plan = Plan(n_repeats=2, n_folds=2)
    whole = Recorder()
    [straight] = train_trials([classification.job("straight")], plan, whole, SETTINGS)

    recorder = Recorder(lambda report: Decision.PREEMPT if report.epoch == 2 else Decision.CONTINUE)
    [handed_back] = train_trials([classification.job("one")], plan, recorder, SETTINGS)
    assert handed_back.outcome is Outcome.PREEMPTED
    assert handed_back.checkpoint is not None
    rest = Recorder()
    [resumed] = train_trials(
        [replace(classification.job("two"), resume_from=handed_back.checkpoint)], plan, rest, SETTINGS
    )
    assert resumed.metrics == pytest.approx(straight.metrics, rel=1e-3)
    assert own_curve(rest)[-1] == pytest.approx(own_curve(whole)[-1], rel=1e-3)


def test_combination_of_nothing_in_common_is_empty(classification: Run) -> None:
    objective = find_objective(classification.job("a"))
    finals = {Member(1, 0): {"val_loss": 1.0, "x": 1.0}, Member(2, 0): {"val_loss": 3.0}}
    assert combine(finals, objective, "mean") == {"val_loss": 2.0}
    assert combine(finals, objective, "worst") == {"val_loss": 3.0}


@pytest.mark.parametrize(
    ("values", "incumbent", "direction", "hopeless"),
    [
        ([2.0, 2.01], 1.0, "minimize", True),
        ([2.0, 2.01], 1.0, "maximize", False),
        ([0.5, 0.51], 0.9, "maximize", True),
        ([1.0, 3.0], 1.5, "minimize", False),
        ([2.0], 1.0, "minimize", False),
        ([2.0, 2.0], None, "minimize", False),
        ([2.0] * 40, 1.99, "minimize", True),
    ],
)
def test_racing_gives_up_only_what_is_clearly_behind(
    values: list[float], incumbent: float | None, direction: str, hopeless: bool
) -> None:
    assert is_hopeless(values, incumbent, direction) == hopeless  # type: ignore[arg-type]


def test_members_are_lanes_of_one_program(classification: Run) -> None:
    members = [replace(classification.job(str(fold)), fold=fold, n_folds=3) for fold in (1, 2, 3)]
    together = train(members, Recorder(), SETTINGS)
    for job, result in zip(members, together, strict=True):
        [alone] = train([replace(job, output_dir=job.output_dir / "alone")], Recorder(), NEVER)
        assert result.metrics == pytest.approx(alone.metrics, rel=1e-3)
