"""Refuse what a model cannot be built from, with a message that says what it can."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import cast

from models.catalogue.entries import Hyperparameter, ModelInfo, ParamValue
from models.catalogue.errors import CatalogueError

NUMERIC = ("float", "int")
_DISTRIBUTIONS: Mapping[str, frozenset[str]] = {
    "float": frozenset({"float", "int"}),
    "int": frozenset({"int"}),
    "categorical": frozenset(),
    "bool": frozenset(),
    "text": frozenset({"list"}),
}
_LONGEST_LIST = 64


def unknown_name(kind: str, name: object, known: Iterable[str], field: str) -> CatalogueError:
    """Describe an unknown name together with the nearest right one.

    Args:
        kind: what was looked up, one word, such as `model`; the error's code is `unknown_<kind>`.
        name: what was asked for.
        known: all right names.
        field: where the name stood.

    Returns:
        The error, for the caller to raise.
    """
    names = list(known)
    close = _nearest(str(name).lower(), names)
    suggestion = f"Did you mean {close!r}? " if close else ""
    accepted = f"Known: {', '.join(names)}."
    return CatalogueError(f"unknown_{kind}", f"There is no {kind} named {_shown(name)}.", field, suggestion + accepted)


def check_value(hyperparameter: Hyperparameter, value: object, field: str) -> None:
    """Refuse a value that the hyperparameter does not accept.

    Args:
        hyperparameter: the rule.
        value: what was given, of any type.
        field: where it stood, for instance `fixed.dropout`.

    Raises:
        CatalogueError: `wrong_type`, `not_finite`, `out_of_range`, `not_a_choice` or `wrong_text`.
    """
    if hyperparameter.type == "categorical":
        _check_choice(hyperparameter, value, field)
    elif hyperparameter.type == "bool":
        if not isinstance(value, bool):
            raise _wrong_type(hyperparameter, value, field)
    elif hyperparameter.type == "text":
        _check_text(hyperparameter, value, field)
    else:
        _check_number(hyperparameter, value, field)


def check_params(model: ModelInfo, params: Mapping[str, object], field: str = "params") -> None:
    """Refuse parameters that the model does not have or does not accept.

    Args:
        model: the catalogue's entry.
        params: values by hyperparameter name; missing ones are fine, they have defaults.
        field: name of the mapping in the caller's document, put before each parameter's name in errors.

    Raises:
        CatalogueError: `unknown_parameter`, or what `check_value` raises.
    """
    for name, value in params.items():
        check_value(find_hyperparameter(model, name, f"{field}.{name}"), value, f"{field}.{name}")


def check_space(model: ModelInfo, space: Mapping[str, Mapping[str, object]], field: str = "search_space") -> None:
    """Refuse a search space that could suggest a value the model does not accept.

    The ends of each range and each choice are held against the hyperparameter's own range. Whether the range is sound
    in itself (`low <= high`, a log range above 0, the fields present) is the business of whoever parses search spaces.

    A list of values suits a hyperparameter of type `text`, whose text it makes: the shortest and longest texts of its
    end values are held against the text's form.

    Args:
        model: the catalogue's entry.
        space: distributions by hyperparameter name, each with `type` and `low`, `high`, `step`, `choices`, `value`, or
            `length` and `each`.
        field: name of the mapping in the caller's document.

    Raises:
        CatalogueError: `unknown_parameter`, `wrong_type`, or what `check_value` raises.
    """
    for name, distribution in space.items():
        where = f"{field}.{name}"
        hyperparameter = find_hyperparameter(model, name, where)
        _check_distribution_type(hyperparameter, distribution.get("type"), where)
        for end in ("low", "high", "value"):
            if end in distribution:
                check_value(hyperparameter, distribution[end], f"{where}.{end}")
        choices = distribution.get("choices", ())
        for choice in choices if isinstance(choices, (list, tuple)) else ():
            check_value(hyperparameter, choice, f"{where}.choices")
        each, length = distribution.get("each"), distribution.get("length")
        for text in list_texts(each, length) if isinstance(each, Mapping) and isinstance(length, Mapping) else ():
            check_value(hyperparameter, text, where)


def list_texts(each: Mapping[str, object], length: Mapping[str, object]) -> list[str]:
    """Return texts of a list of values such as `64-64`: the shortest and the longest of each end value.

    Args:
        each: distribution of every place.
        length: `low` and `high`, in places.
    """
    choices = each.get("choices", ())
    ends = [each[end] for end in ("low", "high", "value") if end in each]
    values = [*ends, *(choices if isinstance(choices, (list, tuple)) else ())]
    lengths = [n for n in (length.get("low"), length.get("high")) if isinstance(n, int) and 0 < n <= _LONGEST_LIST]
    return ["-".join([str(value)] * n) for n in dict.fromkeys(lengths) for value in values]


def complete_params(model: ModelInfo, params: Mapping[str, object], field: str = "params") -> dict[str, ParamValue]:
    """Check parameters and add the defaults of those that are missing.

    Args:
        model: the catalogue's entry.
        params: values by hyperparameter name.
        field: name of the mapping in the caller's document.

    Returns:
        One value for each of the model's hyperparameters, in the catalogue's order; those of type `float` are floats.

    Raises:
        CatalogueError: what `check_params` raises.
    """
    check_params(model, params, field)
    complete: dict[str, ParamValue] = {}
    for name, hyperparameter in model.hyperparameters.items():
        value = cast(ParamValue, params.get(name, hyperparameter.default))
        complete[name] = float(value) if hyperparameter.type == "float" else value
    return complete


def find_hyperparameter(model: ModelInfo, name: str, field: str) -> Hyperparameter:
    """Return a model's hyperparameter.

    Raises:
        CatalogueError: `unknown_parameter`, with the nearest right name.
    """
    try:
        return model.hyperparameters[name]
    except KeyError:
        raise unknown_name("parameter", name, model.hyperparameters, field) from None


def accepted_values(hyperparameter: Hyperparameter) -> str:
    """Say in a few words what a hyperparameter accepts."""
    if hyperparameter.type == "categorical":
        return "one of " + ", ".join(repr(choice) for choice in hyperparameter.choices)
    if hyperparameter.type == "bool":
        return "true or false"
    if hyperparameter.type == "text":
        return f"text of the form {hyperparameter.pattern}"
    kind = "a whole number" if hyperparameter.type == "int" else "a number"
    return f"{kind} from {hyperparameter.low:g} to {hyperparameter.high:g}"


def _nearest(name: str, known: list[str]) -> str | None:
    # People write initials too: lr for learning_rate.
    for candidate in known:
        if "_" in candidate and name == "".join(word[:1] for word in candidate.split("_")):
            return candidate
    return next(iter(difflib.get_close_matches(name[:200], known, n=1, cutoff=0.5)), None)


def _check_choice(hyperparameter: Hyperparameter, value: object, field: str) -> None:
    # Types count: 1, 1.0 and True are equal in Python, and none of them is the choice "1".
    if not any(type(choice) is type(value) and choice == value for choice in hyperparameter.choices):
        raise _refusal("not_a_choice", "is not among its choices", hyperparameter, value, field)


def _check_text(hyperparameter: Hyperparameter, value: object, field: str) -> None:
    if not isinstance(value, str):
        raise _wrong_type(hyperparameter, value, field)
    if hyperparameter.pattern is not None and not re.fullmatch(hyperparameter.pattern, value):
        raise _refusal("wrong_text", "does not have the form", hyperparameter, value, field)


def _check_number(hyperparameter: Hyperparameter, value: object, field: str) -> None:
    whole_needed = hyperparameter.type == "int"
    if isinstance(value, bool) or not isinstance(value, int if whole_needed else (int, float)):
        raise _wrong_type(hyperparameter, value, field)
    if not _is_finite(value):
        raise _refusal("not_finite", "is not a finite number", hyperparameter, value, field)
    low, high = hyperparameter.low, hyperparameter.high
    if (low is not None and value < low) or (high is not None and value > high):
        raise _refusal("out_of_range", "is out of range", hyperparameter, value, field)


def _is_finite(value: float) -> bool:
    # A whole number beyond 1e308 is finite, and math.isfinite overflows on it.
    return isinstance(value, int) or math.isfinite(value)


def _check_distribution_type(hyperparameter: Hyperparameter, kind: object, field: str) -> None:
    # Choices are tested one by one, so a categorical distribution suits every hyperparameter.
    allowed = {"categorical", "fixed"} | _DISTRIBUTIONS[hyperparameter.type]
    if kind not in allowed:
        raise CatalogueError(
            "wrong_type",
            f"{hyperparameter.name} is of type {hyperparameter.type} and cannot be drawn from a distribution of "
            f"type {_shown(kind)}.",
            f"{field}.type",
            f"Accepted: {', '.join(sorted(allowed))}.",
        )


def _wrong_type(hyperparameter: Hyperparameter, value: object, field: str) -> CatalogueError:
    return _refusal("wrong_type", f"is not of type {hyperparameter.type}", hyperparameter, value, field)


def _refusal(code: str, rule: str, hyperparameter: Hyperparameter, value: object, field: str) -> CatalogueError:
    message = f"{_shown(value)} {rule} for {hyperparameter.name}."
    return CatalogueError(code, message, field, f"Accepted: {accepted_values(hyperparameter)}.")


def _shown(value: object, limit: int = 60) -> str:
    # An answer must not repeat a megabyte of somebody's payload; nor does Python print integers of 5,000 digits.
    if isinstance(value, int) and abs(value) > 10**limit:
        return f"a whole number of more than {limit} digits"
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
