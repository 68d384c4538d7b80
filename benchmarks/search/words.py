"""A comparison as text for a terminal, and as Markdown for the documentation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

GAPS: Final = {
    "parallel_minus_sequential": "Several at once minus one at a time",
    "parallel_minus_equally_informed": "Several at once minus one at a time with as many results known",
}
"""What is lost by running several at once: the figure's name in the document, and a heading."""


def as_text(document: Mapping[str, Any]) -> str:
    """Return the tables of a comparison in Markdown, which reads well in a terminal too."""
    blocks = [_group(name, group) for name, group in document["groups"].items()]
    blocks += [_gaps(document, field, title) for field, title in GAPS.items()]
    blocks += [_lost(document["where_we_lose"]), _cost(document["cost"])]
    return "\n\n".join(block for block in blocks if block)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table whose columns line up."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(head))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in cells]
    return "\n".join([lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]])


def _group(name: str, group: Mapping[str, Any]) -> str:
    rows = []
    for mode in group["by_mode"]:
        for sampler, score in mode["score"].items():
            twice = mode["beats_random_at_twice_the_budget"][sampler]
            rows.append(
                (
                    mode["parallel"],
                    mode["budget"],
                    sampler,
                    f"{score['mean']:+.3f}",
                    f"{score['low']:+.3f} to {score['high']:+.3f}",
                    mode["average_rank"].get(sampler, ""),
                    mode["average_rank_of_all"].get(sampler, ""),
                    f"{twice['mean']:.2f} ({twice['tasks_better']}/{group['n_tasks']})",
                    score["seeds"],
                )
            )
    head = (
        "at once",
        "trials",
        "sampler",
        "score",
        "95 % interval",
        "rank",
        "of all",
        "beats random x 2 (tasks)",
        "seeds",
    )
    return f"### {name}: {group['n_tasks']} tasks\n\n{table(head, rows)}"


def _gaps(document: Mapping[str, Any], field: str, title: str) -> str:
    rows = [
        (name, sampler, budget, f"{gap['mean']:+.3f}", f"{gap['low']:+.3f} to {gap['high']:+.3f}", gap["p"])
        for name, group in document["groups"].items()
        for sampler, by_budget in group.get(field, {}).items()
        for budget, gap in by_budget.items()
    ]
    head = ("group", "sampler", "trials", "difference", "95 % interval", "p")
    return f"### {title}\n\n{table(head, rows)}" if rows else ""


def _lost(entries: Sequence[Mapping[str, Any]]) -> str:
    names = ("task", "parallel", "budget", "to", "ours", "theirs", "p")
    rows = [[entry[name] for name in names] for entry in entries if entry["is_significant"]]
    n_other = len(entries) - len(rows)
    intro = f"Significantly in {len(rows)} cases; in {n_other} more another one's mean is higher within chance."
    return f"### Where we lose\n\n{intro}\n\n{table(names, rows)}" if rows else f"### Where we lose\n\n{intro}"


def _cost(cost: Mapping[str, Any]) -> str:
    rows = [(name, entry["ask_cpu_s"], entry["late_ask_cpu_s"]) for name, entry in cost.items()]
    return f"### CPU seconds of an ask\n\n{table(('sampler', 'mean', 'last tenth'), rows)}"
