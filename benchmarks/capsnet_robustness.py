"""`python -m benchmarks.capsnet_robustness`: capsules and convolutions on digits that are moved and turned, as JSON.

Both networks train on upright digits by the same engine, with the same number of weights, epochs and seeds; then the
test digits are moved by whole pixels in four directions and turned both ways. What leaves the image is lost.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from benchmarks.report import describe_run
from models.catalogue import ParamValue
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, TrainJob
from models.engine.trainer import TrainSettings, train
from models.measures.evaluation import read_part
from models.networks.registry import build_network
from models.networks.saved import load_network

CACHE = Path.home() / ".cache" / "tunewell" / "datasets"
SHIFTS, DEGREES = (0, 1, 2), (0, 15, 30)
DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))
CNN_CHANNELS = "32-64"


class Silence:
    """A listener that lets every lane train to its end."""

    def on_epoch(self, report: EpochReport) -> Decision:
        """Go on."""
        return Decision.CONTINUE

    def on_wait(self, lane_id: str) -> Decision:
        """Let lanes wait for their place."""
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Ignore the checkpoint."""

    def on_end(self, result: LaneResult) -> None:
        """Say that a network is ready."""
        print(f"{result.lane_id}: {result.reason}", file=sys.stderr)


def main(
    n_seeds: Annotated[int, typer.Option(help="Networks of each kind.", min=1)] = 5,
    epochs: Annotated[int, typer.Option(help="Passes over the training digits.", min=1)] = 30,
    augment_shift: Annotated[float, typer.Option(help="Pixels by which both are moved while they train.")] = 0.0,
    cache_dir: Annotated[Path, typer.Option(help="Folder of prepared data sets.")] = CACHE,
) -> None:
    """Train both kinds, test them on every distortion and print one JSON document."""
    torch.set_num_threads(1)
    document = describe_run(seed=0, is_quick=False, started_at=datetime.now(UTC))
    dataset = load_dataset(prepare_dataset("digits", cache_dir))
    both: Mapping[str, ParamValue] = {"epochs": epochs, "augment_shift": augment_shift}
    capsnet = {**both, "learning_rate": 2e-3}
    n_weights = count_weights("capsnet", capsnet, dataset)
    cnn = {**both, "channels": CNN_CHANNELS, "widths": str(equal_width(n_weights, dataset))}
    document |= {"training": {"n_seeds": n_seeds, **both}, "networks": {}}
    for model, params in (("capsnet", capsnet), ("cnn", cnn)):
        document["networks"][model] = {
            "params": params,
            "n_weights": count_weights(model, params, dataset),
            "test_accuracy": measure(model, params, dataset, n_seeds),
        }
    print(json.dumps(document, indent=2))


def equal_width(n_weights: int, dataset: Dataset) -> int:
    """Return the width of the dense layer that gives a convolutional network about as many weights."""
    narrow, wide = (count_weights("cnn", {"channels": CNN_CHANNELS, "widths": str(w)}, dataset) for w in (1, 2))
    return max(1, round((n_weights - narrow) / (wide - narrow)) + 1)


def count_weights(model: str, params: Mapping[str, ParamValue], dataset: Dataset) -> int:
    """Return how many numbers a network learns."""
    return sum(weight.numel() for weight in build_network(model, params, dataset.data_shape).parameters())


def measure(model: str, params: Mapping[str, ParamValue], dataset: Dataset, n_seeds: int) -> list[dict[str, Any]]:
    """Train networks of one kind and test them.

    Args:
        model: a name in the catalogue.
        params: its hyperparameters.
        dataset: digits.
        n_seeds: networks to train, with seeds from 0.

    Returns:
        For each shift in pixels and each angle in degrees the accuracy of each network and their mean. A network's
        accuracy is its mean over the directions and both senses of turning.
    """
    part = read_part(dataset, "test")
    mean, scale = torch.from_numpy(dataset.feature_mean), torch.from_numpy(dataset.feature_scale)
    images = (part.features * scale + mean).view(-1, *dataset.shape)  # (n, 1, h, w)  raw, so that nothing is 0
    with tempfile.TemporaryDirectory() as folder:
        jobs = [
            TrainJob(f"{model} {seed}", model, params, dataset, seed, Path(folder) / str(seed))
            for seed in range(n_seeds)
        ]
        results = train(jobs, Silence(), TrainSettings(checkpoint_every_s=math.inf))
        networks = [load_network(result.network_files[0].parent) for result in results]
    rows: list[dict[str, Any]] = []
    for shift in SHIFTS:
        for degrees in DEGREES:
            distorted = [moved(turned(images, sign * degrees), shift, way) for sign in (1, -1) for way in DIRECTIONS]
            each = [accuracy(network, distorted, part.targets) for network in networks]
            rows.append(
                {
                    "shift_pixels": shift,
                    "rotation_degrees": degrees,
                    "mean": round(sum(each) / len(each), 4),
                    "networks": [round(value, 4) for value in each],
                }
            )
    return rows


def accuracy(network: torch.nn.Module, versions: list[Tensor], targets: Tensor) -> float:
    """Return a network's mean accuracy over several versions (n, 1, h, w) of the same images."""
    with torch.inference_mode():
        right = [(network(images.flatten(1)).argmax(dim=-1) == targets).float().mean() for images in versions]  # ()
    return float(torch.stack(right).mean())


def moved(images: Tensor, shift: int, way: tuple[int, int]) -> Tensor:
    """Move images (n, 1, h, w) by whole pixels along a direction (down, right); black comes in from outside."""
    down, right = shift * way[0], shift * way[1]
    padded = F.pad(images, (shift, shift, shift, shift))  # (n, 1, h + 2 shift, w + 2 shift)
    height, width = images.shape[-2:]
    return padded[..., shift - down : shift - down + height, shift - right : shift - right + width]  # (n, 1, h, w)


def turned(images: Tensor, degrees: float) -> Tensor:
    """Turn images (n, 1, h, w) around their middle, mixing the four nearest pixels; black comes in from outside."""
    if degrees == 0:
        return images
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rotation = torch.tensor([[cosine, -sine, 0.0], [sine, cosine, 0.0]]).expand(len(images), 2, 3)  # (n, 2, 3)
    grid = F.affine_grid(rotation, list(images.shape), align_corners=False)  # (n, h, w, 2)
    return F.grid_sample(images, grid, align_corners=False)  # (n, 1, h, w)


if __name__ == "__main__":
    typer.run(main)
