"""What a process runs with: code version, interpreter, packages, machine."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path

from tunewell.environments import Environment
from tunewell.system.cores import allowed_cores

CPU_FILE = Path("/proc/cpuinfo")
_GIT_WITHIN_S = 5.0
_MAX_CHARS = 300


def read_environment(root: Path, gpus: Iterable[str] = (), *, branch: str = "", command: str = "") -> Environment:
    """Return what this process runs with. Imports nothing that it names.

    Args:
        root: Where the code lies whose commit is told, where that is the root of a git repository.
        gpus: Names of the machine's GPUs.
        branch: Of that repository.
        command: How the process was started, without secrets.
    """
    packages = list_packages()
    commit, is_dirty = read_commit(root)
    return Environment(
        commit=commit,
        is_dirty=is_dirty,
        python=platform.python_version(),
        torch=packages.get("torch"),
        platform=platform.platform()[:_MAX_CHARS],
        cpu=read_cpu(),
        n_cpus=allowed_cores(),
        memory_bytes=_memory_bytes(),
        gpus=tuple(gpus),
        packages=packages,
        packages_sha256=digest(packages),
        branch=branch[:_MAX_CHARS] or None,
        command=command[:_MAX_CHARS] or None,
    )


def list_packages() -> dict[str, str]:
    """Return the version of each installed distribution by its normalised name, sorted."""
    found: dict[str, str] = {}
    for one in metadata.distributions():
        name = one.metadata["Name"]  # None where the files of a removed package were left half behind
        if name:
            # The first on the path is the one that is imported.
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower()[:_MAX_CHARS], (one.version or "")[:_MAX_CHARS])
    return dict(sorted(found.items()))


def digest(packages: Mapping[str, str]) -> str:
    """Return the SHA-256 of a list of packages: one `name==version` a line, sorted."""
    lines = "".join(f"{name}=={version}\n" for name, version in sorted(packages.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def read_commit(folder: Path) -> tuple[str | None, bool | None]:
    """Return the commit of the git repository that `folder` is the root of, and whether tracked files differ from it.

    Both are None where it is none, or where git is not installed.
    """
    if not (folder / ".git").exists():
        return None, None
    commit = git(folder, "rev-parse", "HEAD")
    changes = git(folder, "status", "--porcelain", "--untracked-files=no")
    return commit or None, None if changes is None or not commit else changes != ""


def read_cpu(file: Path = CPU_FILE) -> str:
    """Return the processor's name, or its architecture where nobody tells more."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return (found[1].strip() if found else platform.processor() or platform.machine())[:_MAX_CHARS]


def git(folder: Path, *words: str) -> str | None:
    """Return what git says about a folder; None where it fails, takes long or is not installed."""
    # Looking must not write: a status that refreshes the index would wait for a lock that another git holds.
    command = ["git", "--no-optional-locks", "-C", str(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_GIT_WITHIN_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()


def _memory_bytes() -> int | None:
    try:
        import psutil  # the SDK does without
    except ImportError:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else None
    total: int = psutil.virtual_memory().total
    return total
