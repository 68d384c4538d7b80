"""Disk space, inodes and rights of the folders in which state is kept."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tunewell.doctor.finding import GIB, MIB, Finding, ok, problem, size_words, warning

MIN_FREE_BYTES, LOW_FREE_BYTES = 200 * MIB, 2 * GIB
MIN_FREE_INODES, LOW_FREE_INODES = 1_000, 10_000
_PROBE = b"\0" * 65_536


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that something is written into, there or not yet."""

    name: str
    path: Path


@dataclass(frozen=True, slots=True)
class Space:
    """What is left of a file system; `n_free_inodes` is None where it does not count any."""

    free_bytes: int
    total_bytes: int
    n_free_inodes: int | None


def places_of(home: Path | None, runs: Path) -> tuple[Place, ...]:
    """Return the folders that matter.

    Args:
        home: State folder of this machine's workers; None where it has none.
        runs: Where the SDK keeps runs that the server has not heard.
    """
    of_home = () if home is None else _of_home(home)
    return (*of_home, Place("runs", runs), Place("temporary folder", Path(tempfile.gettempdir())))


def _of_home(home: Path) -> tuple[Place, ...]:
    return Place("home", home), Place("data sets", home / "datasets"), Place("spool", home / "workers")


def check_folders(places: Iterable[Place]) -> Iterator[Finding]:
    """Look at the space of each file system, and at the rights of each folder."""
    places = tuple(places)
    systems: dict[int, list[Place]] = {}
    for place in places:
        systems.setdefault(nearest(place.path).stat().st_dev, []).append(place)
    for members in systems.values():
        yield check_space(members, read_space(members[0].path))
    seen: set[Path] = set()
    for place in places:
        folder = nearest(place.path)
        if folder == place.path.absolute() or folder not in seen:  # else it will be made in a folder that is told
            yield check_rights(place)
        seen.add(folder)


def check_space(members: Iterable[Place], space: Space) -> Finding:
    """Judge what is left of the file system that holds these folders."""
    name = f"space of {', '.join(place.name for place in members)}"
    seen = f"{size_words(space.free_bytes)} of {size_words(space.total_bytes)} free"
    inodes = space.n_free_inodes
    if inodes is not None and inodes < LOW_FREE_INODES:
        seen += f", {inodes} inodes left"
    remedy = (
        "checkpoints, data sets and unsent reports need room: free some, or choose another place with TUNEWELL_HOME"
    )
    if space.free_bytes < MIN_FREE_BYTES or (inodes is not None and inodes < MIN_FREE_INODES):
        return problem(name, seen, remedy)
    if space.free_bytes < LOW_FREE_BYTES or (inodes is not None and inodes < LOW_FREE_INODES):
        return warning(name, seen, remedy)
    return ok(name, seen)


def check_rights(place: Place) -> Finding:
    """Try whether a folder can be written, and look whether others may.

    Effects:
        Writes a file of 64 KiB there, or into the folder that would hold the missing one, and removes it.
    """
    name, folder = f"rights of {place.name}", nearest(place.path)
    is_there = folder == place.path.absolute()
    seen = str(place.path) if is_there else f"{place.path} (not made yet)"
    failure = "it is no folder" if os.path.isfile(place.path) else probe(folder)
    if failure is not None:
        remedy = f"let this user write there, or choose another place{_SETTING.get(place.name, '')}"
        return problem(name, f"{seen}: {failure}", remedy)
    found = folder.stat()
    mode = f"{stat.S_IMODE(found.st_mode):04o}"
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
        remedy = f"whoever is on this machine can replace data and networks: chmod o-w {folder}"
        return problem(name, f"{seen}: every user may write (mode {mode})", remedy)
    if hasattr(os, "geteuid") and found.st_uid not in (os.geteuid(), 0):
        remedy = "its owner can replace what lies there: use a folder of this user"
        return warning(name, f"{seen}: belongs to user {found.st_uid}", remedy)
    return ok(name, f"{seen} (mode {mode})" if is_there else seen)


_SETTING = {
    "home": ": TUNEWELL_HOME or --home",
    "data sets": ": TUNEWELL_HOME or --home",
    "spool": ": TUNEWELL_HOME or --home",
    "runs": ": TUNEWELL_RUNS",
    "temporary folder": ": TMPDIR",
}


def nearest(path: Path) -> Path:
    """Return the folder itself or, while it is not there, the next one above it that is."""
    path = path.absolute()
    return next(one for one in (path, *path.parents) if os.path.isdir(one))  # where looking is forbidden: False


def probe(folder: Path) -> str | None:
    """Write and remove a small file; return why that failed, or None."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".tunewell-doctor-") as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return None


def read_space(path: Path) -> Space:
    """Return what is left for users without privileges where a folder lies, or would."""
    found = os.statvfs(nearest(path))
    return Space(
        free_bytes=found.f_bavail * found.f_frsize,
        total_bytes=found.f_blocks * found.f_frsize,
        n_free_inodes=found.f_favail if found.f_files else None,
    )
