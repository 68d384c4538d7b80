"""A trial inside a command: the script says what it has to say into a folder, and the agent that started it reads it.

    FOLDER/params.json    the trial's parameters
           spool.jsonl    what the script says, as a run on disk
           files/         what it wants to keep
           decision       what the server decided: `prune` or `stop`; not there before that
           metrics.json   final numbers, for scripts without the SDK

So a script needs neither the server's address nor a token, in whatever environment it runs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunewell.errors import Invalid, Problem
from tunewell.records import ParamValue
from tunewell.runs.folder import Header, RunFolder
from tunewell.runs.link import Link
from tunewell.runs.run import Run

ENV_TRIAL = "TUNEWELL_TRIAL"
_NOWHERE = Header("", "", None, {"key": "trial", "params": {}})


class TrialRun(Run):
    """The run of the trial for which an agent started this script."""

    def __init__(self, folder: Path, params: Mapping[str, ParamValue], max_bytes: int) -> None:
        (folder / "files").mkdir(exist_ok=True)
        link = Link(RunFolder(folder, _NOWHERE), max_bytes, None)
        super().__init__(link, params, "offline")  # the agent sends
        self._decision = folder / "decision"
        link.start()

    @property
    def decision(self) -> str:
        """What the server said last, as the agent heard it."""
        try:
            return self._decision.read_text() or "continue"
        except OSError:
            return "continue"

    def should_prune(self, wait_s: float = 5.0) -> bool:
        """Tell whether the run should end now. The agent hears what was logged within a second, so this may lag."""
        self.flush(0.0)
        return self.is_active and self.decision != "continue"

    def finish(self, outcome: Any = None, reason: str = "", *, wait_s: float = 0.0) -> bool:
        """End the run; the agent tells the server."""
        super().finish(outcome, reason, wait_s=wait_s)
        return True


def find_trial() -> Path | None:
    """Return the folder of the trial for which this process was started; None where it was not."""
    folder = os.environ.get(ENV_TRIAL)
    return Path(folder) if folder else None


def open_trial(folder: Path, max_bytes: int) -> TrialRun:
    """Return the run of the trial in a folder.

    Raises:
        Invalid: `no_trial`: the folder is not one that an agent made.
    """
    try:
        params = json.loads((folder / "params.json").read_text())
    except (OSError, ValueError) as error:
        hint = f"{ENV_TRIAL} is set by `tunewell agent`, not by people"
        raise Invalid(Problem("no_trial", f"{folder} holds no trial: {error}", hint=hint)) from error
    return TrialRun(folder, params, max_bytes)
