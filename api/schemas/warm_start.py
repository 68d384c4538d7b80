"""What studies take over from earlier ones."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt, StringConstraints

from api.schemas.base import Shape

LenderRef = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]+$", min_length=1, max_length=100)]


class WarmStart(Shape):
    """What a new study takes over from earlier ones of the same model and the same objectives."""

    studies: list[LenderRef] = Field(
        min_length=1,
        max_length=20,
        description="Ids or names; stored as ids. Their trials so far are used",
    )
    mode: Literal["auto", "prior", "best_points"] = Field(
        default="auto",
        description="prior: the sampler learns from their finished trials. best_points: their best parameters, moved "
        "into this study's space, are its first trials. auto: prior where space, data and fixed values are the same "
        "and the sampler learns, else best_points",
    )
    n_points: StrictInt = Field(default=5, ge=1, le=100, description="At most so many first trials, for best_points")
