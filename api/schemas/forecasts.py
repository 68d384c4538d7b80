"""Where a curve is expected to go, as a pruner judged it last."""

from __future__ import annotations

from pydantic import Field

from api.schemas.base import Shape


class ForecastBand(Shape):
    """Three numbers a step: one trial in ten like this one ends below `low`, one in ten above `high`."""

    steps: list[int] = Field(description="Ascending, to the trial's last step; at most 32")
    low: list[float]
    middle: list[float]
    high: list[float]


class Forecast(Shape):
    """What the pruner `extrapolation` expects of a trial."""

    step: int = Field(description="The step that was judged")
    chance: float | None = Field(
        description="That the trial ends better than the best completed one, 0 to 1; null where there is none yet"
    )
    band: ForecastBand | None
