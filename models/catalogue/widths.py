"""Lists of layer widths written as text, such as `128-64`: a search space can choose between whole shapes."""

from collections.abc import Mapping

from models.catalogue.entries import DataFacts, Hyperparameter, ParamValue, Rule

MAX_WIDTH = 4096
MAX_LAYERS = 16


def widths_parameter(name: str, meaning: str, default: str = "") -> Hyperparameter:
    """Describe a hyperparameter that holds widths.

    Args:
        name: its name.
        meaning: one sentence.
        default: widths, or nothing.
    """
    return Hyperparameter(name, "text", default, meaning, pattern=r"(\d{1,4}(-\d{1,4}){0,15})?")


def read_widths(text: str) -> tuple[int, ...]:
    """Return the widths that a text lists: `128-64` is (128, 64), nothing is ()."""
    return tuple(int(width) for width in text.split("-")) if text else ()


def widths_rule(name: str) -> Rule:
    """Refuse widths of 0 or beyond 4096."""

    def check(params: Mapping[str, ParamValue], data: DataFacts | None) -> str | None:
        wrong = [width for width in read_widths(str(params[name])) if not 1 <= width <= MAX_WIDTH]
        return f"{name} names a layer of {wrong[0]} units" if wrong else None

    return Rule((name,), check, f"Widths from 1 to {MAX_WIDTH}, at most {MAX_LAYERS} of them, joined by '-'.")
