"""Arrays of NumPy's in one file: features and targets, split already or not. Pickled objects are never read."""

import io
import math
import zipfile
from pathlib import Path

import numpy as np

from models.data.digests import Array
from models.data.layout import PART_NAMES
from models.data.uploads.archives import open_archive, read_member
from models.data.uploads.options import Limits, Unreadable
from models.data.uploads.sources import ArraySource

_WHOLE = (("x", "y"), ("data", "target"), ("features", "targets"), ("images", "labels"), ("features", "labels"))
_ALIASES = {"val": ("val", "valid", "validation"), "train": ("train",), "test": ("test",)}


def read_npz(path: Path, limits: Limits) -> ArraySource:
    """Read features and targets.

    Accepted are arrays `x` and `y` (or data and target, features and targets, images and labels; case does not matter),
    or `x_train`, `y_train` with `x_test`, `y_test` and perhaps `x_val`, `y_val`, which are then the split.

    Args:
        path: the file.
        limits: the most that is read.

    Raises:
        Unreadable: `arrays_missing`, `pickled_array`, `not_an_array`, `not_numbers`, `unequal_rows`, or what
            `open_archive` refuses.
    """
    with open_archive(path, limits) as (archive, members):
        arrays = {_name(member): _read(archive, member) for member in members if member.filename.endswith(".npy")}
    split = _find_split(arrays)
    if split:
        return _joined(split)
    for x, y in _WHOLE:
        if x in arrays and y in arrays:
            return _checked(arrays[x], arrays[y])
    found = ", ".join(sorted(arrays)) or "none"
    raise Unreadable(
        "arrays_missing", f"the file holds the arrays {found}: needed are x and y, or x_train, y_train, x_test, y_test"
    )


def _name(member: zipfile.ZipInfo) -> str:
    return member.filename.removesuffix(".npy").lower()


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    content = io.BytesIO(read_member(archive, member))
    try:
        _check_header(content, member)
        content.seek(0)
        array: Array = np.lib.format.read_array(content, allow_pickle=False)
    except ValueError as error:
        raise Unreadable("not_an_array", f"{member.filename!r} is no array of NumPy's: {error}") from error
    return array


def _check_header(content: io.BytesIO, member: zipfile.ZipInfo) -> None:
    """Refuse pickled objects, and a header that promises more numbers than there are bytes."""
    version = np.lib.format.read_magic(content)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(content)
    if dtype.hasobject:
        message = f"{member.filename!r} holds pickled Python objects, which are never read: store plain numbers"
        raise Unreadable("pickled_array", message)
    n_bytes = math.prod(shape) * dtype.itemsize
    if n_bytes != member.file_size - content.tell():
        message = f"{member.filename!r} says that it has {n_bytes} bytes of numbers, and has {member.file_size}"
        raise Unreadable("not_an_array", message)


def _find_split(arrays: dict[str, Array]) -> dict[str, tuple[Array, Array]]:
    found: dict[str, tuple[Array, Array]] = {}
    for part, aliases in _ALIASES.items():
        for alias in aliases:
            x, y = arrays.get(f"x_{alias}"), arrays.get(f"y_{alias}")
            if x is not None and y is not None:
                found[part] = (x, y)
    if found and not {"train", "test"} <= set(found):
        message = f"x and y are there for {', '.join(sorted(found))}: needed are train and test, and val where there is"
        raise Unreadable("arrays_missing", message)
    return found


def _joined(split: dict[str, tuple[Array, Array]]) -> ArraySource:
    for part, (x, y) in split.items():
        if x.shape[1:] != split["train"][0].shape[1:]:
            message = f"examples of {part} are of shape {x.shape[1:]}, those of train {split['train'][0].shape[1:]}"
            raise Unreadable("unequal_rows", message)
        _checked(x, y)
    present = [part for part in PART_NAMES if part in split]
    source = _checked(
        np.concatenate([split[part][0] for part in present]), np.concatenate([split[part][1] for part in present])
    )
    parts, start = {}, 0
    for part in present:
        n = len(split[part][0])
        parts[part] = np.arange(start, start + n)
        start += n
    return ArraySource(source.features, source.targets, source.names, parts, source.kind)


def _checked(features: Array, targets: Array) -> ArraySource:
    if features.dtype.kind not in "biuf" or features.ndim < 2:
        message = f"features are {features.dtype} of shape {features.shape}: needed are numbers, (n, columns) or more"
        raise Unreadable("not_numbers", message)
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = targets[:, 0]
    if targets.dtype.kind not in "biufSU" or targets.ndim != 1:
        message = f"targets are {targets.dtype} of shape {targets.shape}: needed are numbers or names, one a row: (n,)"
        raise Unreadable("not_numbers", message)
    if len(features) != len(targets):
        raise Unreadable("unequal_rows", f"there are {len(features)} rows of features and {len(targets)} targets")
    if targets.dtype.kind in "SU":
        names, codes = np.unique(targets.astype(str), return_inverse=True)
        return ArraySource(features, codes.astype(np.int64), tuple(names.tolist()))
    return ArraySource(features, targets)
