"""Prepared data sets on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from worker.programs import ProgramFailed, run_models


class DatasetUnavailable(RuntimeError):
    """The data a claim names cannot be had on this machine; the message says why."""


def find_dataset(name: str, sha256: str, folder: Path, tick: Callable[[], None]) -> Path:
    """Return a prepared data set, made first where it is missing: in a process of its own, with libraries of its own.

    Args:
        name: Its name in the catalogue.
        sha256: The digest of its content.
        folder: Where prepared data sets lie.
        tick: Called a few times a second while it is made; what it raises ends that.

    Returns:
        A file, or a folder of files to be mapped.

    Raises:
        DatasetUnavailable: It cannot be made, or not with this content.
    """
    places = (folder / f"{sha256}.npz", folder / sha256)
    found = next((path for path in places if path.exists()), None)
    if found is not None:
        return found
    try:
        run_models(["prepare", name, "--cache-dir", str(folder)], tick)
    except ProgramFailed as error:
        raise DatasetUnavailable(f"the data set {name} cannot be prepared here: {error}") from error
    if not places[0].exists():
        raise DatasetUnavailable(
            f"the data set {name} has another content here than on the server, which wants {sha256}: "
            "the two run different versions of Tunewell"
        )
    return places[0]
