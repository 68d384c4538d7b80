"""The last training of a chosen setting: on all rows but the test part's, for as long as its folds trained."""

from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest
import torch

from models.engine.jobs import Outcome
from models.engine.lane import Lane
from models.engine.members import Plan
from models.engine.parts import read_parts
from models.engine.program import Program
from models.engine.refit import refit, refit_epochs
from models.engine.trainer import train
from models.engine.trials import train_trials
from models.measures.baselines import evaluate_baselines
from models.measures.evaluation import evaluate_network, read_known
from models.networks.saved import load_network
from tests.unit.models.helpers import NEVER, Recorder, Run

CPU = torch.device("cpu")


def test_a_refit_learns_each_row_but_those_of_the_test(classification: Run) -> None:
    data = classification.dataset
    job = replace(classification.job("all"), fold=1, n_folds=1)
    parts = read_parts([job, job], CPU)
    for rows in parts.train_rows:
        x, y = parts.train.take(torch.from_numpy(rows))
        assert torch.equal(x, torch.from_numpy(np.concatenate([data.x_train, data.x_val])))
        assert torch.equal(y, torch.from_numpy(np.concatenate([data.y_train, data.y_val])))
    program = Program([Lane(job)], CPU)
    assert program.batches.n_rows == len(data.y_train) + len(data.y_val)


def test_a_refit_does_not_read_the_test_part(classification: Run) -> None:
    data = classification.dataset
    other = replace(data, x_test=data.x_test + 9, y_test=data.y_test[::-1].copy())
    first, second = (
        refit([replace(classification.job(name), dataset=one)], [2], NEVER)[0].network_files[0].read_bytes()
        for name, one in (("first", data), ("second", other))
    )
    assert first == second


def test_a_refit_ends_where_its_folds_did_on_their_schedule(classification: Run) -> None:
    job = classification.job("cut", epochs=4, schedule="cosine", patience=1, restore_best=True)
    [cut] = refit([job], [2], NEVER)
    assert (cut.outcome, cut.epoch, cut.kept_epochs) == (Outcome.COMPLETE, 2, (2,))
    assert cut.reason == "Trained on training and validation part for 2 epochs."
    [whole] = refit([replace(job, lane_id="whole", output_dir=classification.folder / "whole")], [4], NEVER)
    assert whole.epoch == 4
    assert whole.history["learning_rate"][:2] == cut.history["learning_rate"]
    assert cut.history["learning_rate"][1] > 0.4e-3  # a schedule of two epochs would have come to its end
    assert load_network(cut.network_files[0].parent).config.epoch == 2


def test_a_refit_tells_nothing_of_rows_that_it_has_learned(classification: Run) -> None:
    [result] = refit([classification.job("a")], [2], NEVER)
    assert {"train_loss", "train_accuracy", "learning_rate"} <= set(result.metrics)
    assert not any(name.startswith("val_") for name in (*result.metrics, *result.history))
    assert (result.best_epoch, result.objective) == (0, "")
    network = load_network(result.network_files[0].parent)
    assert "test_accuracy" in evaluate_network(network, classification.dataset)  # it is of these data


def test_each_job_has_an_end_of_its_own(classification: Run) -> None:
    jobs = [classification.job(str(place)) for place in range(3)]
    assert [result.epoch for result in refit(jobs, [1, 3, 2], replace(NEVER, n_lanes=3))] == [1, 3, 2]
    with pytest.raises(ValueError, match="shorter"):
        refit(jobs, [1, 2], NEVER)


@pytest.mark.parametrize(("restores", "kept"), [(True, "best"), (False, "last")])
def test_epochs_are_the_mean_of_those_that_folds_kept(classification: Run, restores: bool, kept: str) -> None:
    job = classification.job("trial", epochs=4, restore_best=restores, learning_rate=0.1)
    recorder = Recorder()
    [result] = train_trials([job], Plan(n_repeats=2, n_folds=3), recorder, NEVER)
    assert len(result.kept_epochs) == 6
    curves = [
        [report.metrics[name] for report in recorder.reports if name in report.metrics]
        for name in (f"val_loss@r{repeat}f{fold}" for repeat in (1, 2) for fold in (1, 2, 3))
    ]
    best = [curve.index(min(curve)) + 1 for curve in curves]
    assert list(result.kept_epochs) == (best if kept == "best" else [4] * 6)
    assert refit_epochs(result) == round(fmean(result.kept_epochs))
    [alone] = train([replace(job, lane_id="alone", output_dir=classification.folder / "alone")], Recorder(), NEVER)
    assert alone.kept_epochs == ((alone.best_epoch,) if restores else (4,))


def test_nothing_says_how_long_to_train_what_never_came_to_an_end(regression: Run) -> None:
    failed, _ = regression.train_one("a", optimizer="sgd", learning_rate=100.0)
    assert (failed.outcome, failed.kept_epochs) == (Outcome.DIVERGED, ())
    with pytest.raises(ValueError, match="ended as DIVERGED without a network"):
        refit_epochs(failed)
    assert refit_epochs(replace(failed, outcome=Outcome.COMPLETE, kept_epochs=(3, 4, 4))) == 4


def test_baselines_learn_the_same_rows_as_a_refit(regression: Run) -> None:
    data = regression.dataset
    known = read_known(data)
    assert len(known.targets) == len(known.features) == len(data.y_train) + len(data.y_val)
    (answer,) = evaluate_baselines(data, ["linear"], is_refit=True)
    merged = replace(data, x_train=known.features.numpy(), y_train=np.concatenate([data.y_train, data.y_val]))
    (wanted,) = evaluate_baselines(merged, ["linear"])
    assert answer["test_r2"] == pytest.approx(wanted["test_r2"])
    assert answer["test_r2"] != evaluate_baselines(data, ["linear"])[0]["test_r2"]
    assert not any(name.startswith("val_") for name in answer)
