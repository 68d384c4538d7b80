"""Which code a command runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MAX_FILES = 20_000
MAX_UNPACKED_BYTES = 1 << 30


@dataclass(frozen=True, slots=True)
class CodeSource:
    """An archive, or a commit of a repository.

    Attributes:
        archive: SHA-256 of an archive that somebody brought.
        git: Address or path of a repository.
        commit: Whole hash of the commit.
        subfolder: The repository's folder that is the command's; None: the whole.
    """

    archive: str | None = None
    git: str | None = None
    commit: str | None = None
    subfolder: str | None = None

    def to_json(self) -> dict[str, str]:
        """Return it as a study says it."""
        fields: Mapping[str, str | None] = {
            "archive": self.archive,
            "git": self.git,
            "commit": self.commit,
            "subfolder": self.subfolder,
        }
        return {name: value for name, value in fields.items() if value is not None}

    def __str__(self) -> str:
        """Say it in words.

        Examples:
            >>> str(CodeSource(git="https://git.example.org/a.git", commit="f" * 40))
            'https://git.example.org/a.git at ffffffffffff'
        """
        if self.archive is not None:
            return f"archive {self.archive[:12]}"
        place = f", folder {self.subfolder}" if self.subfolder else ""
        return f"{self.git} at {str(self.commit)[:12]}{place}"


@dataclass(frozen=True, slots=True)
class Code:
    """An archive of code on the server."""

    sha256: str
    n_bytes: int
    filename: str
    created_by: str = ""
    n_studies: int = 0
