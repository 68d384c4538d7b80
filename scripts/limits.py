"""Check how long files are: `make check`. (ruff checks complexity and the number of parameters.)"""

import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[1]
PYTHON_LIMIT, TEST_LIMIT, DASHBOARD_LIMIT = 500, 700, 250
DASHBOARD_SUFFIXES = frozenset({".ts", ".js", ".mjs", ".svelte"})
EXEMPT = ("db/migrations/versions/", "dashboard/src/api/schema.d.ts", "dashboard/vendor/")
"""Written by programs or by others: they are as long as they are."""


@dataclass(frozen=True, slots=True)
class TooLong:
    """A file over its limit."""

    path: str
    n_lines: int
    limit: int

    def __str__(self) -> str:
        """Say what is wrong, and what to do."""
        return f"{self.path}: {self.n_lines} lines, {self.limit} are allowed: split it by concept"


def limit_for(path: str) -> int | None:
    """Return how many lines a file may have, or None where there is no limit.

    Args:
        path: Relative to the repository, with slashes.
    """
    if path.startswith(EXEMPT):
        return None
    suffix = PurePosixPath(path).suffix
    if suffix == ".py":
        return TEST_LIMIT if path.startswith("tests/") else PYTHON_LIMIT
    return DASHBOARD_LIMIT if path.startswith("dashboard/") and suffix in DASHBOARD_SUFFIXES else None


def find_too_long(root: Path, paths: Iterable[str]) -> Iterator[TooLong]:
    """Yield the files over their limit."""
    for path in paths:
        limit = limit_for(path)
        if limit is None or not (root / path).is_file():
            continue
        n_lines = len((root / path).read_text(encoding="utf-8").splitlines())
        if n_lines > limit:
            yield TooLong(path, n_lines, limit)


def repository_files(root: Path = ROOT) -> list[str]:
    """Return the files that git knows or would add."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    return [path for path in listed.split("\0") if path]


def main() -> int:
    """Print the files over their limit; return 1 if there are any."""
    found = list(find_too_long(ROOT, repository_files()))
    for problem in found:
        print(problem, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
