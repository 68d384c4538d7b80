"""Lanes beyond what each network promises: users' own networks, the probe, memory that runs out, losses, penalties."""

import logging
from collections.abc import Mapping
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import CatalogueError, DataShape, ParamValue
from models.engine import groups, probe
from models.engine.devices import Precision
from models.engine.jobs import Decision, Outcome, TrainJob
from models.engine.lane import Lane
from models.engine.losses import CRITERIA, balanced_weights
from models.engine.measuring import Measured
from models.engine.penalties import make_penalties
from models.engine.probe import choose_lanes
from models.engine.program import Program
from models.engine.schedules import rate_factor
from models.engine.stack import Slot, Stack
from models.engine.trainer import TrainSettings, train
from models.networks.saved import load_network
from tests.unit.models.helpers import EVERY_EPOCH, NEVER, Recorder, Run

CPU = torch.device("cpu")
IN_LANES = TrainSettings(checkpoint_every_s=float("inf"), n_lanes=4)


def ordinary(data: DataShape) -> nn.Module:
    """Build a network from torch's own layers, which know nothing of lanes."""
    first = nn.Linear(data.n_inputs, 12, bias=False)  # a bias before a batch norm drifts with the rounding
    return nn.Sequential(first, nn.BatchNorm1d(12), nn.ReLU(), nn.Linear(12, data.n_outputs))


def random_ordinary(data: DataShape) -> nn.Module:
    """Build one that draws from torch's global generator, which lanes cannot share."""
    return nn.Sequential(nn.Linear(data.n_inputs, 12), nn.Dropout(0.5), nn.ReLU(), nn.Linear(12, data.n_outputs))


def test_own_network_trains_in_lanes_as_it_does_alone(classification: Run, caplog: pytest.LogCaptureFixture) -> None:
    jobs = [_own(classification, f"{place}", ordinary, place) for place in range(3)]
    with caplog.at_level(logging.WARNING):
        together = train(jobs, Recorder(), IN_LANES)
    assert "one by one" not in caplog.text
    for job, result in zip(jobs, together, strict=True):
        [alone] = train([replace(job, output_dir=job.output_dir / "alone")], Recorder(), NEVER)
        assert result.metrics == pytest.approx(alone.metrics, rel=1e-3)
    network = load_network(together[0].network_files[0].parent, ordinary)
    assert network(torch.zeros(2, classification.dataset.n_features)).shape == (2, 3)


