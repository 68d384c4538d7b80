"""The comparison as a picture: mean score with its interval, a panel for each number of workers, in plain SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

# Okabe and Ito's colours, which colour-blind readers tell apart; the shape of a mark says the same again.
COLOURS: Mapping[str, str] = {
    "bayesian": "#0072B2",
    "optuna": "#D55E00",
    "hyperopt": "#009E73",
    "smac": "#CC79A7",
    "ax": "#8A7300",
    "random": "#666666",
}
OTHER = "#000000"
WIDTH, PANEL, HEIGHT = 760, 330, 340
LEFT, TOP, BOTTOM, GAP = 56, 48, 284, 34
SHAPES = (
    "M-4,-4h8v8h-8z",
    "M0,-5l5,9h-10z",
    "M0,-5l5,5l-5,5l-5,-5z",
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "M0,5l5,-9h-10z",
    "M-1.5,-5h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
)


def draw(document: Mapping[str, Any], group: str) -> str:
    """Return an SVG of one group's scores.

    Args:
        document: What `summarise_runs` returned.
        group: A key of its groups.

    Raises:
        KeyError: There is no such group.
    """
    modes = document["groups"][group]["by_mode"]
    low, high = _range(modes)
    parallels = list(dict.fromkeys(mode["parallel"] for mode in modes))
    samplers = list(dict.fromkeys(name for mode in modes for name in mode["score"]))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        '<g font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="18" font-weight="bold">{escape(_title(document, group))}</text>',
    ]
    for place, parallel in enumerate(parallels[:2]):
        shown = [mode for mode in modes if mode["parallel"] == parallel]
        parts += _panel(shown, samplers, LEFT + place * (PANEL + GAP), (low, high))
    parts += _legend(samplers)
    return "\n".join([*parts, "</g>", "</svg>"]) + "\n"


def _title(document: Mapping[str, Any], group: str) -> str:
    n_tasks = document["groups"][group]["n_tasks"]
    return f"Mean score on {n_tasks} tasks ({group}); 0 is random search at the same budget, 1 the best there is"


def _range(modes: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    scores = [score for mode in modes for score in mode["score"].values()]
    low, high = min(score["low"] for score in scores), max(score["high"] for score in scores)
    return min(0.0, low) - 0.05, max(0.5, high) + 0.05


def _panel(
    modes: Sequence[Mapping[str, Any]], samplers: Sequence[str], left: float, ends: tuple[float, float]
) -> list[str]:
    def y(score: float) -> float:
        return round(BOTTOM - (score - ends[0]) / (ends[1] - ends[0]) * (BOTTOM - TOP), 1)

    parallel = modes[0]["parallel"]
    caption = "one at a time" if parallel == 1 else f"{parallel} at once"
    width = PANEL - GAP
    parts = [f'<text x="{left}" y="{TOP - 10}">{caption}</text>']
    for tenth in range(-10, 11, 2):
        if ends[0] <= tenth / 10 <= ends[1]:
            at, stroke = y(tenth / 10), "#888888" if tenth == 0 else "#e4e4e4"
            parts.append(f'<path d="M{left},{at}h{width}" stroke="{stroke}"/>')
            parts.append(f'<text x="{left - 6}" y="{at + 4}" text-anchor="end" fill="#555555">{tenth / 10:g}</text>')
    step = width / len(modes)
    for place, mode in enumerate(modes):
        middle = left + (place + 0.5) * step
        parts.append(f'<text x="{middle:.1f}" y="{BOTTOM + 18}" text-anchor="middle">{mode["budget"]} trials</text>')
        for order, name in enumerate(samplers):
            if name in mode["score"]:
                x = middle + (order - (len(samplers) - 1) / 2) * min(13.0, step / (len(samplers) + 1))
                parts += _mark(name, x, *(y(mode["score"][name][key]) for key in ("mean", "low", "high")))
    return parts


def _mark(name: str, x: float, mean: float, low: float, high: float) -> list[str]:
    colour = COLOURS.get(name, OTHER)
    return [
        f'<path d="M{x:.1f},{low}V{high}" stroke="{colour}" stroke-width="1.5"/>',
        f'<path d="{_shape(name)}" transform="translate({x:.1f},{mean})" fill="{colour}"/>',
    ]


def _shape(name: str) -> str:
    names = list(COLOURS)
    return SHAPES[(names.index(name) if name in names else 0) % len(SHAPES)]


def _legend(samplers: Sequence[str]) -> list[str]:
    parts = []
    for place, name in enumerate(samplers):
        x, colour = LEFT + 10 + place * 105, COLOURS.get(name, OTHER)
        parts.append(f'<path d="{_shape(name)}" transform="translate({x},{HEIGHT - 18})" fill="{colour}"/>')
        parts.append(f'<text x="{x + 10}" y="{HEIGHT - 14}">{escape(name)}</text>')
    return parts
