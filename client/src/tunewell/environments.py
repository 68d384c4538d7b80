"""Where trainings ran: code version, packages, machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Environment:
    """What a worker found where it runs when it joined.

    Attributes:
        commit: Of the code's git repository; None where there is none.
        is_dirty: Whether files differ from that commit.
        python: Version of the interpreter.
        torch: Version; None where it is not installed.
        platform: The operating system, as `platform.platform` names it.
        cpu: The processor's name.
        n_cpus: Processors that the worker may use.
        memory_bytes: Of the machine, or of what it is confined to.
        gpus: Their names.
        packages: Version by package.
        branch: Of the git repository, where a script told it.
        command: How the script was started, without secrets.
        packages_sha256: Hash of that list, so that two can be compared at a glance.
    """

    commit: str | None = None
    is_dirty: bool | None = None
    python: str = ""
    torch: str | None = None
    platform: str = ""
    cpu: str = ""
    n_cpus: int = 0
    memory_bytes: int | None = None
    gpus: tuple[str, ...] = ()
    packages: Mapping[str, str] = field(default_factory=dict)
    packages_sha256: str | None = None
    branch: str | None = None
    command: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as JSON."""
        return {**asdict(self), "gpus": list(self.gpus), "packages": dict(self.packages)}


@dataclass(frozen=True, slots=True)
class TrialEnvironment:
    """A worker that had one or several attempts at a trial; `environment` is None where it did not say."""

    attempt_nos: tuple[int, ...]
    worker_id: int
    worker_name: str
    host: str
    worker_version: str = ""
    environment: Environment | None = None
