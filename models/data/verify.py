"""Prepared data sets held against their names once more, whatever was found before."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from models.data.dataset import load_dataset
from models.data.errors import DatasetError
from models.data.shards import hash_folder

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(slots=True)
class Verified:
    """What a folder of prepared data sets holds: digests of sound ones, and what is wrong with each of the others."""

    sound: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)


def verify_cache(cache_dir: Path) -> Verified:
    """Read every prepared data set of a folder and hash it anew.

    Args:
        cache_dir: folder of prepared data sets.

    Returns:
        Which are sound. A file and a folder of one digest count as two.
    """
    verified = Verified()
    for path in sorted(cache_dir.iterdir()):
        if not (_SHA256.fullmatch(path.name) or (path.suffix == ".npz" and _SHA256.fullmatch(path.stem))):
            continue
        wrong = find_damage(path)
        if wrong is None:
            verified.sound.append(path.name)
        else:
            verified.damaged[path.name] = wrong
    return verified


def find_damage(path: Path) -> str | None:
    """Return what is wrong with a prepared data set, a file or a folder; None for a sound one."""
    try:
        if not path.is_dir():
            load_dataset(path)
            return None
        found = hash_folder(path)
    except (DatasetError, OSError, ValueError) as error:
        return str(error)
    return None if found == path.name else f"it holds data with the digest {found}"
