"""Read a study that was pasted as text: YAML by the rules of its version 1.2 ("core schema"), or JSON.

`1e-4` is a number, `no` and `on` are words, `010` is ten, as people expect them. Whatever JSON cannot carry is refused,
and so are keys that appear twice and aliases: one of two values would be lost without a word, and nested aliases make
gigabytes of a few lines.
"""

from __future__ import annotations

import json
import re
from collections.abc import Hashable
from typing import Any, NoReturn

import yaml

from api.errors import Invalid

MAX_CHARS = 100_000
_HINT = "a study has name, dataset, model, search_space and objectives"


def read_study_text(text: str) -> dict[str, Any]:
    """Parse a study.

    Args:
        text: YAML or JSON, at most `MAX_CHARS` characters.

    Returns:
        The mapping, otherwise unchecked.

    Raises:
        Invalid: `unreadable_study`, with the characters that cannot be read in `span` where they are known.
    """
    value = _json(text) if text.lstrip().startswith("{") else _yaml(text)
    if not isinstance(value, dict):
        raise Invalid("unreadable_study", f"the text holds {_kind(value)}, not a study", "text", _HINT)
    return value


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        if _is_flow(text):
            return _yaml(text)
        place = f"line {error.lineno}, column {error.colno}"
        raise _unreadable(f"is not JSON: {place}: {error.msg}", error.pos) from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(str(error)) from error


def _is_flow(text: str) -> bool:
    """Tell whether text in braces, which is no JSON, is a mapping of YAML all the same."""
    try:
        return isinstance(_yaml(text), dict)
    except Invalid:
        return False


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for place, key in enumerate(keys) if key in keys[:place])
        raise ValueError(f"has the key {twice!r} twice in one mapping")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"has {word}, which is no number in JSON")


def _yaml(text: str) -> object:
    try:
        value = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader with fewer types, not more)
        json.dumps(value, allow_nan=False)
        return value
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise _unreadable(
            f"is not a readable study: {place}{error.problem or error.context}", mark.index if mark else None
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(f"is not YAML of a study: {' '.join(str(error).split())}") from error


def _unreadable(what: str, at: int | None = None) -> Invalid:
    span = None if at is None else (at, at + 1)
    return Invalid("unreadable_study", f"the text {what}", "text", _HINT, span=span)


def _kind(value: object) -> str:
    names = {type(None): "nothing", list: "a list", str: "only a text"}
    return names.get(type(value), f"only the value {value!r:.40}")


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core schema with unique keys that are text, without aliases."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's own protocol)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Refuse aliases before they are followed."""
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases are not read here: write the value out", mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse keys that are no text, and the second of two equal keys."""
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            wrong = "is there twice" if key in seen else "must be text: write it in quotes"
            if not isinstance(key, str) or key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} {wrong}", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read decimal, `0x` and `0o` integers; a leading zero means nothing."""
        text = str(self.construct_scalar(node))
        return int(text, {"0x": 16, "0o": 8}.get(text[:2], 10))


_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", _FLOAT, "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN"),
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
