"""What the demo shows at the end: the best trials, and the best network beside the baseline."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text
from tunewell.records import Study, Trial


def trials_table(study: Study, trials: Sequence[Trial]) -> Table:
    """Return a table of trials in the given order: objective, parameters, duration."""
    metrics = [objective.metric for objective in study.spec.objectives]
    params = list(study.spec.search_space)
    table = Table(title=f"Best of {study.n_finished} trials", title_justify="left")
    for heading in ("trial", *metrics, *params, "time"):
        table.add_column(heading.replace("_", " "), justify="right")  # breaks between words where space is short
    for trial in trials:
        values = [trial.values.get(metric) for metric in metrics]
        cells = [trial.number, *values, *(trial.params.get(name) for name in params)]
        duration = format_duration(trial.duration_s) if trial.duration_s is not None else ""
        table.add_row(*(Text(format_value(cell)) for cell in cells), Text(duration))
    return table


def comparison_lines(evaluation: Mapping[str, Any], trial: Trial) -> list[str]:
    """Return how well network and baseline do on the test part, in words.

    Args:
        evaluation: What `python -m models evaluate` printed.
        trial: Whose network it was.
    """
    network, baseline = evaluation["network"], evaluation["baseline"]
    metric = "test_accuracy" if "test_accuracy" in network else "test_r2"
    names = f"best network (trial {trial.number})", str(baseline["name"]).replace("_", " ")
    width = max(map(len, names))
    return [
        f"{metric.replace('_', ' ')}, on {evaluation['n_test']} rows that neither training nor search has seen:",
        f"  {names[0]:<{width}}  {network[metric]:.4f}",
        f"  {names[1]:<{width}}  {baseline[metric]:.4f}",
    ]


def diagnosis_lines(trial: Trial) -> list[str]:
    """Return what the curves of a trial show first of all, and what to try, in words; nothing where nobody looked."""
    if not trial.diagnosis:
        return []
    first = trial.diagnosis[0]
    lines = [f"curves of trial {trial.number}: {first.title.lower()}. {first.evidence.sentence}"]
    return [*lines, f"  {first.remedy.sentence}"] if first.remedy.sentence else lines


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