def test_own_network_that_cannot_be_stacked_trains_alone_and_says_why(
    classification: Run, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [_own(classification, f"{place}", random_ordinary, place) for place in range(2)]
    with caplog.at_level(logging.WARNING):
        first = train(jobs, Recorder(), IN_LANES)
    assert "2 trials train one by one" in caplog.text
    assert "random" in caplog.text
    again = train([replace(job, output_dir=job.output_dir / "again") for job in reversed(jobs)], Recorder(), NEVER)
    assert [result.metrics for result in first] == [result.metrics for result in reversed(again)]


def test_own_function_must_build_a_network(classification: Run) -> None:
    job = _own(classification, "a", lambda data: "no network", 0)
    with pytest.raises(TypeError, match=r"torch\.nn\.Module was expected"):
        train([job], Recorder(), NEVER)


@pytest.mark.parametrize(("slowdown", "chosen"), [(0.1, 8), (1.0, 1), (2.0, 1)])
def test_probe_takes_more_lanes_only_while_they_pay(
    classification: Run, monkeypatch: pytest.MonkeyPatch, slowdown: float, chosen: int
) -> None:
    # A step of n lanes costs 1 + slowdown * (n - 1) seconds on this machine.
    def lane_step_s(lanes: list[Lane], device: torch.device, clock: object, precision: str) -> float:
        return 1 + slowdown * (len(lanes) - 1)

    monkeypatch.setattr(probe, "_lane_step_s", lane_step_s)
    monkeypatch.setattr(probe, "_known", {})
    lanes = [Lane(classification.job(str(place))) for place in range(8)]
    assert choose_lanes(lanes, "key", CPU) == chosen


def test_probe_leaves_the_lanes_as_they_were(classification: Run) -> None:
    lanes = [Lane(classification.job(str(place), dropout=0.3)) for place in range(3)]
    before = [{name: tensor.clone() for name, tensor in lane.state.network.items()} for lane in lanes]
    assert 1 <= choose_lanes(lanes, "another key", CPU) <= 3
    for lane, state in zip(lanes, before, strict=True):
        assert lane.progress.epoch == 0
        assert all(torch.equal(lane.state.network[name], tensor) for name, tensor in state.items())


def test_memory_that_runs_out_halves_the_lanes(classification: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []
    monkeypatch.setattr(groups, "Program", _too_large_beyond(2, tried))
    results = train([classification.job(str(place), dropout=0.1 * place) for place in range(8)], Recorder(), EIGHT)
    assert {result.outcome for result in results} == {Outcome.COMPLETE}
    assert tried[:3] == [8, 4, 2]
    assert max(tried[2:]) == 2
    alone, _ = classification.train_one("alone", dropout=0.3)
    assert results[3].metrics == pytest.approx(alone.metrics, rel=1e-3)


def test_lane_that_does_not_fit_alone_is_out_of_memory(classification: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "Program", _too_large_beyond(0, []))
    recorder = Recorder()
    results = train([classification.job("a"), classification.job("b")], recorder, EIGHT)
    assert [result.outcome for result in results] == [Outcome.OOM, Outcome.OOM]
    assert "tried to allocate 3 lanes" not in results[0].reason
    assert "does not fit into memory: out of memory with 1 lanes" in results[0].reason
    assert recorder.reports == []


def test_memory_that_runs_out_late_repeats_no_report(classification: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Late(Program):
        n_epochs = 0

        def train_epoch(self) -> list[Measured]:
            Late.n_epochs += 1
            if Late.n_epochs == 3:
                raise torch.OutOfMemoryError("out of memory late")
            return super().train_epoch()

    monkeypatch.setattr(groups, "Program", Late)
    recorder = Recorder()
    results = train([classification.job(str(place)) for place in range(2)], recorder, EIGHT)
    assert {result.outcome for result in results} == {Outcome.COMPLETE}
    assert [r.epoch for r in recorder.reports if r.lane_id == "0"] == [1, 2, 3, 4]
    alone, _ = classification.train_one("alone")
    assert results[0].metrics == pytest.approx(alone.metrics, rel=1e-3)


def test_waiting_lane_is_stopped_without_a_place(classification: Run) -> None:
    class Impatient(Recorder):
        def on_wait(self, lane_id: str) -> Decision:
            return Decision.STOP

    jobs = [classification.job("first"), classification.job("second")]
    first, second = train(jobs, Impatient(), replace(IN_LANES, n_lanes=1))
    assert (first.outcome, second.outcome) == (Outcome.COMPLETE, Outcome.STOPPED)
    assert second.epoch == 0
    assert second.metrics == {}


def test_lanes_of_several_ages_keep_their_own_checkpoints(classification: Run) -> None:
    jobs = [classification.job("short", epochs=1), classification.job("long"), classification.job("late")]
    recorder = Recorder()
    train(jobs, recorder, replace(EVERY_EPOCH, n_lanes=2))
    assert [(lane, epoch) for lane, epoch, _ in recorder.checkpoints if lane == "late"] == [
        ("late", 1),
        ("late", 2),
        ("late", 3),
    ]


def test_impossible_combination_is_refused_before_anything_trains(classification: Run) -> None:
    recorder = Recorder()
    with pytest.raises(CatalogueError) as refusal:
        train([classification.job("a"), classification.job("b", schedule="one_cycle", warmup=0.1)], recorder, NEVER)
    assert refusal.value.code == "impossible_combination"
    assert recorder.reports == []
    train([classification.job("c", schedule="one_cycle")], recorder, NEVER)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("cross_entropy", lambda x, y: F.cross_entropy(x, y, label_smoothing=0.2)),
        ("binary_cross_entropy", lambda x, y: F.binary_cross_entropy_with_logits(x, F.one_hot(y, 4).float()) * 4),
        ("hinge", lambda x, y: F.multilabel_soft_margin_loss(x, F.one_hot(y, 4)) * 0 + _hinge(x, y)),
    ],
)
def test_losses_of_classes_equal_torchs(name: str, reference: object) -> None:
    x, y = torch.randn(9, 4), torch.arange(9) % 4
    each = CRITERIA[name](x, y, {"label_smoothing": torch.tensor(0.2)})
    assert callable(reference)
    torch.testing.assert_close(each.mean(), reference(x, y))


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("mse", F.mse_loss),
        ("mae", F.l1_loss),
        ("huber", lambda x, y: F.smooth_l1_loss(x, y, beta=0.7)),
    ],
)
def test_losses_of_numbers_equal_torchs(name: str, reference: object) -> None:
    x, y = torch.randn(9, 1), torch.randn(9)
    each = CRITERIA[name](x, y, {"huber_delta": torch.tensor(0.7)})
    assert callable(reference)
    torch.testing.assert_close(each.mean(), reference(x[:, 0], y))


@pytest.mark.parametrize("name", CRITERIA)
def test_losses_of_lanes_are_those_of_each_alone(name: str) -> None:
    numbers = {"label_smoothing": torch.tensor([0.0, 0.3]), "huber_delta": torch.tensor([0.5, 2.0])}
    is_class = name in ("cross_entropy", "binary_cross_entropy", "hinge")
    x, y = torch.randn(2, 7, 3 if is_class else 1), torch.arange(14).view(2, 7) % 3 if is_class else torch.randn(2, 7)
    together = CRITERIA[name](x, y, numbers)
    for lane in range(2):
        alone = CRITERIA[name](x[lane], y[lane], {key: values[lane] for key, values in numbers.items()})
        torch.testing.assert_close(together[lane], alone)


