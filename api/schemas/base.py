"""What all JSON shapes share: unknown fields are refused, non-finite numbers travel as strings."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
)

MAX_INT = 2**62  # fits every integer column, with room to count on


class Shape(BaseModel):
    """Base of every request and answer."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="strings")


def _from_text(value: object) -> object:
    """Read the three words by which JSON carries non-finite numbers; any other text is left to be refused."""
    if isinstance(value, str) and value in {"NaN", "Infinity", "-Infinity"}:
        return float(value)
    return value


# PostgreSQL's text cannot hold NUL, so no database does.
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$"), Field(description="Any text without NUL characters")]
ParamValue = StrictBool | StrictInt | StrictFloat | StrictStr | None
Number = Annotated[
    float, BeforeValidator(_from_text), Field(strict=True, description='A number, or "NaN", "Infinity", "-Infinity"')
]


class ErrorDetail(Shape):
    """One refusal: what rule was broken, where, and what would be accepted."""

    code: str = Field(examples=["space_bounds"])
    message: str = Field(examples=["low is 1.0 and high is 0.1: low must not be above high"])
    field: str | None = Field(default=None, examples=["search_space.learning_rate.low"])
    hint: str | None = Field(default=None, examples=["swap low and high"])
    span: tuple[int, int] | None = Field(
        default=None,
        description="The characters of the field's text that are wrong, the first one from 0 and the one after the "
        "last; left out where the refusal is about the whole",
    )


class ErrorRead(Shape):
    """The one shape of every error."""

    error: ErrorDetail
