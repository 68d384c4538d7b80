"""Where a training ran: code version, packages, machine."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from api.schemas.base import Shape, Text

Line = Annotated[Text, Field(max_length=300)]


class Environment(Shape):
    """What a worker found where it runs when it joined."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "commit": "9f3c2a71d4c9b1f0a7d8e6c5b4a39281706f5e4d",
                    "is_dirty": False,
                    "python": "3.11.9",
                    "torch": "2.13.0+cpu",
                    "platform": "Linux-6.1.0-x86_64-with-glibc2.36",
                    "cpu": "AMD EPYC 7763",
                    "n_cpus": 8,
                    "memory_bytes": 33_554_432_000,
                    "gpus": [],
                    "packages": {"numpy": "2.3.1"},
                    "packages_sha256": "4a44dc15364204a80fe80e9039455cc1608281820fe2b24f1e5233ade6af1dd5",
                }
            ]
        }
    )
    commit: Line | None = Field(default=None, description="Of the code's git repository; null where there is none")
    is_dirty: StrictBool | None = Field(default=None, description="Whether files differ from that commit")
    branch: Line | None = Field(default=None, description="Of that repository, where a script told it")
    command: Line | None = Field(default=None, description="How a script was started, without secrets")
    python: Line = ""
    torch: Line | None = None
    platform: Line = ""
    cpu: Line = ""
    n_cpus: StrictInt = Field(default=0, ge=0, le=100_000)
    memory_bytes: StrictInt | None = Field(default=None, ge=0, le=2**62)
    gpus: list[Line] = Field(default_factory=list, max_length=64, description="Their names")
    packages: dict[Line, Line] = Field(default_factory=dict, max_length=5_000, description="Version by package")
    packages_sha256: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="Of the list of packages: equal where the lists are"
    )


class TrialEnvironment(Shape):
    """Where one or several attempts of a trial ran."""

    attempt_nos: list[int] = Field(description="Attempts on this worker, the first in front")
    worker_id: int
    worker_name: str
    host: str
    worker_version: str
    environment: Environment | None = Field(description="Null where the worker did not say")


class TrialEnvironments(Shape):
    """All workers that had an attempt at a trial, the latest in front."""

    items: list[TrialEnvironment]
