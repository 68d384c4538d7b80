"""Run a study's command for a trial of an agent's."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunewell._messages import Outcome
from tunewell.code.cache import CodeCache
from tunewell.commands.execution import Stream, run_command
from tunewell.commands.place import Place, Program
from tunewell.errors import Invalid, Problem
from tunewell.records import ParamValue
from tunewell.runs.run import Run


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """Runs commands on this machine; an instance is what `tunewell.agent` calls for each trial.

    Args:
        place: Where they run, and with what.
        cache: Where their code comes from; None: only what lies on this machine is run.
    """

    place: Place
    cache: CodeCache | None = None

    def __call__(self, run: Run) -> None:
        """Run the command of a run's study, and end the run as the command ended.

        Raises:
            Invalid: `no_command`, or what `run_command` raises; the trial has failed then.
        """
        start = run.start
        if start is None or not start.command:
            problem = Problem("no_command", "the study has no command", hint="give it one, or call tunewell.agent")
            raise Invalid(problem)
        with tempfile.TemporaryDirectory(prefix="tunewell-trial-") as name:
            program = Program(start.command, start.venv, start.source)
            run_command(_TrialOfRun(run), self.place, program, Path(name), self.cache)


class _TrialOfRun:
    """An agent's run, as who runs its command sees it."""

    def __init__(self, run: Run) -> None:
        self._run = run

    @property
    def params(self) -> Mapping[str, ParamValue]:
        return self._run.params

    @property
    def decision(self) -> str:
        return self._run.decision

    def log_line(self, text: str, stream: Stream) -> None:
        self._run.log_line(text, stream)

    def relay_report(self, body: Mapping[str, Any]) -> None:
        self._run.relay_report(body)

    def relay_file(self, body: Mapping[str, Any]) -> None:
        self._run.relay_file(body)

    def end(self, outcome: Outcome, reason: str, values: Mapping[str, float]) -> None:
        self._run.summary.update(values)
        self._run.finish(outcome, reason)
