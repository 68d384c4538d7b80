"""Read a study from a YAML or JSON file.

YAML is read by the rules of its version 1.2 ("core schema"), as people expect them: `1e-4` is a number, `no` and `on`
are words, `010` is ten. (The parser below it knows version 1.1, where they are a text, truth values and eight.) Keys
that appear twice are refused, because one of the two values would be lost without a word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any, NoReturn

import yaml

from tunewell.errors import Invalid, Problem

MAX_FILE_BYTES = 5 * 1024 * 1024
EXAMPLE_HINT = "a study has name, dataset, model, search_space and objectives: see `tunewell study submit --help`"


def parse_study(text: str, source: str) -> dict[str, Any]:
    """Parse a study.

    Args:
        text: YAML or JSON.
        source: Name of the file, for messages; JSON is taken for granted where it ends in `.json`.

    Returns:
        The mapping, unvalidated: the server does that.

    Raises:
        Invalid: `study_file` where it is no YAML or JSON, has a key twice, or is no mapping.
    """
    study = _json(text, source) if _is_json(text, source) else _yaml(text, source)
    if not isinstance(study, dict):
        _refuse(source, f"holds {_kind(study)}, not a study", EXAMPLE_HINT)
    return study


def parse_value(text: str, source: str) -> object:
    """Parse one value as it would stand in a study, such as `0.01`, `relu` or `{type: fixed, value: 3}`.

    Args:
        text: YAML.
        source: What it was given for, for messages.

    Raises:
        Invalid: `study_file`.
    """
    return _yaml(text, source)


def with_overrides(study: dict[str, Any], *, name: str | None = None, n_trials: int | None = None) -> dict[str, Any]:
    """Return the study with another name or number of trials, where given."""
    changed = dict(study)
    if name is not None:
        changed["name"] = name
    if n_trials is not None:
        budget = changed.get("budget") or {}
        if not isinstance(budget, dict):
            raise Invalid(Problem("study_file", f"budget is {budget!r:.60}, not a mapping", field="budget"))
        changed["budget"] = {**budget, "n_trials": n_trials}
    return changed


def _is_json(text: str, source: str) -> bool:
    if source.endswith(".json"):
        return True
    if not text.lstrip().startswith("{"):
        return False
    try:
        json.loads(text)
    except ValueError:
        return False  # a YAML mapping in braces
    return True


def _json(text: str, source: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        _refuse(source, f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}", None)
    except (ValueError, RecursionError) as error:
        _refuse(source, str(error), None)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"has the key {key!r} twice in one mapping")
        found[key] = value
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"has {word}, which is no number in JSON")


def _yaml(text: str, source: str) -> object:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader with fewer types, not more)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        _refuse(source, f"is not a readable study: {place}{error.problem or error.context}", None)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        _refuse(source, f"is not YAML: {' '.join(str(error).split())}", None)


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core schema, unique keys that are text, and nothing else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own protocol)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse keys that are no text, and the second of two equal keys. (`<<` merges are not keys.)"""
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} must be text: write it in quotes", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} is there twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read decimal, `0x` and `0o` integers; a leading zero means nothing."""
        text = str(self.construct_scalar(node))
        base = {"0x": 16, "0o": 8}.get(text[:2], 10)
        return int(text, base)


_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("merge", r"<<", "<"),
):
    _firsts = [*_first, ""] if _tag == "null" else list(_first)
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})\\Z"), _firsts)
# Sets, dates, bytes and ordered maps have no place in JSON.
_Loader.yaml_constructors = {
    tag: make
    for tag, make in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.rpartition(":")[2] in {"str", "int", "float", "bool", "null", "map", "seq"}
}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def _kind(value: object) -> str:
    names = {type(None): "nothing", list: "a list", str: "only a text"}
    return names.get(type(value), f"only the value {value!r:.40}")


def _refuse(source: str, what: str, hint: str | None) -> NoReturn:
    raise Invalid(Problem("study_file", f"{source} {what}", hint=hint))