def test_balanced_weights_let_classes_count_alike() -> None:
    targets = torch.tensor([0, 0, 0, 1, 2, 2])
    weights = balanced_weights(targets, 4)
    totals = [weights[targets[targets == which]].sum().item() for which in range(3)]
    assert totals == pytest.approx([2, 2, 2])
    assert weights[3] == 0


def test_class_weights_move_the_loss_of_rare_classes_only_in_their_lane(classification: Run) -> None:
    plain, weighted = train(
        [classification.job("plain"), classification.job("weighted", class_weights="balanced")], Recorder(), IN_LANES
    )
    alone, _ = classification.train_one("alone")
    assert plain.metrics == pytest.approx(alone.metrics, rel=1e-3)
    assert weighted.outcome is Outcome.COMPLETE


def test_penalties_are_the_gradients_of_what_they_say() -> None:
    slots = (Slot("w", torch.Size([3, 4]), 0, 12), Slot("b", torch.Size([3]), 16, 19))
    weights = torch.randn(2, 32, generator=torch.Generator().manual_seed(0))
    weights[:, 12:16] = 0
    weights[:, 19:] = 0
    params = [{"l1": 0.1, "l2": 0.2, "performance_ratio": 0.7, "clip_norm": 0.0}, {"clip_norm": 0.5}]
    gradients = torch.ones(2, 32)
    gradients[:, 12:16] = 0
    gradients[:, 19:] = 0
    before = gradients.clone()
    make_penalties(params, slots, weights).apply(gradients, weights)
    w = weights[0].clone().requires_grad_()
    penalty = 0.3 * w.square().sum() / 15 + 0.2 * w[:12].square().sum() + 0.1 * w[:12].abs().sum()
    [expected] = torch.autograd.grad(penalty, w)
    torch.testing.assert_close(gradients[0], 0.7 * before[0] + expected)
    assert gradients[1].norm().item() == pytest.approx(0.5, rel=1e-4)
    torch.testing.assert_close(F.normalize(gradients[1], dim=0), F.normalize(before[1], dim=0))


@pytest.mark.parametrize(
    ("schedule", "warmup", "at", "factor"),
    [
        ("constant", 0.0, 50, 1.0),
        ("constant", 0.1, 0, 0.1),
        ("constant", 0.1, 9, 1.0),
        ("step", 0.0, 33, 1.0),
        ("step", 0.0, 34, 0.1),
        ("step", 0.0, 67, 0.01),
        ("cosine", 0.0, 0, 1.0),
        ("cosine", 0.0, 50, 0.5),
        ("one_cycle", 0.0, 0, 0.04),
        ("one_cycle", 0.0, 30, 1.0),
    ],
)
def test_schedules(schedule: str, warmup: float, at: int, factor: float) -> None:
    assert rate_factor(schedule, warmup, at, 100) == pytest.approx(factor)


@pytest.mark.parametrize("schedule", ["constant", "step", "cosine", "one_cycle"])
def test_schedules_stay_between_nothing_and_the_rate(schedule: str) -> None:
    factors = [rate_factor(schedule, 0.0 if schedule == "one_cycle" else 0.2, step, 60) for step in range(60)]
    assert all(0 < factor <= 1 for factor in factors)
    assert schedule == "constant" or factors[-1] < 0.05


def test_stack_gives_back_what_it_was_given() -> None:
    states = []
    for seed in range(3):
        torch.manual_seed(seed)
        network = ordinary(DataShape("classification", "table", (5,), 3))
        states.append({name: t.clone() for name, t in network.state_dict().items() if t.is_floating_point()})
    stack = Stack(network, states, is_lane_aware=False)
    for lane, state in enumerate(states):
        found = stack.state_dict(lane)
        assert found.keys() == state.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in state.items())
    with pytest.raises(RuntimeError, match="shape"):
        stack.load_state_dict(0, {**states[0], "0.weight": torch.zeros(2, 2)})


EIGHT = TrainSettings(checkpoint_every_s=float("inf"), n_lanes=8)


def _hinge(x: Tensor, y: Tensor) -> Tensor:
    total = torch.zeros(())
    for row, right in zip(x, y, strict=True):
        total += sum(
            ((1 - (1 if which == right else -1) * score).clamp(min=0) for which, score in enumerate(row)),
            start=torch.zeros(()),
        )
    return total / len(x)


def _own(run: Run, lane_id: str, build: object, seed: int) -> TrainJob:
    params: Mapping[str, ParamValue] = {"epochs": 3, "batch_size": 32, "learning_rate": 0.01 * (seed + 1)}
    return replace(run.job(lane_id), model="custom", params=params, seed=seed, build=build)  # type: ignore[arg-type]


def _too_large_beyond(limit: int, tried: list[int]) -> type[Program]:
    class Limited(Program):
        def __init__(self, lanes: list[Lane], device: torch.device, precision: Precision) -> None:
            tried.append(len(lanes))
            if len(lanes) > limit:
                raise torch.OutOfMemoryError(f"out of memory with {len(lanes)} lanes")
            super().__init__(lanes, device, precision)

    return Limited
