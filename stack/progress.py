"""The live display of a study: what is done, what is best, what runs, how long it will take."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.text import Text
from tunewell.records import Study, Trial


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study as it is now, its running trials, and the seconds since it was submitted."""

    study: Study
    running: Sequence[Trial]
    elapsed_s: float

    @property
    def n_done(self) -> int:
        """Trials that ended."""
        return self.study.n_finished

    @property
    def left_s(self) -> float | None:
        """Seconds left if trials go on ending as fast as they did; None before the first one ended."""
        planned = self.study.n_planned
        if planned is None or self.n_done == 0:
            return None
        return self.elapsed_s / self.n_done * max(0, planned - self.n_done)


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
    bar = ProgressBar(total=snapshot.study.n_planned or None, completed=snapshot.n_done, width=60)
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
