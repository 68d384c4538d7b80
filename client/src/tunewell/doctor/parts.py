"""What only the repository's own programs can look at: `python -m worker doctor` and `python -m api doctor`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tunewell.doctor.finding import Finding, Level, problem, skipped

WITHIN_S, DEEP_WITHIN_S = 180.0, 3600.0
_MAX_SAID_CHARS = 300


def find_repository(given: Path | None, prefix: str = sys.prefix) -> Path | None:
    """Return the clone whose programs are to be asked: the one given, or the one around this virtual environment.

    The working folder is not looked at: it may be anybody's, and what is found is run.
    """
    root = given if given is not None else Path(prefix).parent
    is_clone = all((root / name).is_file() for name in ("worker/__main__.py", "api/__main__.py", "requirements.lock"))
    return root.absolute() if is_clone else None


def ask_part(root: Path, words: Sequence[str], env: Mapping[str, str], *, is_deep: bool = False) -> list[Finding]:
    """Run a program of the repository that prints findings as JSON, and return them.

    Args:
        root: The clone.
        words: What follows `python -m`.
        env: Added to this process's environment: a token there is hidden from other users, unlike in arguments.
        is_deep: Whether it may take an hour.
    """
    name = f"python -m {words[0]}"
    within_s = DEEP_WITHIN_S if is_deep else WITHIN_S
    try:
        done = subprocess.run(  # noqa: S603 - of the clone that was named, or that this program was started from
            [sys.executable, "-m", *words],
            cwd=root,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return [problem(name, f"its checks did not end within {within_s:g} s", f"see where: {name} doctor")]
    return read_findings(name, done.stdout, done.stderr.decode(errors="replace"))


def read_findings(name: str, printed: bytes, said: str) -> list[Finding]:
    """Read findings as a program printed them; what it said instead is a finding, too."""
    try:
        rows = json.loads(printed)
        if not isinstance(rows, list):
            raise TypeError("no list of findings")
        return [Finding(one["name"], Level(one["result"]), one["seen"], one["remedy"]) for one in rows]
    except (ValueError, KeyError, TypeError):
        last = next(iter(said.strip().splitlines()[-1:]), "it printed no findings")[:_MAX_SAID_CHARS]
        return [problem(name, last, "install what is locked: .venv/bin/pip install -r requirements.lock")]


def without_repository() -> Finding:
    """Say that workers' own checks are left out."""
    return skipped("worker", "no clone of the repository around this program; name one with --repository")
