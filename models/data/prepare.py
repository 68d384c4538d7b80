"""Make the files of built-in data sets, in a content-addressed cache.

This may need scikit-learn, which takes a second to import, or a download, so a worker does it once; a trial's process
only reads the finished file (`models.data.dataset.load_dataset`), which takes milliseconds.
"""

import io
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from models.catalogue import DatasetInfo, DataShape, get_dataset
from models.data.dataset import Dataset, DatasetError, build_dataset, load_dataset
from models.data.images import fetch_mnist_5k
from models.data.raw import Raw, Recipe, Tell
from models.data.scaling import fit_scaling, standardise
from models.data.series import fetch_japanese_vowels, fetch_sunspots
from models.data.shards import save_folder
from models.data.tables import fetch_diamonds, first_classes, from_sklearn
from models.data.text import fetch_descriptions
from models.files import write_atomically

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "digits": from_sklearn("digits"),
        "breast_cancer": from_sklearn("breast_cancer"),
        "wine": from_sklearn("wine"),
        "iris": from_sklearn("iris"),
        "iris_two": first_classes(from_sklearn("iris"), 2),
        "diabetes": from_sklearn("diabetes", is_stratified=False),
        "diamonds": fetch_diamonds,
        "mnist_5k": fetch_mnist_5k,
        "japanese_vowels": fetch_japanese_vowels,
        "sunspots": fetch_sunspots,
        "descriptions": fetch_descriptions,
    }
)


def tell_nobody(sentence: str) -> None:
    """Keep quiet about what goes on."""


def prepare_dataset(name: str, cache_dir: Path, tell: Tell = tell_nobody, is_mapped: bool = False) -> Path:
    """Make sure that a built-in data set lies in the cache.

    Several processes may prepare the same data set at once: each writes a file of its own and renames it into place.

    Args:
        name: a name in the catalogue.
        cache_dir: folder of prepared data sets; made where it is missing.
        tell: is told what takes time.
        is_mapped: whether trials shall map the features instead of reading them.

    Returns:
        The file `<sha256>.npz`, or the folder `<sha256>` to be mapped; either is for `load_dataset`.

    Raises:
        CatalogueError: `unknown_dataset`.
        DatasetError: `unavailable_dataset`, when the source cannot be reached; `different_dataset`, when it supplies
            other data than the catalogue describes.

    Effects:
        Writes the file or folder unless a sound one is there; a damaged one is replaced.
    """
    info = get_dataset(name)
    path = cache_dir / (info.sha256 if is_mapped else f"{info.sha256}.npz")
    if _is_sound(path):
        return path
    tell(f"preparing {name}")
    built = build(info, cache_dir, tell)
    if built.sha256 != info.sha256:
        raise DatasetError(
            "different_dataset",
            f"The data set {name} prepared here has the digest {built.sha256}; the catalogue says {info.sha256}. "
            "Install the version of scikit-learn that the lock file names.",
        )
    (write_folder if is_mapped else _write_npz)(path, built)
    return path


def build(info: DatasetInfo, cache_dir: Path, tell: Tell = tell_nobody) -> Dataset:
    """Fetch a built-in data set from its source, split and standardise it.

    Args:
        info: the catalogue's entry.
        cache_dir: where downloads are kept, in its folder `wheels`.
        tell: is told what takes time.

    Raises:
        DatasetError: `unavailable_dataset`.
    """
    raw = RECIPES[info.name](cache_dir, tell)
    return assemble(raw, DataShape(info.task, info.kind, info.shape, info.n_classes or 1), info.is_chronological)


def assemble(raw: Raw, shape: DataShape, is_chronological: bool = False) -> Dataset:
    """Standardise what a source gave by the statistics of its training part, and part it.

    Raises:
        DatasetError: `inconsistent_dataset`.
    """
    train = raw.parts["train"]
    is_real = None if raw.is_real is None else raw.is_real[train]
    scaling = fit_scaling(raw.features[train], raw.targets[train], shape, is_real)
    features = standardise(raw.features, shape, scaling, raw.is_real)
    targets = raw.targets.astype(np.float32 if shape.task == "regression" else np.int64)
    arrays = {f"x_{part}": features[rows] for part, rows in raw.parts.items()}
    arrays |= {f"y_{part}": targets[rows] for part, rows in raw.parts.items()}
    return build_dataset(shape, arrays | scaling.members(), is_chronological)


def _is_sound(path: Path) -> bool:
    try:
        load_dataset(path)
    except (FileNotFoundError, DatasetError):
        return False
    return True


def _write_npz(path: Path, dataset: Dataset) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **dataset.members())
    write_atomically(path, buffer.getvalue())


def write_folder(path: Path, dataset: Dataset) -> None:
    """Write a data set as a folder `<sha256>` that trials map."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".shards-", dir=path.parent))
    try:
        save_folder(dataset.members(), temporary, path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
