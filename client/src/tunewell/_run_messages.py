"""What a script sends to begin a run, and what it is answered. `tunewell.protocol` is their public home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tunewell._messages import Assignment
from tunewell.code.source import CodeSource
from tunewell.environments import Environment
from tunewell.records import Objective, ParamValue


@dataclass(frozen=True, slots=True)
class ScriptHost:
    """The process in which a script runs."""

    name: str
    host: str
    pid: int
    version: str = ""
    environment: Environment | None = None

    def to_json(self) -> dict[str, object]:
        """Return it as JSON."""
        body: dict[str, object] = {"name": self.name, "host": self.host, "pid": self.pid, "version": self.version}
        return body if self.environment is None else {**body, "environment": self.environment.to_json()}


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run to begin: with parameters of its own, or (None) with those that the study proposes.

    Asking again with the same `key` means the same run. `worker_id` is that of an earlier answer to this process.
    `resume` names a run to go on with instead, by the id of its trial or its key.
    """

    key: str
    params: Mapping[str, ParamValue] | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    began_at: datetime | None = None
    script: ScriptHost | None = None
    worker_id: int | None = None
    resume: str | None = None

    @property
    def is_own(self) -> bool:
        """Whether the run has parameters of its own: then nobody else is given it."""
        return self.params is not None or self.resume is not None

    def to_json(self) -> dict[str, object]:
        """Return the request's body."""
        return {
            "key": self.key,
            "params": None if self.params is None else dict(self.params),
            "note": self.note,
            "tags": list(self.tags),
            "began_at": None if self.began_at is None else self.began_at.isoformat(),
            "script": None if self.script is None else self.script.to_json(),
            "worker_id": self.worker_id,
            **({} if self.resume is None else {"resume": self.resume}),
        }


@dataclass(frozen=True, slots=True)
class RunStart:
    """What a script has to know to report a run.

    Attributes:
        attempt: The right to report; None: the run is over (`trial_state`), or there is nothing to run now.
        last_seq: The last report that is stored; reports up to it need not be sent again.
        step: The last step that was reported; None before the first.
        pruner: The study's; `none` never ends a run early.
        worker_id: Of this process, for its next runs.
        command: What to run for the trial, word by word, where the study says it.
        venv: In which virtual environment, below the folder for commands.
        source: Which code it is of; None: what lies on this machine.
    """

    study_id: int
    study_name: str
    study_state: str
    lease_s: float
    heartbeat_s: float
    worker_id: int
    last_seq: int = 0
    pruner: str = "none"
    attempt: Assignment | None = None
    objectives: tuple[Objective, ...] = ()
    trial_id: int | None = None
    number: int | None = None
    trial_state: str | None = None
    command: tuple[str, ...] | None = None
    venv: str | None = None
    source: CodeSource | None = None
    step: int | None = None
