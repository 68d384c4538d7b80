"""Requests whose shape is wrong, told in words: which field, what it is for, and what was probably meant.

Pydantic says where and which check failed. The annotations of the route's own function say the rest: the fields that an
object has, and the description of each, which states its rule for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from fastapi import params
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict  # that of `typing` does not know those of `typing_extensions`

from api.errors import ApiError, Invalid, nearest

_SHOWN_CHARS = 80
_HINT = "see /docs for the shape of this request"


@dataclass(frozen=True, slots=True)
class _Place:
    """What the annotations say about one place in a request: its type, and its rule in words."""

    annotation: Any
    rule: str = ""


def explain(error: RequestValidationError, endpoint: Callable[..., Any] | None) -> ApiError:
    """Return the refusal for a request that does not have the shape its route asks for.

    Args:
        error: What FastAPI found; the first finding is told.
        endpoint: The route's function; without one, field names and rules are left out.
    """
    first: Mapping[str, Any] = error.errors()[0]
    if first["type"] == "json_invalid":
        return unreadable(f"{first['ctx']['error']} at character {first['loc'][-1]}")
    where, *path = first["loc"]
    return explain_fault(first, path, _root(endpoint, where, path))


def explain_fault(fault: Mapping[str, Any], path: Sequence[object], root: Any) -> ApiError:
    """Return the refusal for one finding of pydantic's.

    Args:
        fault: What pydantic found.
        path: Where, from `root` on.
        root: The type that was asked for.
    """
    cause = fault.get("ctx", {}).get("error")
    if isinstance(cause, ApiError):
        return cause
    names, place, holder = _follow(root, path)
    field = ".".join(names) or None
    if fault["type"] == "extra_forbidden":
        return _unknown(names[-1], field, holder)
    if fault["type"] == "missing":
        return Invalid("missing_field", f"{field or 'the body'} is missing", field, place.rule or _HINT)
    said = _rule(fault, place)
    hint = place.rule if place.rule and place.rule not in said else _HINT
    return Invalid(fault["type"], f"{said}; got {_shown(fault.get('input'))}", field, hint)


def unreadable(why: str) -> Invalid:
    """Return the refusal of a body that is not JSON."""
    return Invalid("json_malformed", f"the body is not JSON: {why}", hint="send one JSON object, as UTF-8")


def _unknown(name: str, field: str | None, holder: Any) -> Invalid:
    known = _fields_of(holder)
    return Invalid("unknown_field", f"there is no field {name!r} here", field, nearest(name, known) if known else _HINT)


def _rule(first: Mapping[str, Any], place: _Place) -> str:
    if isinstance(_bare(place.annotation), UnionType) or get_origin(_bare(place.annotation)) is Union:
        names = [getattr(kind, "__name__", str(kind)) for kind in map(_bare, get_args(_bare(place.annotation)))]
        return f"must be one of: {', '.join(_WORDS.get(name, name) for name in names)}"
    if first["type"] == "string_pattern_mismatch" and place.rule:
        return f"does not fit the rule: {place.rule}"
    message: str = first["msg"]
    return message


_WORDS = {"bool": "true or false", "int": "an integer", "float": "a number", "str": "text", "NoneType": "null"}


def _shown(value: object) -> str:
    text = repr(jsonable_encoder(value, custom_encoder={bytes: repr}))
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."


def _root(endpoint: Callable[..., Any] | None, where: str, path: Sequence[object]) -> Any:
    """Return the type of which `path` names a field: the body's, or a model made of the route's parameters."""
    hints = {} if endpoint is None else get_type_hints(endpoint, include_extras=True)
    hints.pop("return", None)
    if where == "body":
        parts = [hint for hint in hints.values() if not isinstance(_info_of(hint), params.Param)]
    else:
        for name, hint in hints.items():
            info = _info_of(hint)
            if path and path[0] in (name, None if info is None else info.alias):
                return {path[0]: hint}
        parts = [hint for hint in hints.values() if isinstance(_info_of(hint), params.Param)]
    return next((hint for hint in parts if _fields_of(hint)), None)


def _follow(root: Any, path: Sequence[object]) -> tuple[list[str], _Place, Any]:
    """Walk from `root` along `path`; return the names on the way, the place reached and what holds it.

    Pydantic ends the path of a union with the alternative it tried, and that of a key with `[key]`: both are no names.
    """
    names: list[str] = []
    place, holder = _Place(root), root
    for part in path:
        if _is_plain_union(place.annotation) or part == "[key]":
            break
        names.append(str(part))
        holder, place = place.annotation, _step(place.annotation, part)
    return names, place, holder


def _step(annotation: Any, part: object) -> _Place:
    if isinstance(annotation, dict):
        return _describe(annotation.get(part))
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        info = bare.model_fields.get(str(part))
        return _Place(None) if info is None else _Place(info.annotation, info.description or "")
    if is_typeddict(bare):
        return _describe(get_type_hints(bare, include_extras=True).get(str(part)))
    arguments = get_args(bare)
    return _describe(arguments[-1]) if arguments else _Place(None)


def _describe(hint: Any) -> _Place:
    info = _info_of(hint)
    return _Place(hint, (info.description or "") if info is not None else "")


def _bare(annotation: Any) -> Any:
    """Return a type without its metadata, and `X` for `X | None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        return _bare(kinds[0]) if len(kinds) == 1 else annotation
    return annotation


def _is_plain_union(annotation: Any) -> bool:
    return get_origin(_bare(annotation)) in (Union, UnionType)


def _info_of(hint: Any) -> FieldInfo | None:
    return next((one for one in getattr(hint, "__metadata__", ()) if isinstance(one, FieldInfo)), None)


def _fields_of(annotation: Any) -> list[str]:
    bare = _bare(annotation)
    if is_typeddict(bare):
        return list(get_type_hints(bare))
    return list(bare.model_fields) if isinstance(bare, type) and issubclass(bare, BaseModel) else []
