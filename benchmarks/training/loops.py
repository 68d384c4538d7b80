"""The same trials trained by this repository's engine, by a careful loop and by the loop that most people write."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.training.cases import BATCH_SIZE, Case, trial_rate
from models.data.dataset import Dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, TrainJob
from models.engine.trainer import TrainSettings, train


class Silent:
    """A listener that lets every lane train to its end."""

    def on_epoch(self, report: EpochReport) -> Decision:
        """Go on."""
        return Decision.CONTINUE

    def on_wait(self, lane_id: str) -> Decision:
        """Go on."""
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Take no note."""

    def on_end(self, result: LaneResult) -> None:
        """Take no note."""


def engine(case: Case, data: Dataset, numbers: Sequence[int], n_lanes: int | None = None) -> list[float]:
    """Train trials with the engine, checkpoints and saved networks included.

    Args:
        case: what to train.
        data: on what.
        numbers: which trials.
        n_lanes: most at once; None for the engine's own choice, whose probe is part of the time.

    Returns:
        Validation accuracy of each.
    """
    with tempfile.TemporaryDirectory(prefix="tunewell-bench-") as folder:
        jobs = [
            TrainJob(
                lane_id=str(number),
                model=case.model,
                params={**case.params, "epochs": case.epochs, "learning_rate": trial_rate(number)},
                dataset=data,
                seed=number,
                output_dir=Path(folder) / str(number),
            )
            for number in numbers
        ]
        results = train(jobs, Silent(), TrainSettings(n_lanes=n_lanes))
    return [result.metrics["val_accuracy"] for result in results]


def careful(case: Case, data: Dataset, number: int) -> float:
    """Train one trial as a careful user would: resident tensors, fused Adam, no number read back within an epoch.

    Returns:
        Validation accuracy after the last epoch; loss and accuracy of both parts are computed after each.
    """
    torch.manual_seed(number)
    x, y = torch.from_numpy(data.x_train), torch.from_numpy(data.y_train)
    x_val, y_val = torch.from_numpy(data.x_val), torch.from_numpy(data.y_val)
    network = case.build()
    optimizer = torch.optim.Adam(network.parameters(), lr=trial_rate(number), fused=True)
    accuracy = 0.0
    for _ in range(case.epochs):
        network.train()
        order = torch.randperm(len(x))
        shuffled_x, shuffled_y = x[order], y[order]
        total = torch.zeros(())
        for at in range(0, len(x), BATCH_SIZE):
            rows, targets = shuffled_x[at : at + BATCH_SIZE], shuffled_y[at : at + BATCH_SIZE]
            loss = case.loss(network, rows, targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach() * len(rows)
        (total / len(x)).item()
        network.eval()
        with torch.inference_mode():
            scores = case.scores(network, x_val)
            F.cross_entropy(scores, y_val).item()
            accuracy = (scores.argmax(dim=1) == y_val).float().mean().item()
    return accuracy


def usual(case: Case, data: Dataset, number: int) -> float:
    """Train one trial as tutorials do: a DataLoader, plain Adam, the loss read back at every step.

    Returns:
        Validation accuracy after the last epoch.
    """
    torch.manual_seed(number)
    train_set = TensorDataset(torch.from_numpy(data.x_train), torch.from_numpy(data.y_train))
    val_set = TensorDataset(torch.from_numpy(data.x_val), torch.from_numpy(data.y_val))
    loader = DataLoader(train_set, batch_size=BATCH_SIZE, shuffle=True)
    val_loader = DataLoader(val_set, batch_size=BATCH_SIZE)
    network = case.build()
    optimizer = torch.optim.Adam(network.parameters(), lr=trial_rate(number))
    accuracy = 0.0
    for _ in range(case.epochs):
        network.train()
        total = 0.0
        for rows, targets in loader:
            loss = case.loss(network, rows, targets)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.item() * len(rows)
        network.eval()
        n_right = 0
        with torch.no_grad():
            for rows, targets in val_loader:
                n_right += int((case.scores(network, rows).argmax(dim=1) == targets).sum().item())
        accuracy = n_right / len(data.y_val)
    return accuracy
