"""The documents of runs as the docs' table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_DIGITS = {"accuracy": 4, "r2": 4, "rmse": 2, "perplexity": 2}
_HEAD = "| data | network | metric | best found | mean of 5 ± deviation | the 5 together | best baseline | bar |"


def as_table(documents: Sequence[Mapping[str, Any]]) -> str:
    """Return the test figures of one or more runs as a Markdown table, a line a search."""
    rows = [_row(line) for document in documents for line in document["lines"].values()]
    return "\n".join([_HEAD, "|---|---|---|---|---|---|---|---|", *rows])


def _row(line: Mapping[str, Any]) -> str:
    metric, tested = line["metric"], line["test"]
    digits = _DIGITS[metric]
    baseline = line["best_baseline"]
    cells = (
        line["dataset"],
        line["model"],
        "R²" if metric == "r2" else metric,
        f"**{tested['network'][f'test_{metric}']:.{digits}f}**",
        f"{tested['refits']['mean']:.{digits}f} ± {tested['refits']['deviation']:.{digits}f}",
        f"{tested['ensemble'][f'test_{metric}']:.{digits}f}",
        f"{line['baselines'][baseline]:.{digits}f} {baseline.replace('_', ' ')}",
        _bar(line["bar"], digits),
    )
    return f"| {' | '.join(cells)} |"


def _bar(bar: Mapping[str, Any] | None, digits: int) -> str:
    if bar is None:
        return ""
    value = f"{bar['value']:g}" if bar["source"] == "set" else f"{bar['value']:.{digits}f}"
    source = "" if bar["source"] == "set" else f" ({bar['source'].replace('_', ' ')})"
    return f"{value}{source}: {'reached' if bar['is_reached'] else 'missed'}"
