"""What a trial's process says about its lanes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from models.engine.jobs import LaneResult, Outcome
from models.engine.trainer import TrainSettings
from tests.unit.models.helpers import make_dataset
from tests.unit.models.test_pictures import decode
from worker.messages import BatchOrder, LaneEnded, LaneOrder
from worker.settings import PRECISION_VARIABLE, WorkerSettings
from worker.slots import DEVICE_VARIABLE
from worker.training import JUDGED_AT_THE_END, Speaker, run_order, settings_of

Params = Mapping[str, float | int | str | bool | None]
CAPSULES: Params = {
    "epochs": 1,
    "conv_channels": 4,
    "primary_types": 2,
    "primary_dim": 4,
    "capsule_dim": 4,
    "routings": 1,
    "decoder_widths": "8",
}
LOSSES = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03, 0.02, 0.019, 0.018, 0.018)


class Kept:
    """A channel that keeps what is sent."""

    def __init__(self) -> None:
        self.messages: list[object] = []

    def send(self, message: object) -> None:
        """Keep a message."""
        self.messages.append(message)


@pytest.mark.parametrize(("outcome", "is_judged"), [(Outcome.COMPLETE, True), (Outcome.PRUNED, False)])
def test_fit_is_judged_by_whole_curves_only(tmp_path: Path, outcome: Outcome, is_judged: bool) -> None:
    lane = LaneOrder("1", {"epochs": 10}, 1, str(tmp_path), None)
    order = BatchOrder("mlp", "data.npz", "val_loss", "minimize", 10.0, (lane,))
    channel = Kept()
    speaker = Speaker(order, make_dataset("classification"), channel, lambda _: "continue")
    history = {"train_loss": LOSSES, "val_loss": LOSSES, "train_accuracy": (0.9,) * 10, "val_accuracy": (0.99,) * 10}
    speaker.on_end(LaneResult("1", outcome, "", 10, {"val_loss": 0.018}, 10, (), None, history, "val_loss"))
    [ended] = [message for message in channel.messages if isinstance(message, LaneEnded)]
    kinds = {str(finding["kind"]) for finding in ended.diagnosis}
    assert bool(kinds & JUDGED_AT_THE_END) == is_judged


def make_order(digits: Path, folder: Path) -> BatchOrder:
    """Return an order for one short training."""
    lane = LaneOrder("1", {"epochs": 1, "widths": "8"}, 1, str(folder), None)
    return BatchOrder("mlp", str(digits), "val_loss", "minimize", 10.0, (lane,))


@pytest.mark.parametrize(("device", "outcome"), [("cuda", "CRASHED"), ("cpu", "COMPLETE"), ("auto", "COMPLETE")])
def test_a_device_that_is_not_there_is_refused_for_good(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str, outcome: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv(DEVICE_VARIABLE, device)
    channel = Kept()
    run_order(make_order(digits, tmp_path), channel, lambda _: "continue")
    [ended] = [message for message in channel.messages if isinstance(message, LaneEnded)]
    assert (ended.outcome, ended.is_retryable) == (outcome, False)
    if outcome == "CRASHED":
        assert "no CUDA device" in ended.reason
        assert "give --device cpu" in ended.reason
        assert len(channel.messages) == 1


def test_trials_train_as_their_worker_was_started(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: WorkerSettings
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for name, value in replace(settings, device="cuda:1", precision="auto").trial_variables.items():
        monkeypatch.setenv(name, value)
    order = make_order(digits, tmp_path)
    assert settings_of(order) == TrainSettings(checkpoint_every_s=10.0, device="cuda:1", precision="auto")
    monkeypatch.delenv(DEVICE_VARIABLE)
    monkeypatch.delenv(PRECISION_VARIABLE)
    assert settings_of(order) == TrainSettings(checkpoint_every_s=10.0, device="cuda:0", precision="float32")


PICTURES: Mapping[str, tuple[Params, str, list[tuple[str, int, int]]]] = {
    "gan": ({"epochs": 1, "hidden_units": 8}, "frechet_distance", [("samples.png", 143, 35)]),
    "capsnet": (CAPSULES, "val_loss", [("reconstructions.png", 143, 17)]),
    "mlp": ({"epochs": 1, "widths": "8"}, "val_loss", []),
}


@pytest.mark.parametrize("model", PICTURES)
def test_networks_that_draw_leave_a_picture(digits: Path, tmp_path: Path, model: str) -> None:
    params, metric, expected = PICTURES[model]
    order = BatchOrder(model, str(digits), metric, "minimize", 10.0, (LaneOrder("1", params, 1, str(tmp_path), None),))
    channel = Kept()
    run_order(order, channel, lambda _: "continue")
    [ended] = [message for message in channel.messages if isinstance(message, LaneEnded)]
    assert ended.outcome == "COMPLETE", ended.reason
    found = []
    for file in (Path(name) for name in ended.files if name.endswith(".png")):
        (width, height, colour), pixels = decode(file.read_bytes())
        assert colour == 0
        assert len(set(pixels)) > 10
        found.append((file.name, width, height))
    assert found == expected
