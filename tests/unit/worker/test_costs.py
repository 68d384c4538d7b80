"""What a finished network costs, against networks whose costs are known."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.unit.worker.test_training import Kept, make_order
from worker.costs import N_ANSWERS, answer_s, measure_costs
from worker.messages import LaneEnded
from worker.training import run_order


def test_an_answer_takes_the_median_of_many() -> None:
    seen: list[bool] = []

    class Counting(nn.Module):
        def forward(self, rows: torch.Tensor) -> torch.Tensor:
            seen.append(self.training or torch.is_grad_enabled())
            return rows  # (1, d)

    # Each look at the clock is 1 ms after the last, so an answer takes 1 ms and the time is soon up.
    ticks = itertools.count()
    network = Counting().train()
    assert answer_s(network, torch.zeros(1, 4), lambda: next(ticks) / 1000) == pytest.approx(0.001)
    assert not any(seen)
    assert answer_s(network, torch.zeros(1, 4), lambda: 0.0) == 0.0
    assert len(seen) > N_ANSWERS


def test_however_slow_a_network_is_one_answer_is_measured() -> None:
    ticks = itertools.count()
    assert answer_s(nn.Identity(), torch.zeros(1, 4), lambda: 60.0 * next(ticks)) == pytest.approx(60.0)


def test_a_finished_trial_says_what_its_network_costs(digits: Path, tmp_path: Path) -> None:
    channel = Kept()
    run_order(make_order(digits, tmp_path), channel, lambda _: "continue")
    [ended] = [message for message in channel.messages if isinstance(message, LaneEnded)]
    # 64 inputs, 8 hidden units, 10 classes, with a bias each.
    assert ended.metrics["n_parameters"] == (64 + 1) * 8 + (8 + 1) * 10
    stored = [Path(file) for file in ended.files if Path(file).name in ("model.safetensors", "model.json")]
    assert ended.metrics["network_bytes"] == sum(file.stat().st_size for file in stored)
    assert 0 < ended.metrics["predict_ms"] < 10_000
    assert 0 < ended.metrics["train_s"] < 600
    assert set(measure_costs(stored, None)) == {"n_parameters", "network_bytes"}
