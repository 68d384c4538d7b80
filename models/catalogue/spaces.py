"""The search space that a network suggests for a data set, beside what a study fixes."""

import itertools
from collections.abc import Mapping, Sequence

from models.catalogue.checks import complete_params
from models.catalogue.entries import DataFacts, ModelInfo, ParamValue
from models.catalogue.rules import end_values

# Longer ranges are left as they are: what cannot be built of them is refused trial by trial.
MAX_VALUES = 64

Shape = Mapping[str, object]


def suggest_space(
    model: ModelInfo, dataset: DataFacts | None = None, fixed: Mapping[str, ParamValue] | None = None
) -> dict[str, dict[str, object]]:
    """Return the model's default search space as far as it suits a study.

    Left out are parameters that the study fixes, those that its fixed values keep from ever being active, and values
    that make no network on the data together with some of the others. A parameter with one value left is fixed at it.

    Args:
        model: the catalogue's entry.
        dataset: the data, where known.
        fixed: values by hyperparameter name.

    Returns:
        A search space in the shape a study has it, ready for JSON.

    Raises:
        CatalogueError: what `complete_params` raises of the fixed values.
    """
    known = dict(fixed or {})
    base = complete_params(model, known, "fixed")
    space: dict[str, dict[str, object]] = {}
    for name, shape in model.default_space.items():
        left = None if name in known else _left_of(shape, known, space)
        if left is not None:
            space[name] = left
    for name in list(space):
        values = _values(space[name])
        kept = [value for value in values if _suits(model, {**base, name: value}, name, space, dataset)]
        if kept and len(kept) < len(values):
            space[name] = _narrowed(space[name], values, kept)
    return space


def _left_of(shape: Shape, fixed: Mapping[str, ParamValue], space: Mapping[str, Shape]) -> dict[str, object] | None:
    """Return the shape without conditions that fixed values fulfil; None where it cannot be active any more.

    A default space lists a parameter after those its conditions name.
    """
    when = shape.get("when", {})
    left: dict[str, object] = {}
    for other, accepted in when.items() if isinstance(when, Mapping) else ():
        if other in fixed:
            if fixed[other] not in accepted:
                return None
        elif other in space or other.rpartition(".")[0] in space:
            left[other] = accepted
        else:
            return None
    plain = {key: value for key, value in shape.items() if key != "when"}
    return {**plain, "when": left} if left else plain


def _values(shape: Shape) -> list[ParamValue]:
    """List the values of a distribution; none where there are too many, or where they are texts of lists."""
    choices = shape.get("choices")
    if isinstance(choices, Sequence):
        return list(choices)
    low, high, step = shape.get("low"), shape.get("high"), shape.get("step", 1)
    if shape.get("type") != "int" or not (isinstance(low, int) and isinstance(high, int) and isinstance(step, int)):
        return []
    values = range(low, high + 1, step)
    return list(values) if len(values) <= MAX_VALUES else []


def _suits(
    model: ModelInfo, params: Mapping[str, ParamValue], name: str, space: Mapping[str, Shape], data: DataFacts | None
) -> bool:
    """Tell whether the rules that speak of `name` hold for every end and choice of the other parameters."""
    for rule in model.rules:
        if name not in rule.fields:
            continue
        others = [other for other in rule.fields if other in space and other != name]
        for values in itertools.product(*(end_values(space[other], params[other]) for other in others)):
            if rule.check({**params, **dict(zip(others, values, strict=True))}, data) is not None:
                return False
    return True


def _narrowed(shape: Shape, values: list[ParamValue], kept: list[ParamValue]) -> dict[str, object]:
    rest: dict[str, object] = {"when": shape["when"]} if "when" in shape else {}
    if len(kept) == 1:
        return {"type": "fixed", "value": kept[0], **rest}
    if shape.get("type") == "int" and kept == values[: len(kept)]:
        return {**shape, "high": kept[-1]}
    return {"type": "categorical", "choices": kept, **rest}
