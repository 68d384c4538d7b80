"""The unprivileged account that PostgreSQL runs as when the tests run as root."""

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.servers.errors import ServerUnavailableError

CANDIDATES = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user and group id to run a server as."""

    uid: int
    gid: int


def account_for_servers() -> Account | None:
    """Return the account to switch to, or None when the tests do not run as root and can stay who they are.

    Raises:
        ServerUnavailableError: The tests run as root and no unprivileged account exists.
    """
    if os.geteuid() != 0:
        return None
    for name in CANDIDATES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid)
    raise ServerUnavailableError(
        f"PostgreSQL refuses to run as root, and none of the accounts {', '.join(CANDIDATES)} exists: "
        "run the tests as an ordinary user"
    )


def make_folder(account: Account | None, prefix: str) -> Path:
    """Create a new private folder that the account owns and can reach.

    pytest's own folders will not do: they lie below one that only the user of the tests may enter.

    Raises:
        ServerUnavailableError: No temporary folder is open to the account.
    """
    if account is None:
        return Path(tempfile.mkdtemp(prefix=prefix))
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 (mkdtemp makes it private)
        if parent.is_dir() and is_open_to_all(parent):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
            os.chown(folder, account.uid, account.gid)
            return folder
    raise ServerUnavailableError(
        f"user {account.uid} can enter no temporary folder: set TMPDIR to one whose parents are open to all (chmod o+x)"
    )


def is_open_to_all(path: Path) -> bool:
    """Return whether any user can enter this folder: it and all its parents let others pass."""
    folders = (path, *path.parents) if path.is_dir() else tuple(path.parents)
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in folders)


def reachable_install(bin_folder: Path, account: Account | None, scratch: Path) -> Path:
    """Return a `bin` folder the account can execute, copying the installation into `scratch` if need be.

    A virtual environment below a private home folder (root's, typically) is closed to every other account.
    """
    if account is None or is_open_to_all(bin_folder):
        return bin_folder
    install = bin_folder.parent
    copy = scratch / "site" / install.parent.name / install.name
    shutil.copytree(install, copy, symlinks=True)
    libraries = install.parent.with_name(f"{install.parent.name}.libs")  # a wheel's own libraries lie beside it
    if libraries.is_dir():
        shutil.copytree(libraries, scratch / "site" / libraries.name, symlinks=True)
    for folder in (scratch, scratch / "site", copy.parent, copy, copy / bin_folder.name):
        folder.chmod(0o755)
    return copy / bin_folder.name
