"""Train a small network of your own and let Tunewell search it: two interleaved spirals, told apart by PyTorch.

    python examples/own_training.py --learning-rate 0.02       one run, tracked in the study `spirals`
    python examples/own_training.py --agent spirals-search     trials that a study proposes, until there are none left

`examples/own-training.yaml` is such a study: `tunewell study submit examples/own-training.yaml`.
"""

from __future__ import annotations

import argparse
import math

import torch
import tunewell
from torch import nn

N_POINTS = 400
N_TRAIN = 300


def make_spirals(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points (N_POINTS, 2) and the spiral that each lies on (N_POINTS,), shuffled."""
    generator = torch.Generator().manual_seed(seed)
    kind = torch.arange(N_POINTS) % 2
    turn = 3 * math.pi * torch.rand(N_POINTS, generator=generator).sqrt()
    angle = turn + math.pi * kind
    points = turn[:, None] / (3 * math.pi) * torch.stack((angle.cos(), angle.sin()), dim=1)
    return points + 0.01 * torch.randn(N_POINTS, 2, generator=generator), kind.float()


def build(n_hidden: int) -> nn.Sequential:
    """Return a network from two numbers to one."""
    return nn.Sequential(
        nn.Linear(2, n_hidden), nn.Tanh(), nn.Linear(n_hidden, n_hidden), nn.Tanh(), nn.Linear(n_hidden, 1)
    )


def train(run: tunewell.Run) -> None:
    """Train with a run's parameters, telling it each epoch, until it is done or given up."""
    torch.manual_seed(int(run.params.get("seed") or 0))
    points, labels = make_spirals(seed=1)
    model = build(int(run.params["hidden_units"] or 16))
    optimizer = torch.optim.Adam(model.parameters(), lr=float(run.params["learning_rate"] or 0.01))
    loss_of = nn.BCEWithLogitsLoss()
    for epoch in range(1, int(run.params["epochs"] or 1) + 1):
        loss = loss_of(model(points[:N_TRAIN]).squeeze(1), labels[:N_TRAIN])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            logits = model(points[N_TRAIN:]).squeeze(1)
        accuracy = ((logits > 0) == (labels[N_TRAIN:] > 0.5)).float().mean()
        values = {"train_loss": loss.item(), "val_loss": loss_of(logits, labels[N_TRAIN:]), "val_accuracy": accuracy}
        run.log(values, step=epoch)
        if run.should_prune():
            break


def main() -> None:
    """Do one run, or those that a study proposes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--agent", metavar="STUDY", help="run what this study proposes")
    parser.add_argument("--learning-rate", type=float, default=0.01)
    parser.add_argument("--hidden-units", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=100)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.agent:
        tunewell.agent(given.agent, train)
        return
    params = {"learning_rate": given.learning_rate, "hidden_units": given.hidden_units, "epochs": given.epochs}
    with tunewell.init("spirals", params) as run:
        train(run)


if __name__ == "__main__":
    main()
