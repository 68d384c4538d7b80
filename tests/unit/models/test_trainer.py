"""The trainer reports, obeys, saves, and gives the same answer alone, in company and after an interruption."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.catalogue import CatalogueError
from models.catalogue.metrics import TRAINING_METRICS
from models.engine.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from models.engine.jobs import Decision, Outcome, TrainJob
from models.engine.lane import Lane
from models.engine.optimizers import OPTIMIZERS
from models.engine.program import Program
from models.engine.trainer import TrainSettings, train
from models.layers.random import keyed_layers
from models.measures.evaluation import forward_all, read_part
from models.measures.metrics import part_metrics
from models.networks.saved import load_network
from models.seeds import generator
from tests.unit.models.helpers import EVERY_EPOCH, NEVER, Recorder, Run, decide_at, make_dataset


def test_every_epoch_is_reported_once_in_order(classification: Run) -> None:
    result, recorder = classification.train_one("a")
    assert [report.epoch for report in recorder.reports] == [1, 2, 3, 4]
    assert {report.n_epochs for report in recorder.reports} == {4}
    assert list(result.metrics)[:4] == ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]
    assert set(result.metrics) - set(list(result.metrics)[:4]) <= {info.name for info in TRAINING_METRICS}
    assert all(type(value) is float for value in result.metrics.values())
    assert result.outcome is Outcome.COMPLETE
    assert result.reason == "Trained to the end after epoch 4 of 4."
    assert result.metrics == recorder.reports[-1].metrics
    assert recorder.ended == [result]
    assert recorder.checkpoints == []


def test_best_epoch_follows_the_objective(classification: Run) -> None:
    overshooting = classification.job("loss", learning_rate=0.1, epochs=12)
    jobs = [
        overshooting,
        replace(
            overshooting, lane_id="accuracy", output_dir=classification.folder / "accuracy", objective="val_accuracy"
        ),
    ]
    recorder = Recorder(lambda report: Decision.PRUNE if report.epoch == 11 else Decision.CONTINUE)
    by_loss, by_accuracy = train(jobs, recorder, NEVER)
    losses, accuracies = recorder.curve("loss", "val_loss"), recorder.curve("accuracy", "val_accuracy")
    assert losses[-1] > min(losses)
    assert accuracies[-1] < max(accuracies)
    assert by_loss.best_epoch == losses.index(min(losses)) + 1
    assert by_accuracy.best_epoch == accuracies.index(max(accuracies)) + 1


def test_unknown_objective_is_refused_before_training(classification: Run) -> None:
    recorder = Recorder()
    with pytest.raises(CatalogueError) as refusal:
        train([classification.job("a"), replace(classification.job("b"), objective="val_rmse")], recorder)
    assert refusal.value.code == "unknown_metric"
    assert recorder.reports == []


def test_result_does_not_depend_on_company(classification: Run) -> None:
    alone, _ = classification.train_one("alone", dropout=0.3)
    recorder = Recorder(decide=lambda report: Decision.PRUNE if report.lane_id == "pruned" else Decision.CONTINUE)
    jobs = [
        classification.job("exploding", learning_rate=100.0, optimizer="sgd"),
        classification.job("alone-not", dropout=0.3),
        classification.job("pruned", hidden_units=8),
        classification.job("short", epochs=2, dropout=0.5),
    ]
    results = train([replace(job, output_dir=job.output_dir / "shared") for job in jobs], recorder, EVERY_EPOCH)
    assert [result.lane_id for result in results] == ["exploding", "alone-not", "pruned", "short"]
    assert results[1].metrics == pytest.approx(alone.metrics, rel=1e-4, abs=1e-6)


def test_lanes_advance_together_and_end_on_their_own(classification: Run) -> None:
    recorder = Recorder()
    train([classification.job("long"), classification.job("short", epochs=1)], recorder, NEVER)
    heard = [(report.lane_id, report.epoch) for report in recorder.reports]
    assert heard[:3] == [("long", 1), ("short", 1), ("long", 2)]
    assert [result.lane_id for result in recorder.ended] == ["short", "long"]


@pytest.mark.parametrize(
    ("decision", "outcome", "saves_network"),
    [(Decision.PRUNE, Outcome.PRUNED, False), (Decision.STOP, Outcome.STOPPED, True)],
)
def test_decision_ends_the_lane(classification: Run, decision: Decision, outcome: Outcome, saves_network: bool) -> None:
    recorder = Recorder(decide_at(2, decision))
    [result] = train([classification.job("a")], recorder, NEVER)
    assert (result.outcome, result.epoch) == (outcome, 2)
    assert len(recorder.reports) == 2
    assert bool(result.network_files) == saves_network
    assert result.checkpoint is None


@pytest.mark.parametrize("decision", Decision)
def test_decision_after_the_last_epoch_comes_too_late(classification: Run, decision: Decision) -> None:
    [result] = train([classification.job("a")], Recorder(decide_at(4, decision)), NEVER)
    assert result.outcome is Outcome.COMPLETE
    assert result.network_files


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_preempted_lane_resumes_to_the_same_result(request: pytest.FixtureRequest, task: str, optimizer: str) -> None:
    run: Run = request.getfixturevalue(task)
    straight, whole = run.train_one("straight", optimizer=optimizer, dropout=0.2)
    recorder = Recorder(decide_at(2, Decision.PREEMPT))
    [handed_back] = train([run.job("first", optimizer=optimizer, dropout=0.2)], recorder, NEVER)
    assert (handed_back.outcome, handed_back.epoch, handed_back.network_files) == (Outcome.PREEMPTED, 2, ())
    assert handed_back.checkpoint is not None
    assert recorder.checkpoints == [("first", 2, handed_back.checkpoint)]

    second = replace(run.job("second", optimizer=optimizer, dropout=0.2), resume_from=handed_back.checkpoint)
    [resumed] = train([second], recorder, NEVER)
    assert [report.epoch for report in recorder.reports] == [1, 2, 3, 4]
    assert recorder.curve("first", "val_loss") + recorder.curve("second", "val_loss") == whole.curve(
        "straight", "val_loss"
    )
    assert (resumed.metrics, resumed.best_epoch) == (straight.metrics, straight.best_epoch)
    assert resumed.network_files[0].read_bytes() == straight.network_files[0].read_bytes()


def test_checkpoints_come_by_the_clock(classification: Run) -> None:
    seconds = iter(range(100))
    settings = TrainSettings(checkpoint_every_s=2, clock=lambda: float(next(seconds)))
    recorder = Recorder()
    [result] = train([classification.job("a", epochs=8)], recorder, settings)
    assert [epoch for _, epoch, _ in recorder.checkpoints] == [2, 4, 6]
    assert result.checkpoint is not None
    assert load_checkpoint(result.checkpoint).progress.epoch == 6


def test_lane_whose_last_epoch_was_saved_only_finishes(classification: Run) -> None:
    straight, _ = classification.train_one("straight")
    recorder = Recorder(decide_at(3, Decision.PREEMPT))
    [before] = train([classification.job("first")], recorder, NEVER)
    assert before.checkpoint is not None
    again = replace(classification.job("second"), resume_from=before.checkpoint)
    lane_checkpoint = _finish_and_save(again)
    recorder = Recorder()
    [result] = train([replace(classification.job("third"), resume_from=lane_checkpoint)], recorder, NEVER)
    assert recorder.reports == []
    assert (result.outcome, result.metrics) == (Outcome.COMPLETE, straight.metrics)
    assert result.network_files


def test_checkpoint_of_another_trial_is_refused(classification: Run) -> None:
    [before] = train([classification.job("first")], Recorder(decide_at(2, Decision.PREEMPT)), NEVER)
    recorder = Recorder()
    for other in (
        classification.job("other", learning_rate=0.5),
        replace(classification.job("other"), seed=2),
        replace(classification.job("other"), dataset=make_dataset("classification", seed=9)),
    ):
        with pytest.raises(CheckpointError) as refusal:
            train([replace(other, resume_from=before.checkpoint)], recorder, NEVER)
        assert refusal.value.code == "other_checkpoint"
    assert recorder.reports == []


@pytest.mark.parametrize("part", ["network", "optimizer"])
def test_checkpoint_with_missing_tensors_is_refused(classification: Run, part: str) -> None:
    [before] = train([classification.job("first")], Recorder(decide_at(2, Decision.PREEMPT)), NEVER)
    assert before.checkpoint is not None
    sound = load_checkpoint(before.checkpoint)
    save_checkpoint(
        before.checkpoint, replace(sound, network={}) if part == "network" else replace(sound, optimizer={})
    )
    job = replace(classification.job("second"), resume_from=before.checkpoint)
    with pytest.raises(CheckpointError) as refusal:
        train([job], Recorder(), NEVER)
    assert refusal.value.code == "corrupt_checkpoint"
    save_checkpoint(before.checkpoint, sound)
    assert train([job], Recorder(), NEVER)[0].outcome is Outcome.COMPLETE


def test_file_left_in_the_folder_is_not_taken_for_the_lanes_own(classification: Run) -> None:
    train([classification.job("a")], Recorder(decide_at(2, Decision.PREEMPT)), NEVER)
    [result] = train([classification.job("a")], Recorder(), NEVER)
    assert result.checkpoint is None


def test_exploding_lane_diverges_at_once_and_says_where(regression: Run) -> None:
    recorder = Recorder()
    jobs = [regression.job("bad", learning_rate=100.0, optimizer="sgd", epochs=50), regression.job("good")]
    bad, good = train(jobs, recorder, NEVER)
    assert bad.outcome is Outcome.DIVERGED
    assert bad.epoch < 50
    assert f"epoch {bad.epoch + 1}" in bad.reason
    assert bad.network_files == ()
    assert all(math.isfinite(value) for report in recorder.reports for value in report.metrics.values())
    assert good.outcome is Outcome.COMPLETE
    assert good.metrics == regression.train_one("good-alone")[0].metrics


def test_divergence_names_the_first_bad_step(classification: Run) -> None:
    # The third batch of the first epoch meets a feature that is not a number.
    poisoned = make_dataset("classification")
    order = torch.randperm(96, generator=generator(classification.seed, "order", 1))
    poisoned.x_train[int(order[70])] = math.nan
    [result] = train([replace(classification.job("a"), dataset=poisoned)], Recorder(), NEVER)
    assert result.outcome is Outcome.DIVERGED
    assert result.reason == "train_loss became nan in epoch 1, step 3 of 3."
    assert (result.epoch, result.metrics) == (0, {})


def test_network_explodes_on_validation_data_only(classification: Run) -> None:
    poisoned = make_dataset("classification")
    poisoned.x_val[0] = math.inf
    [result] = train([replace(classification.job("a"), dataset=poisoned)], Recorder(), NEVER)
    assert result.outcome is Outcome.DIVERGED
    assert "val_loss became" in result.reason
    assert "at the end of epoch 1" in result.reason


def test_partial_and_oversized_batches_use_every_row(classification: Run) -> None:
    sizes = {"sized": 32, "ragged": 50, "whole": 96, "oversized": 65_536}
    losses = {name: classification.train_one(name, batch_size=size)[0].metrics for name, size in sizes.items()}
    assert losses["whole"] == losses["oversized"]
    assert losses["ragged"] != losses["sized"]
    n_right = [metrics["train_accuracy"] * 96 for metrics in losses.values()]
    assert n_right == pytest.approx([round(count) for count in n_right])


def test_tiny_batch_is_learnt_by_heart(tmp_path: Path) -> None:
    tiny = make_dataset("classification", n_train=8)
    rng = torch.Generator().manual_seed(0)
    tiny.y_train[:] = torch.randint(3, (8,), generator=rng).numpy()
    result, _ = Run(tiny, tmp_path).train_one("a", epochs=150, learning_rate=0.01)
    assert result.metrics["train_accuracy"] == 1
    assert result.metrics["train_loss"] < 0.01


def test_saved_network_repeats_the_reported_loss(regression: Run) -> None:
    result, _ = regression.train_one("a")
    network = load_network(result.network_files[0].parent)
    data = regression.dataset
    raw = torch.from_numpy(data.x_val * data.feature_scale + data.feature_mean)
    with torch.inference_mode():
        predictions = network(raw)[:, 0]
    rmse = (predictions - torch.from_numpy(data.y_val)).square().mean().sqrt().item()
    assert rmse == pytest.approx(result.metrics["val_rmse"], rel=1e-4)
    assert network.config.epoch == 4


def test_lanes_need_names_and_folders_of_their_own(classification: Run) -> None:
    one, two = classification.job("a"), classification.job("b")
    with pytest.raises(ValueError, match="share the lane_id 'a'"):
        train([one, replace(two, lane_id="a")], Recorder())
    with pytest.raises(ValueError, match="share the output_dir"):
        train([one, replace(two, output_dir=one.output_dir)], Recorder())
    assert len(train([one, two], Recorder(), NEVER)) == 2


def test_no_jobs_no_results() -> None:
    assert train([], Recorder()) == []


def test_each_epoch_sees_every_row_once_in_an_order_of_its_own(classification: Run) -> None:
    lane = Lane(classification.job("a"))
    program = Program([lane], torch.device("cpu"))
    rows: list[bytes] = []

    def record(network: torch.nn.Module, inputs: tuple[torch.Tensor]) -> None:
        if network.training:
            rows.extend(row.tobytes() for row in inputs[0].numpy())

    program.stack.network.register_forward_pre_hook(record)
    program.train_epoch()
    program.train_epoch()
    stored = [row.tobytes() for row in classification.dataset.x_train]
    first, second = rows[:96], rows[96:]
    assert sorted(first) == sorted(second) == sorted(stored)
    assert stored != first != second


def test_dropout_masks_are_new_in_each_step_of_each_epoch(classification: Run) -> None:
    lane = Lane(classification.job("a", dropout=0.5, hidden_layers=1, activation="tanh"))
    program = Program([lane], torch.device("cpu"))
    masks: list[bytes] = []

    def record(layer: torch.nn.Module, _: object, output: torch.Tensor) -> None:
        if layer.training:
            masks.append((output == 0).numpy().tobytes())

    [layer] = keyed_layers(program.stack.network)
    layer.register_forward_hook(record)
    program.train_epoch()
    program.train_epoch()
    assert len(masks) == len(set(masks)) == 6


def test_early_stopping_ends_after_its_patience_and_keeps_the_best(classification: Run) -> None:
    overshooting = {"learning_rate": 0.3, "epochs": 60, "patience": 4}
    last, recorder = classification.train_one("last", **overshooting)
    best, _ = classification.train_one("best", restore_best=True, **overshooting)
    losses = recorder.curve("last", "val_loss")
    assert last.best_epoch == losses.index(min(losses)) + 1
    assert last.epoch == last.best_epoch + 4 < 60
    assert f"Stopped early after epoch {last.epoch} of 60" in last.reason
    assert (last.metrics["val_loss"], best.metrics["val_loss"]) == (losses[-1], min(losses))
    network = load_network(best.network_files[0].parent)
    part = read_part(classification.dataset, "val")
    outputs = forward_all(network.body, part.features)
    assert part_metrics("val", "classification", outputs, part.targets, 1.0)["val_loss"] == pytest.approx(min(losses))
    assert network.config.epoch == best.best_epoch


def _finish_and_save(job: TrainJob) -> Path:
    [result] = train([replace(job, saves_at_end=True)], Recorder(), NEVER)
    assert result.checkpoint is not None
    return result.checkpoint
