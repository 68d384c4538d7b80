"""The live display of a study: what is done, what is best, what runs, how long it will take."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.text import Text
from tunewell.records import Study, Trial


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study as it is now, its running trials, and the seconds in which a trial ends, if known."""

    study: Study
    running: Sequence[Trial]
    pace_s: float | None

    @property
    def n_done(self) -> int:
        """Trials that ended."""
        return self.study.n_finished

    @property
    def left_s(self) -> float | None:
        """Seconds left if trials go on ending as fast as they do; None where that is not known."""
        planned = self.study.n_planned
        if planned is None or self.pace_s is None:
            return None
        return self.pace_s * max(0, planned - self.n_done)


@dataclass(slots=True)
class Pace:
    """How fast trials end. What came before the first end, such as starting processes, tells nothing about it."""

    first: tuple[int, float] | None = None

    def seconds_per_trial(self, n_done: int, now: float) -> float | None:
        """Take in how many trials ended until now, and return the pace; None until another one ends after the first."""
        if self.first is None:
            self.first = (n_done, now) if n_done else None
            return None
        n_first, first_at = self.first
        return (now - first_at) / (n_done - n_first) if n_done > n_first else None


def status_line(snapshot: Snapshot) -> str:
    """Return done, best value and time left in one line."""
    planned = snapshot.study.n_planned
    parts = [f"{snapshot.n_done}/{planned if planned is not None else '?'} trials", best_text(snapshot.study)]
    if snapshot.left_s is not None:
        parts.append(f"about {format_duration(snapshot.left_s)} left")
    return ", ".join(parts)


def best_text(study: Study) -> str:
    """Return the best value so far, for each objective, with the trial that reached it."""
    best = study.best_trial
    if best is None:
        return "no value yet"
    metrics = [objective.metric for objective in study.spec.objectives]
    values = ", ".join(f"{metric} {format_value(best.values.get(metric))}" for metric in metrics)
    return f"best {values} (trial {best.number})"


def running_lines(running: Sequence[Trial]) -> list[str]:
    """Return one line for each running trial: its epoch and its parameters."""
    return [f"trial {trial.number:>3}  {_epoch(trial)}  {format_params(trial.params)}" for trial in running]


def format_params(params: Mapping[str, object]) -> str:
    """Return parameters in one line, numbers short."""
    return "  ".join(f"{name}={format_value(value)}" for name, value in params.items())


def format_value(value: object) -> str:
    """Return a value in as few characters as say enough; floats with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def format_duration(seconds: float) -> str:
    """Return a duration such as `7 s`, `2 min 05 s` or `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def render(snapshot: Snapshot) -> RenderableType:
    """Return the display for a terminal."""
    # A bar alone ends without a line end, and the status would go on in its line.
    bar = Padding(ProgressBar(total=snapshot.study.n_planned or None, completed=snapshot.n_done, width=60), 0)
    lines = [Text(line) for line in running_lines(snapshot.running)]
    return Group(bar, Text(status_line(snapshot)), *lines)


@contextmanager
def display(console: Console, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Callable[[Snapshot], None]]:
    """Give a function that shows snapshots: redrawn in place on a terminal, else a line whenever a trial ended."""
    if not console.is_terminal:
        yield PlainLines(console)
        return
    with Live(console=console, auto_refresh=False) as live:
        yield lambda snapshot: live.update(render(snapshot), refresh=True)


@dataclass(slots=True)
class PlainLines:
    """Prints a line when the number of ended trials changed."""

    console: Console
    shown: int = -1

    def __call__(self, snapshot: Snapshot) -> None:
        """Show a snapshot if it tells something new."""
        if snapshot.n_done == self.shown:
            return
        self.shown = snapshot.n_done
        for line in (status_line(snapshot), *(f"  {line}" for line in running_lines(snapshot.running))):
            self.console.print(Text(line), soft_wrap=True)


def _epoch(trial: Trial) -> str:
    if trial.step is None:
        return "starting "
    return f"epoch {trial.step}/{trial.n_steps}" if trial.n_steps else f"epoch {trial.step}"
