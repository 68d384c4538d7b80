"""Unpack an archive of a stranger's into an empty folder, and nowhere else."""

from __future__ import annotations

import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from tunewell.code.source import MAX_FILES, MAX_UNPACKED_BYTES
from tunewell.errors import Invalid, Problem

_MAX_RATIO = 200  # what no code compresses to
_RATIO_FROM_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 20
_FILE_KINDS = (0, stat.S_IFREG)  # 0: made on a system without permissions


def unpack(
    archive: Path, target: Path, *, leaves_links_out: bool = False, tick: Callable[[], None] = lambda: None
) -> int:
    """Unpack a ZIP file.

    Args:
        archive: The file.
        target: A folder to be made.
        leaves_links_out: Whether links are left out, as in repositories; else they are refused.
        tick: Called now and then; what it raises ends it.

    Returns:
        How many links were left out.

    Raises:
        Invalid: `bad_archive`: a name that leads out of the folder, a link or a device, a name twice, encryption, too
            many files or bytes, or bytes that are no archive.
        OSError: It cannot be read, or the folder not be written.
    """
    target.mkdir()
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = opened.infolist()
            links = [one for one in entries if _kind(one) == stat.S_IFLNK] if leaves_links_out else []
            kept = [one for one in entries if one not in links]
            _check_all(kept)
            for one in kept:
                tick()
                _write(opened, one, target)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, RuntimeError, UnicodeError) as error:
        raise _bad(f"it cannot be read: {error}") from error
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise _bad(f"a name in it is a file and a folder: {error.filename}") from error
    return len(links)


def _check_all(entries: list[zipfile.ZipInfo]) -> None:
    n_bytes = sum(one.file_size for one in entries)
    if len(entries) > MAX_FILES or n_bytes > MAX_UNPACKED_BYTES:
        raise _bad(f"{len(entries)} files of {n_bytes} bytes; at most {MAX_FILES} of {MAX_UNPACKED_BYTES} are unpacked")
    seen: set[str] = set()
    for one in entries:
        name = one.orig_filename
        if name in seen:
            raise _bad(f"{name!r} is in it twice")
        seen.add(name)
        _check(one, name)


def _check(entry: zipfile.ZipInfo, name: str) -> None:
    parts = name.rstrip("/").split("/")
    if not name.isprintable() or "\\" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        raise _bad(f"the name {name!r} leads out of its folder, or none can have it")
    if _kind(entry) not in ((*_FILE_KINDS, stat.S_IFDIR) if entry.is_dir() else _FILE_KINDS):
        raise _bad(f"{name!r} is a link or a device")
    if entry.flag_bits & 1:
        raise _bad(f"{name!r} is encrypted")
    if entry.file_size > _RATIO_FROM_BYTES and entry.file_size > _MAX_RATIO * max(1, entry.compress_size):
        raise _bad(f"{name!r} grows to more than {_MAX_RATIO} times its size")


def _kind(entry: zipfile.ZipInfo) -> int:
    return stat.S_IFMT(entry.external_attr >> 16)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    path = target.joinpath(*PurePosixPath(entry.orig_filename).parts)
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    left = entry.file_size
    with archive.open(entry) as source, path.open("xb") as file:
        while block := source.read(_BLOCK_BYTES):
            left -= len(block)
            if left < 0:  # what is announced is what was counted
                raise _bad(f"{entry.orig_filename!r} is larger than it says")
            file.write(block)
    if (entry.external_attr >> 16) & 0o100:
        path.chmod(0o755)


def _bad(what: str) -> Invalid:
    return Invalid(Problem("bad_archive", f"the archive of code is not unpacked: {what}", field="source"))
