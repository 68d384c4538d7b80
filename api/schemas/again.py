"""Trials that run once more what an earlier one tried."""

from __future__ import annotations

from pydantic import ConfigDict, Field, StrictInt

from api.schemas.base import Shape, Text
from api.schemas.trials import TrialRead

MAX_REPEATS = 50


class RepeatCreate(Shape):
    """Run a trial's parameters again from other seeds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"n": 3, "note": "how much of it is luck?"}]})
    n: StrictInt = Field(default=3, ge=1, le=MAX_REPEATS, description="New trials, each with a seed of its own")
    note: Text = Field(default="", max_length=2000)


class RepeatedTrials(Shape):
    """The trials that were added, in the order of their numbers."""

    items: list[TrialRead]
