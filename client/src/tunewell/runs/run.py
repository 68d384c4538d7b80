"""A run, as the script that makes it sees it."""

from __future__ import annotations

import math
import os
import re
import traceback
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tunewell._messages import Outcome
from tunewell._run_messages import RunStart
from tunewell.delivery import MAX_REASON_CHARS, clean
from tunewell.errors import Invalid, Problem, TunewellError
from tunewell.records import ParamValue
from tunewell.runs import files
from tunewell.runs.buffer import Values
from tunewell.runs.link import Link, log

Mode = Literal["online", "offline", "disabled"]
_METRIC = re.compile(r"[\w./:@ -]{1,200}")
_ENDED_EARLY = {"prune": "PRUNED", "stop": "STOPPED"}
FINISH_WAIT_S = 30.0


class Stopped(Exception):
    """May be raised in a run that is told to end: it ends as the server decided, and not as a failure."""


class Summary(dict[str, float]):
    """A run's final numbers by name; they win over the last points of the curves."""

    def __setitem__(self, name: str, value: Any) -> None:
        """Keep a number.

        Raises:
            Invalid: `metric_name` or `not_a_number`.
        """
        super().__setitem__(check_metric(name), as_number(name, value))


class Run:
    """One run of a script; `tunewell.init` makes it.

    Logging never waits for the server, and never fails because it is away. A run is used as a context, or ended by
    `finish`; what is still open when the process exits is finished then. In a forked child a run does nothing: it is
    its parent's.

    Args:
        link: The way to disk and server; None for a run that does nothing.
        params: Its parameters.
        mode: online, offline or disabled.
        step: The last step of a run that is gone on with; None for its beginning.

    Attributes:
        params: Hyperparameters; of an agent's run those that the study proposed.
        summary: Final numbers by name.
        mode: online, offline or disabled.

    Example:
        >>> with tunewell.init("notes", params={"learning_rate": 0.1}) as run:            # doctest: +SKIP
        ...     for epoch in range(10):
        ...         run.log({"val_loss": train_an_epoch()}, step=epoch)
        ...         if run.should_prune():
        ...             break
    """

    def __init__(
        self, link: Link | None, params: Mapping[str, ParamValue], mode: Mode, step: int | None = None
    ) -> None:
        self.params = dict(params)
        self.summary = Summary()
        self.mode: Mode = mode
        self._link = link
        self._pid = os.getpid()
        self._is_finished = False
        self._step = -1 if step is None else step
        self._known: set[str] = set()
        self._on_finish: list[Any] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> bool:
        """End the run: as failed after an exception, as stopped after Ctrl-C. `Stopped` goes no further."""
        self.end_with(error)
        return isinstance(error, Stopped)

    @property
    def is_active(self) -> bool:
        """Whether what is logged is kept: the run is neither finished nor disabled, and not a forked child's."""
        return self._link is not None and not self._is_finished

    @property
    def start(self) -> RunStart | None:
        """What the server knows the run as; None before it has answered, and offline."""
        sender = None if self._link is None else self._link.deliverer
        return None if sender is None else sender.start

    @property
    def folder(self) -> Path | None:
        """Where the run lies until the server has heard it."""
        return None if self._link is None else self._link.folder.path

    @property
    def decision(self) -> str:
        """What the server said last: `continue`, `prune` or `stop`. Looks at nothing but memory."""
        sender = None if self._link is None else self._link.deliverer
        if sender is None:
            return "continue"
        if sender.is_over:
            return "stop"
        return "continue" if sender.decision is None else sender.decision.decision

    @property
    def step(self) -> int | None:
        """The last step that was logged, also before the run was resumed; None before the first."""
        return None if self._step < 0 else self._step

    def log(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Keep numbers of one step; NaN and infinities are kept as what they are.

        A name has one number at a step: the first one counts.

        Args:
            values: Numbers by name; whatever `float` takes, such as a tensor of one element.
            step: A whole number, at least 0; the one after the last where left out.

        Raises:
            Invalid: `metric_name`, `not_a_number`, `bad_step`, or `run_finished`.
        """
        link = self._link
        if link is None or self._is_finished:
            self._refuse_finished()
            return
        if step is None:
            step = self._step + 1
        elif type(step) is not int or step < 0:
            step = _whole(step)
        known, pairs = self._known, Values()
        for name, value in values.items():
            if name not in known:
                known.add(check_metric(name))
            pairs.append((name, value if type(value) is float else as_number(name, value)))
        self._step = step
        link.buffer.put(step, pairs)

    def log_line(self, text: str, stream: Literal["stdout", "stderr", "system"] = "stdout") -> None:
        """Keep a line of text among the run's output."""
        if self._link is not None and not self._is_finished:
            self._link.buffer.put_line(stream, text)

    def log_system(self, values: Mapping[str, float], at_s: int) -> None:
        """Keep what the script takes of its machine, by names that begin with `system/`, at seconds since 1970."""
        if self._link is not None and not self._is_finished:
            self._link.buffer.put_aside(at_s, list(values.items()))

    def should_prune(self, wait_s: float = 5.0) -> bool:
        """Tell whether the run should end now: the study's pruner gave it up, or somebody stopped it.

        Where the study has a pruner, what was logged so far is sent and judged first; a server that is away is not
        waited for.

        Args:
            wait_s: Most seconds to wait for the judgement.
        """
        link = self._link
        if link is None or self._is_finished:
            return False
        sender = link.deliverer
        if sender is None:
            return False
        may_come = sender.start is None or sender.start.pruner != "none"
        if may_come and not link.is_cut and self.decision == "continue":
            link.deliver(wait_s)
        return self.decision in _ENDED_EARLY

    def flush(self, wait_s: float = FINISH_WAIT_S) -> bool:
        """Send what was logged so far. Returns whether the server has heard it."""
        return self._link is not None and not self._is_finished and self._link.deliver(wait_s)

    def log_artifact(self, source: str | os.PathLike[str] | bytes, name: str | None = None) -> None:
        """Keep a file, as it is now, with the run.

        Args:
            source: Its path, or its bytes.
            name: What it is called; the file's own name where left out. The same name again replaces it.

        Raises:
            Invalid: `artifact_name`.
            OSError: It cannot be read, or not be copied.
        """
        if name is None:
            if isinstance(source, bytes):
                raise Invalid(Problem("artifact_name", "bytes need a name", field="name"))
            name = Path(source).name
        self._upload(files.check_name(name), "file", source, None)

    def log_text(self, name: str, text: str, step: int | None = None) -> None:
        """Keep a text as a file of its own."""
        self._upload(files.with_suffix(name, ".txt", step), "file", text.encode("utf-8", "replace"), step)

    def log_image(self, name: str, image: Any, step: int | None = None) -> None:
        """Keep a picture: a PNG file, an image of Pillow's, or an array; see `files.encode_image`."""
        self._upload(files.with_suffix(name, ".png", step), "file", files.encode_image(image), step)

    def log_figure(self, name: str, figure: Any, step: int | None = None) -> None:
        """Keep a figure of matplotlib's as a picture."""
        self._upload(files.with_suffix(name, ".png", step), "file", files.encode_figure(figure), step)

    def log_table(
        self, name: str, rows: Iterable[Any], columns: Sequence[str] | None = None, step: int | None = None
    ) -> None:
        """Keep a table as CSV: rows as mappings, as sequences with `columns`, or a data frame."""
        self._upload(files.with_suffix(name, ".csv", step), "file", files.encode_table(rows, columns), step)

    def checkpoint(self, path: str | os.PathLike[str], step: int | None = None) -> None:
        """Keep a file from which the run could go on; the one before is replaced.

        Args:
            path: The file, of any format.
            step: The last step that it contains; the last logged one where left out.
        """
        suffix = Path(path).suffix
        self._upload(f"checkpoint{suffix}", "checkpoint", path, max(0, self._step) if step is None else step)

    def restore(self, path: str | os.PathLike[str]) -> int | None:
        """Fetch the checkpoint from which a run that was resumed goes on.

        Args:
            path: Where the file is to be; it appears whole and verified, or not at all.

        Returns:
            The last step that it contains; None where there is no checkpoint, and no file is written.

        Raises:
            TunewellError: It cannot be fetched.
            OSError: The file cannot be written.
        """
        start = self.start
        found = None if start is None or start.attempt is None else start.attempt.checkpoint
        if self._link is None or found is None:
            return None
        self._link.download(found.artifact_id, found.sha256, Path(path))
        return found.step

    def finish(self, outcome: Outcome | None = None, reason: str = "", *, wait_s: float = FINISH_WAIT_S) -> bool:
        """End the run.

        Args:
            outcome: COMPLETE where left out, or what the server decided: PRUNED, STOPPED.
            reason: A sentence for people.
            wait_s: Most seconds to wait for the server; what it has not heard by then stays on disk.

        Returns:
            Whether the server has heard everything.
        """
        if self._link is None or self._is_finished:
            return self._link is None
        self._is_finished = True
        for action in self._on_finish:
            action()
        ended_early = _ENDED_EARLY.get(self.decision)
        body = {
            "outcome": outcome or ended_early or "COMPLETE",
            "reason": clean(reason, MAX_REASON_CHARS),
            "values": dict(self.summary),
            "is_retryable": False,
            "diagnosis": None,
        }
        is_heard = self._link.finish(body, wait_s)
        if not is_heard and self.mode == "online":
            log.warning(
                "run %s is kept in %s until the server has heard it: send it with `tunewell sync %s`",
                *(self._link.folder.path.name, self._link.folder.path, self._link.folder.path),
            )
        return is_heard

    def end_with(self, error: BaseException | None) -> None:
        """End the run as an exception says, or as COMPLETE without one."""
        if error is None or isinstance(error, Stopped) or _is_good_exit(error):
            self.finish()
            return
        if isinstance(error, KeyboardInterrupt):
            self.finish("STOPPED", "interrupted by Ctrl-C")
            return
        for line in "".join(traceback.format_exception(error)).splitlines():
            self.log_line(line, "stderr")
        is_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
        self.finish("OOM" if is_memory else "CRASHED", "".join(traceback.format_exception_only(error)).strip())

    def relay_report(self, body: Mapping[str, Any]) -> None:
        """Keep what another process reported of this run, as its spool holds it."""
        if self._link is not None and not self._is_finished:
            self._link.relay(body)

    def relay_file(self, body: Mapping[str, Any]) -> None:
        """Keep a file that another process wants to keep with this run, as its spool names it."""
        try:
            self._upload(body["name"], body["artifact_kind"], body["path"], body["step"])
        except OSError as error:
            log.warning("%s is not kept: %s", body["name"], error)

    def at_finish(self, action: Any) -> None:
        """Have something done just before the run ends."""
        self._on_finish.append(action)

    def abandon(self) -> None:
        """Do nothing any more and leave everything as it is: in a forked child the run is its parent's."""
        link, self._link, self._on_finish = self._link, None, []
        if link is not None:
            link.abandon()

    def _upload(self, name: str, kind: str, source: Any, step: int | None) -> None:
        if self._link is None or self._is_finished:
            self._refuse_finished()
            return
        self._link.upload(name, kind, source if isinstance(source, bytes) else Path(source), step)

    def _refuse_finished(self) -> None:
        if self._is_finished:
            raise Invalid(Problem("run_finished", "the run has ended, and takes nothing more", hint="begin another"))


def check_metric(name: str) -> str:
    """Return a metric's name.

    Raises:
        Invalid: `metric_name`.
    """
    if not isinstance(name, str) or not _METRIC.fullmatch(name):
        hint = "letters, digits, spaces, and any of _ . / : @ -, at most 200"
        raise Invalid(Problem("metric_name", f"{name!r} cannot be a metric's name", field="values", hint=hint))
    return name


def as_number(name: str, value: Any) -> float:
    """Return a value as a number.

    Raises:
        Invalid: `not_a_number`.
    """
    try:
        return math.nan if value is None else float(value)
    except (TypeError, ValueError, OverflowError) as error:
        hint = "log numbers; texts, pictures and tables have calls of their own"
        raise Invalid(Problem("not_a_number", f"{name} is {value!r:.80}: {error}", field=name, hint=hint)) from error


def _whole(step: Any) -> int:
    try:
        whole = int(step)
    except (TypeError, ValueError, OverflowError):
        whole = -1
    if whole < 0 or whole != step or whole > 2**62:
        raise Invalid(Problem("bad_step", f"{step!r} is no step", field="step", hint="a whole number, at least 0"))
    return whole


def _is_good_exit(error: BaseException) -> bool:
    return isinstance(error, SystemExit) and error.code in (None, 0)


__all__ = ["Mode", "Run", "Stopped", "Summary", "TunewellError", "as_number", "check_metric"]
