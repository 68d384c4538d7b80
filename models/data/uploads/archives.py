"""What is in a ZIP file, before any of it is unpacked: names and sizes that a hostile one lies about are refused."""

import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from models.data.uploads.options import Limits, Unreadable

_BLOCK_BYTES = 1 << 20


@contextmanager
def open_archive(path: Path, limits: Limits) -> Iterator[tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]]:
    """Open a ZIP file and list its files, all of them looked over.

    Nothing is ever unpacked under a name of the archive's, so that none can lead anywhere; names that try are refused
    all the same.

    Args:
        path: the file.
        limits: how many files, how large, how tightly packed.

    Raises:
        Unreadable: `not_an_archive`, `too_many_files`, `unsafe_name`, `unsafe_member`, `too_large_unpacked` or
            `packed_too_tightly`.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [one for one in archive.infolist() if not one.is_dir()]
            _check(members, limits)
            yield archive, members
    except zipfile.BadZipFile as error:
        raise Unreadable("not_an_archive", f"this is no ZIP file, or a damaged one: {error}", "format") from error
    except (NotImplementedError, RuntimeError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("unsafe_member", f"the archive is packed in a way that is not read: {error}") from error


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Unpack one file into memory, and no more of it than its entry says.

    Raises:
        Unreadable: `too_large_unpacked`, where it is longer than the archive says.
    """
    parts, n_bytes = [], 0
    with archive.open(member) as file:
        while block := file.read(_BLOCK_BYTES):
            n_bytes += len(block)
            if n_bytes > member.file_size:
                message = f"{member.filename!r} is longer than the archive says, which is {member.file_size} bytes"
                raise Unreadable("too_large_unpacked", message)
            parts.append(block)
    return b"".join(parts)


def _check(members: list[zipfile.ZipInfo], limits: Limits) -> None:
    if len(members) > limits.n_members:
        message = f"{len(members)} files in the archive: at most {limits.n_members} are accepted"
        raise Unreadable("too_many_files", message)
    total = 0
    for member in members:
        _check_member(member, limits)
        total += member.file_size
    if total > limits.unpacked_bytes:
        message = f"the archive holds {total} bytes unpacked: at most {limits.unpacked_bytes} are accepted"
        raise Unreadable("too_large_unpacked", message)


def _check_member(member: zipfile.ZipInfo, limits: Limits) -> None:
    path = PurePosixPath(member.filename.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise Unreadable("unsafe_name", f"{member.filename!r} leads out of the archive")
    mode = member.external_attr >> 16
    if stat.S_ISLNK(mode) or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG)):
        raise Unreadable("unsafe_member", f"{member.filename!r} is a link or a device: only files are accepted")
    if member.file_size > limits.ratio * max(1, member.compress_size) and member.file_size > _BLOCK_BYTES:
        raise Unreadable(
            "packed_too_tightly",
            f"{member.filename!r} is {member.file_size} bytes in {member.compress_size}: at most {limits.ratio} times "
            "its packed size is accepted",
        )
