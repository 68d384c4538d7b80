"""What a run notes by itself: the code that runs and with what, what it prints, what it takes of its machine."""

from __future__ import annotations

import functools
import os
import sys
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from tunewell.environments import Environment
from tunewell.errors import Invalid, Problem
from tunewell.runs import output
from tunewell.runs.run import Run
from tunewell.runs.secrets import redact, redact_command
from tunewell.system.environment import git, read_environment
from tunewell.system.nvml import open_gpus

ENV_CAPTURE = "TUNEWELL_CAPTURE"
KINDS = ("environment", "diff", "output", "system")
MAX_DIFF_BYTES = 1 << 20


def read_kinds(given: Iterable[str] | None) -> frozenset[str]:
    """Return what is noted: as given, as `TUNEWELL_CAPTURE` says (words with commas, or `none`), or all.

    Raises:
        Invalid: `unknown_capture`.
    """
    text = os.environ.get(ENV_CAPTURE, "")
    words = list(given) if given is not None else [one for one in text.split(",") if one] or list(KINDS)
    words = [] if words == ["none"] else [word.strip() for word in words]
    for word in words:
        if word not in KINDS:
            hint = f"{', '.join(KINDS)}; none alone for nothing"
            raise Invalid(Problem("unknown_capture", f"{word!r} cannot be noted", field="capture", hint=hint))
    return frozenset(words)


def find_root(folder: Path) -> Path | None:
    """Return the root of the git repository that holds a folder; None where none does."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)


def script_folder() -> Path:
    """Return where the script lies; the working directory of an interactive one."""
    script = Path(sys.argv[0]) if sys.argv and sys.argv[0] else Path()
    return script.resolve().parent if script.is_file() else Path.cwd()


@functools.cache
def note_environment() -> Environment:
    """Return what this process runs with, without secrets; read once."""
    root = find_root(script_folder())
    branch = None if root is None else git(root, "rev-parse", "--abbrev-ref", "HEAD")
    gpus = [reading.name for reading in open_gpus()()]
    command = redact_command([sys.executable, *sys.argv])
    return read_environment(root or script_folder(), gpus, branch=branch or "", command=command)


def read_diff() -> bytes | None:
    """Return how tracked files differ from the commit, without secrets; None where they do not, or it is too long."""
    root = find_root(script_folder())
    text = None if root is None else git(root, "diff", "HEAD", "--no-ext-diff", "--no-color")
    if not text:
        return None
    content = redact(text).encode()
    if len(content) > MAX_DIFF_BYTES:
        content = content[:MAX_DIFF_BYTES] + b"\n[cut off: the rest is longer than is kept]\n"
    return content


def begin_capture(run: Run, kinds: frozenset[str]) -> None:
    """Have a run note what it is to note, until it ends."""
    if not run.is_active:
        return
    if "diff" in kinds and (content := read_diff()) is not None:
        run.log_artifact(content, name="uncommitted.diff")
    if "output" in kinds:
        output.listen(run.log_line)
        run.at_finish(lambda: output.leave(run.log_line))
    if "system" in kinds:
        _watch_machine(run)


def _watch_machine(run: Run) -> None:
    try:
        from tunewell.system.usage import EVERY_S, FIRST_AFTER_S, Usage
    except ImportError:  # psutil is the extra `tunewell[system]`
        return
    usage = Usage(open_gpus())
    is_over = threading.Event()

    def watch() -> None:
        usage.read_if_due(os.getpid())
        is_over.wait(FIRST_AFTER_S)
        while not is_over.is_set() and run.is_active:
            _note(run, usage.read_if_due(os.getpid()))
            is_over.wait(EVERY_S)

    thread = threading.Thread(target=watch, name="tunewell-system", daemon=True)
    run.at_finish(is_over.set)
    thread.start()


def _note(run: Run, values: Mapping[str, float]) -> None:
    if values and run.is_active:
        run.log_system(values, int(time.time()))
