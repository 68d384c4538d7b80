"""Pictures of a study in words and bars: pure functions from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tunewell.follow import Snapshot
from tunewell.records import ParamValue, Study, Trial
from tunewell.terminal import safe

MAX_BARS = 12
STATE_STYLES = {
    "RUNNING": "cyan",
    "PAUSED": "yellow",
    "STOPPING": "yellow",
    "COMPLETE": "green",
    "PRUNED": "yellow",
    "FAIL": "red",
    "FAILED": "red",
    "ALIVE": "green",
    "DRAINING": "yellow",
    "LOST": "red",
}


def panel(snapshot: Snapshot) -> RenderableType:
    """Draw the live display: state, progress, the best trial, a bar per running trial."""
    study = snapshot.study
    parts: list[RenderableType] = [_headline(study), _progress(snapshot), safe(_best_sentence(study), "bold")]
    parts.extend(_bar(trial) for trial in snapshot.running[:MAX_BARS])
    n_hidden = study.trial_counts.get("RUNNING", 0) - min(MAX_BARS, len(snapshot.running))
    if snapshot.running and n_hidden > 0:
        parts.append(Text(f"  and {n_hidden} more running", style="dim"))
    if snapshot.trouble:
        parts.append(safe(f"{snapshot.trouble}; trying again", "yellow"))
    return Group(*parts)


def line(snapshot: Snapshot) -> str:
    """Say the same in one line; the caller cleans it for its terminal."""
    study = snapshot.study
    words = [f"{study.name}: {study.state}", count_words(study), _best_sentence(study)]
    if n_running := study.trial_counts.get("RUNNING", 0):
        words.append(f"{n_running} running")
    if left := left_words(snapshot.left_s):
        words.append(left)
    if snapshot.trouble:
        words.append(f"{snapshot.trouble}; trying again")
    return ", ".join(words)


def count_words(study: Study) -> str:
    """Say how many trials are done, and how many of them without a result."""
    n_planned = "" if study.n_planned is None else f"/{study.n_planned}"
    counts = study.trial_counts
    extra = [
        f"{counts[state]} {word}" for state, word in (("PRUNED", "pruned"), ("FAIL", "failed")) if counts.get(state)
    ]
    made = study.confirmation
    confirming = f", confirming {made.n_done} of {made.n_total}" if made is not None and made.state == "running" else ""
    return f"{study.n_finished}{n_planned} trials" + (f" ({', '.join(extra)})" if extra else "") + confirming


def best_words(study: Study) -> str:
    """Say the best value so far and its trial, or how many trials nothing beats; `-` for none."""
    if study.best_trials and len(study.spec.objectives) > 1:
        return f"{len(study.best_trials)} trials that no other beats"
    best = study.best_trial
    if best is None:
        return "-"
    metric = study.spec.objectives[0].metric if study.spec.objectives else ""
    return f"{metric} {number_words(best.values.get(metric))} (trial {best.number})"


def left_words(left_s: float | None) -> str:
    """Say how long it may still take; nothing where that is unknown."""
    return "" if left_s is None else f"about {duration_words(left_s)} left"


def duration_words(seconds: float | None) -> str:
    """Write a duration with the two largest units that matter.

    Examples:
        >>> duration_words(3725)
        '1 h 2 min'
    """
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes, rest_s = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest_s} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def number_words(value: ParamValue) -> str:
    """Write a value with at most six digits; `-` for none."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def mean_words(mean: float, standard_error: float | None) -> str:
    """Write a mean with its standard error where there is one, the error with two digits."""
    return number_words(mean) if standard_error is None else f"{number_words(mean)} ± {standard_error:.2g}"


def params_words(params: Mapping[str, ParamValue]) -> str:
    """Write parameters as `name=value`, in their order."""
    return " ".join(f"{name}={number_words(value)}" for name, value in params.items())


def state_text(state: str) -> Text:
    """Write a state in its colour."""
    return safe(state, STATE_STYLES.get(state, ""))


def _best_sentence(study: Study) -> str:
    words = best_words(study)
    return "no result yet" if words == "-" else f"best {words}"


def _headline(study: Study) -> Text:
    parts = [safe(study.name, "bold"), Text(" "), state_text(study.state)]
    if study.state_reason:
        parts.append(safe(f" {study.state_reason}", "dim"))
    return Text.assemble(*parts)


def _progress(snapshot: Snapshot) -> RenderableType:
    study = snapshot.study
    words = ", ".join(word for word in (count_words(study), left_words(snapshot.left_s)) if word)
    if study.n_planned is None:
        return Text(words)
    row = Table.grid(padding=(0, 1))
    row.add_row(ProgressBar(total=study.n_planned, completed=study.n_finished, width=40), Text(words))
    return row


def _bar(trial: Trial) -> RenderableType:
    row = Table.grid(padding=(0, 1))
    row.add_column(min_width=11)
    step = trial.step or 0
    if trial.n_steps:
        bar: RenderableType = ProgressBar(total=trial.n_steps, completed=step, width=28)
        words = f"epoch {step}/{trial.n_steps}"
    else:
        bar, words = Text(""), f"epoch {step}" if step else "starting"
    row.add_row(Text(f"  trial {trial.number}"), bar, Text(words), safe(params_words(trial.params), "dim"))
    return row
