"""Points that people want a study to try."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from api.schemas.base import ParamValue, Shape, Text
from api.schemas.trials import TrialRead

MAX_POINTS = 100


class Point(Shape):
    """A trial to run, given in whole or in part."""

    params: dict[str, ParamValue] = Field(
        description="Values of parameters of the search space; the study's sampler chooses the others"
    )
    note: Text = Field(default="", max_length=2000)


class Points(Shape):
    """Trials to run: all of them are added, or none."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"points": [{"params": {"learning_rate": 0.01}, "note": "as in the paper"}]}]}
    )
    points: list[Point] = Field(min_length=1, max_length=MAX_POINTS)


class EnqueuedTrials(Shape):
    """The trials that were added, in the order of their points."""

    items: list[TrialRead]
