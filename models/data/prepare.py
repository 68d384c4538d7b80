"""Make the files of built-in data sets, in a content-addressed cache.

This may need scikit-learn, which takes a second to import, or a download, so a worker does it once; a trial's process
only reads the finished file (`models.data.dataset.load_dataset`), which takes milliseconds.
"""

import io
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from models.catalogue import DatasetInfo, DataShape, get_dataset
from models.data.dataset import Array, Dataset, DatasetError, build_dataset, load_dataset
from models.data.images import fetch_mnist_5k
from models.data.raw import Raw, Recipe, Tell
from models.data.scaling import Doubles, column_statistics, fit_features
from models.data.series import fetch_japanese_vowels, fetch_sunspots
from models.data.tables import fetch_diamonds, from_sklearn
from models.data.text import fetch_descriptions
from models.files import write_atomically

RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "digits": from_sklearn("digits"),
        "breast_cancer": from_sklearn("breast_cancer"),
        "wine": from_sklearn("wine"),
        "iris": from_sklearn("iris"),
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


def prepare_dataset(name: str, cache_dir: Path, tell: Tell = tell_nobody) -> Path:
    """Make sure that a built-in data set lies in the cache.

    Several processes may prepare the same data set at once: each writes a file of its own and renames it into place.

    Args:
        name: a name in the catalogue.
        cache_dir: folder of prepared data sets; made where it is missing.
        tell: is told what takes time.

    Returns:
        The file, `<sha256>.npz`, for `load_dataset`.

    Raises:
        CatalogueError: `unknown_dataset`.
        DatasetError: `unavailable_dataset`, when the source cannot be reached; `different_dataset`, when it supplies
            other data than the catalogue describes.

    Effects:
        Writes the file unless a sound one is there; a damaged one is replaced.
    """
    info = get_dataset(name)
    path = cache_dir / f"{info.sha256}.npz"
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
    _write_npz(path, built.members())
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
    shape = DataShape(info.task, info.kind, info.shape, info.n_classes or 1)
    train = raw.parts["train"]
    mean, scale = fit_features(raw.features[train], shape, None if raw.is_real is None else raw.is_real[train])
    features = _standardise(raw, shape, mean, scale)
    targets = raw.targets.astype(np.float32 if info.task == "regression" else np.int64)
    arrays = {f"x_{part}": features[rows] for part, rows in raw.parts.items()}
    arrays |= {f"y_{part}": targets[rows] for part, rows in raw.parts.items()}
    target_mean, target_scale = np.zeros(1), np.ones(1)
    if info.task == "regression":
        target_mean, target_scale = column_statistics(raw.targets[train, None].astype(np.float64))
    statistics = {
        "feature_mean": mean,
        "feature_scale": scale,
        "target_mean": target_mean.reshape(()),
        "target_scale": target_scale.reshape(()),
    }
    arrays |= {name: values.astype(np.float32) for name, values in statistics.items()}
    return build_dataset(shape, arrays, info.is_chronological)


def _standardise(raw: Raw, shape: DataShape, mean: Doubles, scale: Doubles) -> Array:
    standard = ((raw.features - mean) / scale).astype(np.float32)
    if raw.is_real is not None:
        # After standardising, so that a step which only fills up looks like an average one.
        standard.reshape(-1, *shape.shape)[~raw.is_real] = 0
    return standard


def _is_sound(path: Path) -> bool:
    try:
        load_dataset(path)
    except (FileNotFoundError, DatasetError):
        return False
    return True


def _write_npz(path: Path, arrays: dict[str, Array]) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    write_atomically(path, buffer.getvalue())
