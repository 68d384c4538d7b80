"""What a network has learned to draw, as a PNG: examples it makes, or images above their reconstructions."""

import struct
import zlib
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.data.dataset import Dataset
from models.measures.evaluation import read_part
from models.networks.capsnet import CapsNet
from models.networks.gan import GAN
from models.networks.sampling import sample
from models.networks.saved import Network

SAMPLES_FILE = "samples.png"
RECONSTRUCTIONS_FILE = "reconstructions.png"
N_SAMPLES, N_RECONSTRUCTIONS, N_COLUMNS = 64, 16, 16
_RANGE_ROWS = 256
_GAP_PX = 1


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture by the name of its file."""

    name: str
    png: bytes


def draw_network(network: Network, dataset: Dataset, seed: int) -> Drawing | None:
    """Draw what a trained network draws; None for one that does not, or whose examples are no images.

    A GAN shows 64 examples. A capsule network shows the first 16 images of the validation part, and below each what its
    decoder makes of what was recognised. Black and white are the least and the largest number of the data.

    Args:
        network: trained.
        dataset: what it was trained on.
        seed: decides which examples a GAN shows.

    Effects:
        Puts the network into evaluation mode.
    """
    shape = network.config.data.shape
    if len(shape) != 3 or shape[0] not in (1, 3):
        return None
    if isinstance(network.body, GAN):
        return Drawing(SAMPLES_FILE, _to_png(sample(network, N_SAMPLES, seed), _range(network, dataset)))
    if isinstance(network.body, CapsNet):
        return Drawing(RECONSTRUCTIONS_FILE, _to_png(_pairs(network, network.body, dataset), _range(network, dataset)))
    return None


def _pairs(network: Network, body: CapsNet, dataset: Dataset) -> Tensor:
    """Return images and then their reconstructions in the unit of the raw data: (2 * n, channels, height, width)."""
    x = read_part(dataset, "val").features[:N_RECONSTRUCTIONS]  # (n, d)
    network.eval()
    with torch.inference_mode():
        both = torch.cat([x, body.reconstruct(x)])  # (2 * n, d)
        raw = both * network.feature_scale + network.feature_mean  # (2 * n, d)
    return raw.view(-1, *network.config.data.shape)  # (2 * n, channels, height, width)


def _range(network: Network, dataset: Dataset) -> tuple[float, float]:
    x = read_part(dataset, "val").features[:_RANGE_ROWS]  # (n, d)
    raw = x * network.feature_scale + network.feature_mean  # (n, d)
    return float(raw.min()), float(raw.max())


def _to_png(images: Tensor, ends: tuple[float, float]) -> bytes:
    low, high = ends
    scaled = (images - low) / max(high - low, 1e-12)  # (n, channels, height, width)
    # NaN from a network that broke is shown as black: to cast it to a byte means nothing.
    shown = torch.nan_to_num(scaled, nan=0.0).clamp(0.0, 1.0).mul(255.0).round()  # (n, channels, height, width)
    return encode_png(tile(shown.to(torch.uint8).numpy(), N_COLUMNS))


def tile(images: np.ndarray, n_columns: int) -> np.ndarray:
    """Put images side by side, with a grey line in between.

    Args:
        images: (n, channels, height, width) uint8, with 1 or 3 channels.
        n_columns: in a row; the last row is filled up with grey.

    Returns:
        (rows, columns, channels) uint8.
    """
    n, channels, height, width = images.shape
    n_rows, n_columns = -(-n // n_columns), min(n, n_columns)
    size = (n_rows * (height + _GAP_PX) - _GAP_PX, n_columns * (width + _GAP_PX) - _GAP_PX, channels)
    sheet = np.full(size, 128, dtype=np.uint8)  # (rows, columns, channels)
    for place in range(n):
        top, left = place // n_columns * (height + _GAP_PX), place % n_columns * (width + _GAP_PX)
        sheet[top : top + height, left : left + width] = images[place].transpose(1, 2, 0)  # (height, width, channels)
    return sheet


def encode_png(pixels: np.ndarray) -> bytes:
    """Write a picture as PNG.

    Args:
        pixels: (rows, columns, channels) uint8; 1 channel is grey, 3 are red, green and blue.

    Source: Portable Network Graphics (PNG) Specification, third edition, W3C 2025; chunks 11.2, filter type 0 of 9.2.
    """
    n_rows, n_columns, channels = pixels.shape
    header = struct.pack(">IIBBBBB", n_columns, n_rows, 8, 0 if channels == 1 else 2, 0, 0, 0)
    lines = pixels.reshape(n_rows, -1)  # (rows, columns * channels)
    raw = np.concatenate([np.zeros((n_rows, 1), dtype=np.uint8), lines], axis=1)  # a filter type before each line
    data = zlib.compress(raw.tobytes(), 9)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
