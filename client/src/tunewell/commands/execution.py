"""A trial's command under way: what it says goes to the trial, what is decided goes to it."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from tunewell._messages import Finish, Outcome
from tunewell.code.cache import CodeCache
from tunewell.code.source import CodeSource
from tunewell.commands.guarded import GuardedProcess
from tunewell.commands.place import Place, Program, prepare, write_params
from tunewell.delivery import MAX_REASON_CHARS, clean, read_finish
from tunewell.errors import Invalid, Problem
from tunewell.records import ParamValue
from tunewell.runs.relay import ENV_TRIAL
from tunewell.runs.run import as_number, check_metric
from tunewell.spool import Entry, SpoolReader

_POLL_S = 0.2
_MAX_LINE_BYTES = 1 << 16  # a progress bar without line ends must not fill the memory
_HURRY_S = 4.0  # how long a command has when the worker itself is told to end
_EARLY: Mapping[str, Outcome] = {"prune": "PRUNED", "stop": "STOPPED", "preempt": "PREEMPTED"}
Stream = Literal["stdout", "stderr", "system"]
OnTick = Callable[[int], None]


def _idle(_pid: int) -> None:
    """Do nothing."""


class CommandTrial(Protocol):
    """A trial, as who runs its command sees it: a run of an agent's, or an attempt of a worker's."""

    @property
    def params(self) -> Mapping[str, ParamValue]:
        """The trial's parameters."""

    @property
    def decision(self) -> str:
        """`continue`, `prune`, `stop`; `preempt`: hand the trial back soon; `lost`: it is somebody else's."""

    def log_line(self, text: str, stream: Stream) -> None:
        """Keep a line of output; called from threads."""

    def relay_report(self, body: Mapping[str, Any]) -> None:
        """Keep what the script reported, as its spool holds it."""

    def relay_file(self, body: Mapping[str, Any]) -> None:
        """Keep a file of the script's, as its spool names it."""

    def end(self, outcome: Outcome, reason: str, values: Mapping[str, float]) -> None:
        """End the trial."""


def run_command(
    trial: CommandTrial, place: Place, program: Program, folder: Path, cache: CodeCache | None, on_tick: OnTick = _idle
) -> None:
    """Run a trial's command to its end, and end the trial as it ended.

    Args:
        trial: The trial.
        place: What the machine allows.
        program: What the study says.
        folder: Empty; the command and this process talk through it. Files in it are sent, so it must stay until then.
        cache: Where code comes from; None: the machine runs only what lies on it.
        on_tick: Called a few times a second with the process id of what runs.

    Raises:
        Invalid: `no_program`, `outside_root`, `no_venv`; a name or a number in what it told that cannot be one; code
            that is not taken here.
        TunewellError: The code cannot be fetched now.
        InterruptedError: The trial was to end before its code was here.
        OSError: The folder cannot be written, or nothing can be started.
    """
    code = None if program.source is None else _fetch_code(trial, program.source, folder / "code", cache)
    (folder / "spool.jsonl").touch()
    own = {
        ENV_TRIAL: str(folder),
        "TUNEWELL_PARAMS": str(write_params(folder, trial.params)),
        "TUNEWELL_METRICS": str(folder / "metrics.json"),
    }
    prepared = prepare(place, program, trial.params, own, code)
    process = GuardedProcess(prepared.words, prepared.folder, prepared.environment)
    _Execution(trial, process, folder, place.grace_s).execute(on_tick)


def _fetch_code(trial: CommandTrial, source: CodeSource, target: Path, cache: CodeCache | None) -> Path:
    if cache is None:
        message = f"this agent runs only code that lies on its machine, not {source}"
        raise Invalid(Problem("no_code", message, field="source"))
    trial.log_line(cache.put_into(source, target, lambda _: trial.decision != "continue"), "system")
    return target


