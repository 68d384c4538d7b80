"""`python -m benchmarks.gan_samples`: train a generator on digits and show what it makes, in figures and a picture."""

from __future__ import annotations

import json
import struct
import tempfile
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import torch
import typer

from benchmarks.report import ROOT, describe_run
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, TrainJob
from models.engine.trainer import train
from models.networks.sampling import sample
from models.networks.saved import load_network

CACHE = Path.home() / ".cache" / "tunewell" / "datasets"
PICTURE = ROOT / "docs" / "images" / "gan-digits.png"
ROWS, COLUMNS = 8, 16
ZOOM = 6
"""Pixels of the picture along a pixel of an image."""
METRICS = ("frechet_distance", "kernel_distance", "diversity")

Bytes = npt.NDArray[np.uint8]


class Curves:
    """A listener that keeps the distances of each epoch."""

    def __init__(self) -> None:
        """Start empty."""
        self.epochs: list[dict[str, float]] = []

    def on_epoch(self, report: EpochReport) -> Decision:
        """Keep the figures and go on."""
        self.epochs.append({"epoch": report.epoch, **{name: float(f"{report.metrics[name]:.4g}") for name in METRICS}})
        return Decision.CONTINUE

    def on_wait(self, lane_id: str) -> Decision:
        """Go on."""
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Take no note."""

    def on_end(self, result: LaneResult) -> None:
        """Take no note."""


def main(
    epochs: Annotated[int, typer.Option(min=1)] = 100,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    picture: Annotated[Path, typer.Option(help="Where the picture goes.")] = PICTURE,
    cache_dir: Annotated[Path, typer.Option(help="Folder of prepared data sets.")] = CACHE,
) -> None:
    """Train with the catalogue's defaults, print the distances of each epoch as JSON and write a picture of samples."""
    torch.set_num_threads(1)
    document = describe_run(seed=seed, is_quick=False, started_at=datetime.now(UTC))
    dataset = load_dataset(prepare_dataset("digits", cache_dir))
    curves, images = train_and_sample(dataset, epochs, seed)
    picture.write_bytes(as_png(as_grid(images)))
    print(json.dumps({**document, "epochs": curves.epochs}, indent=2))


def train_and_sample(dataset: Dataset, epochs: int, seed: int) -> tuple[Curves, torch.Tensor]:
    """Train one GAN and make enough images for the picture, of the best epoch's weights.

    Returns:
        The figures, and images (n, channels, height, width) in the scale of the raw data.
    """
    curves = Curves()
    with tempfile.TemporaryDirectory(prefix="tunewell-gan-") as folder:
        params = {"epochs": epochs, "restore_best": True}
        [result] = train([TrainJob("gan", "gan", params, dataset, seed, Path(folder))], curves)
        network = load_network(result.network_files[0].parent)
    return curves, sample(network, ROWS * COLUMNS, seed)


def as_grid(images: torch.Tensor) -> Bytes:
    """Lay images (n, 1, h, w) out in rows, dark on light; returns (height, width) grey values."""
    low, high = images.min(), images.max()
    grey = (255 * (high - images[:, 0]) / (high - low)).round().to(torch.uint8).numpy()  # (n, h, w)
    grey = np.pad(grey, ((0, 0), (1, 1), (1, 1)), constant_values=255)  # (n, h + 2, w + 2)
    n, h, w = grey.shape
    grid = grey.reshape(n // COLUMNS, COLUMNS, h, w).transpose(0, 2, 1, 3).reshape(n // COLUMNS * h, COLUMNS * w)
    return np.kron(grid, np.ones((ZOOM, ZOOM), np.uint8))  # (height, width)


def as_png(grey: Bytes) -> bytes:
    """Encode a grey picture (height, width); PNG specification, sections 5 and 11.2."""
    height, width = grey.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits of grey, no interlace
    lines = np.pad(grey, ((0, 0), (1, 0))).tobytes()  # each line begins with its filter, 0 for none
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


if __name__ == "__main__":
    typer.run(main)
