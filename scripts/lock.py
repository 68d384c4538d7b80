"""Resolve the exact versions that are installed: `make lock`.

Makes a new virtual environment, installs what pyproject.toml asks for, and writes down what came. Local versions such
as `+cpu` are dropped, so that a file reads the same wherever it was made, and neither hosts nor hashes are kept: one
version of a package has other files on each platform.
"""

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RUNTIME, DEV = ROOT / "requirements.lock", ROOT / "requirements-dev.lock"
HEADER = """# Written by `make lock` from pyproject.toml ({what}); do not edit.
# Made with Python {version}; other versions and platforms may add a package that only they need.
"""
TOOLS = frozenset({"pip", "setuptools"})


def main() -> None:
    """Write both lock files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    runtime, dev = project["project"]["dependencies"], project["dependency-groups"]["dev"]
    with tempfile.TemporaryDirectory(prefix="tunewell-lock-") as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        pins = resolve(python, runtime)
        write(RUNTIME, "dependencies", pins)
        write(DEV, "the dependency group dev", [pin for pin in resolve(python, [*pins, *dev]) if pin not in pins])


def resolve(python: Path, requirements: Sequence[str]) -> list[str]:
    """Install requirements into an environment and return everything that is in it, as sorted pins."""
    pip = [str(python), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", "--no-compile", *requirements], check=True)
    listed = subprocess.run([*pip, "list", "--format", "json"], check=True, capture_output=True, text=True).stdout
    return pins_of((package["name"], package["version"]) for package in json.loads(listed))


def pins_of(packages: Iterable[tuple[str, str]]) -> list[str]:
    """Return `name==version` lines, names as registries normalise them, without local versions and without pip.

    Source: PEP 503 for names, PEP 440 for local versions.
    """
    names = {re.sub(r"[-_.]+", "-", name).lower(): version.partition("+")[0] for name, version in packages}
    return sorted(f"{name}=={version}" for name, version in names.items() if name not in TOOLS)


def write(path: Path, what: str, pins: Sequence[str]) -> None:
    """Write a lock file."""
    version = ".".join(map(str, sys.version_info[:2]))
    path.write_text(HEADER.format(what=what, version=version) + "\n".join(pins) + "\n")
    print(f"{path.name}: {len(pins)} packages")


if __name__ == "__main__":
    main()