class _Execution:
    """One command under way."""

    def __init__(self, trial: CommandTrial, process: GuardedProcess, folder: Path, grace_s: float) -> None:
        self._trial = trial
        self._process = process
        self._folder = folder
        self._stages = _Stages(process, grace_s, folder / "decision")
        self._reader = SpoolReader(folder / "spool.jsonl")
        self._end: Finish | None = None
        self._was_over = False  # by its own account, before anybody told it to end
        self._last_line = ""

    def execute(self, on_tick: Callable[[int], None]) -> None:
        out, err = self._process.outputs
        readers = [self._read(out, "stdout"), self._read(err, "stderr")]
        try:
            while self._process.wait(_POLL_S) is None:
                self._relay()
                on_tick(self._process.pid)
                self._was_over = self._was_over or (self._end is not None and self._stages.told is None)
                self._stages.heed(self._trial.decision, time.monotonic())
        finally:
            code = self._process.end()
            for reader in readers:
                reader.join(timeout=5.0)
            self._relay()
            self._reader.close()
        self._finish(code)

    def _relay(self) -> None:
        for entry in self._reader.entries():
            self._pass_on(entry)

    def _pass_on(self, entry: Entry) -> None:
        if entry.kind == "finish":
            self._end = read_finish(entry.body)
        elif entry.kind == "upload":
            self._trial.relay_file(entry.body)
        else:
            self._trial.relay_report(entry.body)

    def _read(self, pipe: IO[bytes], stream: Stream) -> threading.Thread:
        def read() -> None:
            with pipe:
                while line := pipe.readline(_MAX_LINE_BYTES):
                    text = line.decode("utf-8", "replace").rstrip("\r\n")
                    self._trial.log_line(text, stream)
                    if stream == "stdout" and text.strip():
                        self._last_line = text

        thread = threading.Thread(target=read, name=f"tunewell-{stream}", daemon=True)
        thread.start()
        return thread

    def _finish(self, code: int) -> None:
        said, early = self._end, self._early()
        if self._was_over and early == "PREEMPTED":
            early, code = None, 0
        own = None if said is None or said.outcome == "COMPLETE" else said
        if early == "PREEMPTED":
            self._trial.end(early, "the worker was told to end", {})
        elif code == 0 or early is not None:
            self._trial.end(own.outcome if own else early or "COMPLETE", said.reason if said else "", self._values())
        else:
            how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            is_failure = own is not None and own.outcome not in ("PRUNED", "STOPPED")
            reason = said.reason if said and said.reason else f"the command {how}"
            outcome: Outcome = own.outcome if own is not None and is_failure else "CRASHED"
            self._trial.end(outcome, clean(reason, MAX_REASON_CHARS), self._values())

    def _early(self) -> Outcome | None:
        """Return how the trial ends because of a decision; None where none came, or came after the command's end."""
        word = self._stages.told or self._trial.decision
        return None if word == "preempt" and self._stages.told is None else _EARLY.get(word)

    def _values(self) -> dict[str, float]:
        """Return final numbers: of the SDK, of the metrics file, or of a last line that is a JSON object."""
        found: dict[str, float] = {}
        for text in (self._last_line, _text_of(self._folder / "metrics.json")):
            found.update(read_values(text))
        return {**found, **({} if self._end is None else self._end.values)}


class _Stages:
    """How a command is ended: it is told, then asked by SIGTERM, then killed."""

    def __init__(self, process: GuardedProcess, grace_s: float, word_file: Path) -> None:
        self.told: str | None = None
        self._process = process
        self._grace_s = grace_s
        self._word_file = word_file
        self._due_s = 0.0
        self._is_terminated = False

    def heed(self, decision: str, now_s: float) -> None:
        """Do what is due."""
        if decision == "lost":
            self._process.end()
        elif self.told is None:
            if decision != "continue":
                self._tell(decision, now_s)
            return
        if decision == "preempt" and self.told != "preempt":
            self.told, self._due_s = "preempt", min(self._due_s, now_s + (_HURRY_S if self._is_terminated else 0.0))
        if now_s >= self._due_s:
            self._go_on(now_s)

    def _tell(self, decision: str, now_s: float) -> None:
        self._word_file.write_text("stop" if decision == "preempt" else decision)
        self.told = decision
        self._due_s = now_s + (0.0 if decision == "preempt" else self._grace_s)
        if decision == "preempt":
            self._go_on(now_s)

    def _go_on(self, now_s: float) -> None:
        if self._is_terminated:
            self._process.end()
            return
        self._process.terminate()
        self._is_terminated = True
        self._due_s = now_s + (min(self._grace_s, _HURRY_S) if self.told == "preempt" else self._grace_s)


def read_values(text: str) -> dict[str, float]:
    """Return the numbers of a JSON object by name; nothing where the text is none.

    Raises:
        Invalid: `metric_name`: a name that no metric can have.
    """
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(found, dict):
        return {}
    numbers = {name: value for name, value in found.items() if isinstance(value, (int, float))}
    return {check_metric(name): as_number(name, value) for name, value in numbers.items()}


def _text_of(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
