"""Make an archive of a folder of code: what Git would keep, the same bytes for the same files."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tunewell.code.source import MAX_FILES, MAX_UNPACKED_BYTES
from tunewell.errors import Invalid, Problem

_NEVER = frozenset({".git", "__pycache__", ".venv", "node_modules", ".tunewell"})
_BLOCK_BYTES = 1 << 20


@contextmanager
def packed_code(folder: Path) -> Iterator[Path]:
    """Yield a ZIP file of what lies in a folder, without what its `.gitignore` leaves out.

    Virtual environments, caches of Python's and `.git` stay out, too. The file is removed afterwards.

    Raises:
        Invalid: `not_a_folder`, `no_code`, `code_too_large`, `link_leads_out`; `no_git` where there is a `.gitignore`
            and no program to read it with.
        OSError: Something cannot be read, or no archive be written.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise Invalid(Problem("not_a_folder", f"{folder} is no folder", hint="name the folder with the code"))
    files = list_code(root)
    if not files:
        raise Invalid(Problem("no_code", f"{folder} holds nothing that is not ignored", hint="see its .gitignore"))
    _check_size(root, files)
    with tempfile.TemporaryDirectory(prefix="tunewell-") as name:
        target = Path(name) / f"{root.name or 'code'}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in files:
                _add(archive, root, one)
        yield target


def list_code(root: Path) -> list[str]:
    """Return the files that belong to an archive, relative to the folder and in their order."""
    has_git = shutil.which("git") is not None
    if not has_git and next(root.rglob(".gitignore"), None) is not None:
        hint = "install Git, or pack the folder yourself"
        raise Invalid(Problem("no_git", f"{root} has a .gitignore, which takes Git to read", hint=hint))
    names = _known_to_git(root) if has_git else [one.relative_to(root).as_posix() for one in root.rglob("*")]
    environments = {one.parent for one in root.rglob("pyvenv.cfg")}
    return sorted(name for name in set(names) if _belongs(root, Path(name), environments))


def _belongs(root: Path, name: Path, environments: set[Path]) -> bool:
    if _NEVER & set(name.parts) or any((root / part) in environments for part in name.parents):
        return False
    return (root / name).is_file() or (root / name).is_symlink()


def _known_to_git(root: Path) -> list[str]:
    """Return what Git would look after in a folder: of its repository, or as if it were one."""
    if _run_git(["-C", str(root), "rev-parse", "--is-inside-work-tree"]) is not None:
        found = _run_git(["-C", str(root), "ls-files", "-co", "--exclude-standard", "-z", "--", "."])
    else:
        with tempfile.TemporaryDirectory(prefix="tunewell-") as name:
            _run_git(["init", "--quiet", "--bare", name])
            place = [f"--git-dir={name}", f"--work-tree={root}", "-C", str(root)]
            found = _run_git([*place, "ls-files", "-o", "--exclude-standard", "-z", "--", "."])
    return [os.fsdecode(one) for one in (found or b"").split(b"\0") if one]


def _run_git(words: list[str]) -> bytes | None:
    """Return what Git says; None where it fails."""
    done = subprocess.run(  # noqa: S603 - Git, with words of ours
        ["git", *words],  # noqa: S607
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout if done.returncode == 0 else None


def _check_size(root: Path, files: list[str]) -> None:
    sizes = {name: (root / name).stat().st_size for name in files if (root / name).is_file()}
    if len(files) > MAX_FILES or sum(sizes.values()) > MAX_UNPACKED_BYTES:
        largest = ", ".join(sorted(sizes, key=lambda name: -sizes[name])[:3])
        message = f"{len(files)} files of {sum(sizes.values())} bytes; the largest are {largest}"
        hint = f"at most {MAX_FILES} files of {MAX_UNPACKED_BYTES} bytes: leave data out by a .gitignore"
        raise Invalid(Problem("code_too_large", message, hint=hint))


def _add(archive: zipfile.ZipFile, root: Path, name: str) -> None:
    path = root / name
    real = path.resolve()
    if not real.is_relative_to(root) or not real.is_file():
        message = f"{name} is a link that leads out of the folder, or to no file"
        raise Invalid(Problem("link_leads_out", message, hint="remove it, or leave it out by a .gitignore"))
    entry = zipfile.ZipInfo(name)
    entry.create_system = 3  # so that the permissions count
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = (0o100755 if os.access(real, os.X_OK) else 0o100644) << 16
    with real.open("rb") as source, archive.open(entry, "w") as target:
        shutil.copyfileobj(source, target, _BLOCK_BYTES)
