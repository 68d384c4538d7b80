"""What a trial's process says about its lanes."""

from pathlib import Path

import pytest

from models.engine.jobs import LaneResult, Outcome
from tests.unit.models.helpers import make_dataset
from worker.messages import BatchOrder, LaneEnded, LaneOrder
from worker.training import JUDGED_AT_THE_END, Speaker

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
