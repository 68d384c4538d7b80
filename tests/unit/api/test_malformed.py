"""How a request of the wrong shape is explained, place by place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from fastapi import Body, Path, Query
from fastapi.exceptions import RequestValidationError
from pydantic import Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from api.errors import ApiError
from api.malformed import explain
from api.schemas.base import Shape

Word = Annotated[str, Field(pattern="^[a-z]+$", description="Lower-case letters")]


class Leaf(Shape):
    size: int = Field(description="Centimetres")
    words: list[Word] = Field(default_factory=list)
    either: bool | int | str | None = None


@with_config(Shape.model_config)
class Seed(TypedDict):
    grams: Annotated[float, Field(description="Its weight")]


class Tree(Shape):
    leaf: Leaf | None = None
    seeds: list[Seed] = Field(default_factory=list)
    leaves: list[Leaf] = Field(default_factory=list)
    by_word: dict[Word, Leaf] = Field(default_factory=dict)


class Search(Shape):
    limit: int = Field(default=1, ge=1, description="How many")


def endpoint(
    number: Annotated[int, Path(ge=0, description="Which one")],
    query: Annotated[Search, Query()],
    body: Annotated[Tree | None, Body()] = None,
) -> Tree:
    """Stand for a route's function."""
    raise NotImplementedError


def refusal(kind: Any, value: Any, *where: str, of: Callable[..., Any] | None = endpoint) -> ApiError:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(value)
    errors = [{**error, "loc": (*where, *error["loc"])} for error in caught.value.errors()]
    return explain(RequestValidationError(errors), of)


@pytest.mark.parametrize(
    ("body", "code", "field", "message", "hint"),
    [
        ({"laef": {}}, "unknown_field", "laef", "there is no field 'laef' here", "did you mean 'leaf'?"),
        ({"leaf": {"size": 1, "sise": 2}}, "unknown_field", "leaf.sise", "'sise'", "did you mean 'size'?"),
        ({"leaves": [{"size": 1, "x": 2}]}, "unknown_field", "leaves.0.x", "'x'", "known: either, size, words"),
        ({"by_word": {"a": {"size": 1, "word": 2}}}, "unknown_field", "by_word.a.word", "'word'", "'words'"),
        ({"seeds": [{"grams": 1, "x": 2}]}, "unknown_field", "seeds.0.x", "'x'", "known: grams"),
        ({"seeds": [{}]}, "missing_field", "seeds.0.grams", "seeds.0.grams is missing", "Its weight"),
        ({"leaf": {}}, "missing_field", "leaf.size", "leaf.size is missing", "Centimetres"),
        ({"leaf": {"size": "x"}}, "int_parsing", "leaf.size", "got 'x'", "Centimetres"),
        (
            {"leaf": {"size": 1, "words": ["A"]}},
            "string_pattern_mismatch",
            "leaf.words.0",
            "Lower-case letters",
            "/docs",
        ),
        ({"by_word": {"A": {"size": 1}}}, "string_pattern_mismatch", "by_word.A", "got 'A'", "/docs"),
        (
            {"leaf": {"size": 1, "either": [1]}},
            "bool_type",
            "leaf.either",
            "must be one of: true or false, an integer, text, null; got [1]",
            "/docs",
        ),
    ],
)
def test_a_place_in_the_body_is_explained(body: Any, code: str, field: str, message: str, hint: str) -> None:
    error = refusal(Tree, body, "body")
    assert (error.code, error.field) == (code, field)
    assert message in error.message
    assert hint in (error.hint or "")
    leaf = {"size": 1, "words": ["a"], "either": 1}
    Tree.model_validate({"leaf": leaf, "by_word": {"a": {"size": 1}}, "seeds": [{"grams": 1.5}]})


def test_parameters_are_explained_too() -> None:
    number = refusal(Annotated[int, Field(ge=0)], -1, "path", "number")
    assert (number.field, number.hint) == ("number", "Which one")
    limit = refusal(Search, {"limit": 0}, "query")
    assert (limit.field, limit.hint) == ("limit", "How many")
    unknown = refusal(Search, {"limits": 1}, "query")
    assert (unknown.code, unknown.field, "'limit'" in (unknown.hint or "")) == ("unknown_field", "limits", True)


def test_without_a_route_the_place_is_still_named() -> None:
    error = refusal(Tree, {"leaf": {"size": "x"}}, "body", of=None)
    assert (error.code, error.field) == ("int_parsing", "leaf.size")


def test_long_values_are_shown_in_part() -> None:
    error = refusal(Tree, {"leaf": {"size": "x" * 10_000}}, "body")
    assert len(error.message) < 300
