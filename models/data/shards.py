"""Data too large for memory: a folder of plain arrays, mapped instead of read.

The folder holds the same members as a data set's `.npz` file, one `<member>.npy` each, under the same digest.
`models.data.streaming` writes one chunk by chunk; what a trial reads of it are the rows of its next batches.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from models.data.digests import Array, digest
from models.data.errors import DatasetError
from models.data.layout import MEMBER_NAMES
from models.files import write_atomically

Stamp = dict[str, list[int]]


def open_folder(folder: Path) -> dict[str, Array]:
    """Map a folder's arrays and hold their content against the digest in the folder's name.

    Features and tokens stay in their files: `np.memmap`, read-only, since a writable mapping larger than the memory
    would be refused by most systems. Targets of one number an example are read, as are the few small members.

    The content is hashed once. A stamp beside the folder then remembers each file's size and time of change, and while
    those stay, later processes take the content on trust.

    Returns:
        The members by name.

    Raises:
        DatasetError: `corrupt_dataset`, when a member is missing or the content is not what the name says.
        ValueError: a file is not a whole array.

    Effects:
        Writes the stamp, `<digest>.verified.json`, unless the place is read-only.
    """
    found = {path.name for path in folder.iterdir()}
    wanted = {f"{name}.npy" for name in MEMBER_NAMES}
    if found != wanted:
        wrong = ", ".join(sorted(found ^ wanted))
        raise DatasetError("corrupt_dataset", f"{folder} does not hold a data set's members alone: {wrong}.")
    members = {name: _open_member(folder, name) for name in MEMBER_NAMES}
    stamp = _current_stamp(folder)
    if _read_stamp(folder) != stamp:
        sha256 = digest(members)
        if sha256 != folder.name:
            message = f"{folder} holds data with the digest {sha256}, not that of its name."
            raise DatasetError("corrupt_dataset", message)
        write_stamp(folder)
    return members


def publish_folder(temporary: Path, cache_dir: Path) -> Path:
    """Give a finished folder the name of its content.

    Args:
        temporary: a folder with all members, in `cache_dir`.
        cache_dir: folder of prepared data sets.

    Returns:
        The folder, `<sha256>`.

    Effects:
        Flushes the files to the disk and renames the folder, or removes it where a sound one of that name is there
        already; a damaged one is replaced. Writes the stamp.
    """
    members = {name: _open_member(temporary, name) for name in MEMBER_NAMES}
    folder = cache_dir / digest(members)
    del members
    _flush_members(temporary)
    if folder.exists() and not is_sound_folder(folder):
        shutil.rmtree(folder)
    try:
        temporary.rename(folder)
    except OSError:
        if not is_sound_folder(folder):  # else another process was faster, with the same content
            raise
        shutil.rmtree(temporary)
    write_stamp(folder)
    return folder


def hash_folder(folder: Path) -> str:
    """Return the digest of a folder's content as it is now, whatever its stamp says.

    Raises:
        OSError: a member is missing or cannot be read.
        ValueError: a file is not a whole array.
    """
    return digest({name: _open_member(folder, name) for name in MEMBER_NAMES})


def is_sound_folder(folder: Path) -> bool:
    """Tell whether a folder is there and holds what its name says."""
    try:
        open_folder(folder)
    except (OSError, ValueError, DatasetError):
        return False
    return True


def write_stamp(folder: Path) -> None:
    """Remember that the folder's files, as they are now, hold what its name says."""
    with suppress(OSError):  # a read-only place is verified anew each time
        write_atomically(_stamp_path(folder), json.dumps(_current_stamp(folder)).encode())


def save_member(folder: Path, name: str, array: Array) -> None:
    """Write a member that fits in memory."""
    np.save(folder / f"{name}.npy", array, allow_pickle=False)


def save_folder(members: Mapping[str, Array], temporary: Path, cache_dir: Path) -> Path:
    """Write members that fit in memory as a folder, for trials that must not hold them all.

    Args:
        members: a data set's arrays, see `Dataset.members`.
        temporary: an empty folder in `cache_dir`.
        cache_dir: folder of prepared data sets.

    Returns:
        The folder, `<sha256>`.

    Effects:
        Those of `publish_folder`.
    """
    for name, array in members.items():
        save_member(temporary, name, array)
    return publish_folder(temporary, cache_dir)


def _open_member(folder: Path, name: str) -> Array:
    path = folder / f"{name}.npy"
    if name[:2] not in ("x_", "y_"):
        return np.asarray(np.load(path, allow_pickle=False))
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    return mapped if mapped.ndim > 1 else np.array(mapped)


def _flush_members(folder: Path) -> None:
    # Before the stamp vouches for them: it would outlive a power cut that files still in memory do not.
    for path in folder.iterdir():
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _current_stamp(folder: Path) -> Stamp:
    status = {path.name: path.stat() for path in sorted(folder.iterdir())}
    return {name: [found.st_size, found.st_mtime_ns] for name, found in status.items()}


def _read_stamp(folder: Path) -> object:
    try:
        return json.loads(_stamp_path(folder).read_bytes())
    except (OSError, ValueError):
        return None


def _stamp_path(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.verified.json")
