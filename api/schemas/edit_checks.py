"""A change of a study that is looked over before it is made."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas.base import ParamValue, Shape
from api.schemas.checks import StudyProblem


class EditCheck(Shape):
    """A change to look over."""

    changes: Annotated[
        dict[str, Any],
        Field(
            description="As `PATCH /studies/{study}` takes them; space, constraints and limits are looked at",
            examples=[{"search_space": {"learning_rate": {"high": 0.5}, "activation": None}}],
        ),
    ]


class SettingChange(Shape):
    """One setting that would change."""

    field: str = Field(
        description="`search_space.NAME`, `budget.NAME` or `constraints`", examples=["search_space.learning_rate"]
    )
    before: Any = Field(description="As it is; null for a parameter that is not searched, or a limit that there is not")
    after: Any = Field(description="As it would be; null in the same way")
    held: ParamValue = Field(
        description="Of a parameter that is added: what it counts as in trials from before. Of one that is removed: "
        "what it is from then on. null otherwise"
    )
    n_outside: int | None = Field(
        description="Finished trials whose value lies outside of what the parameter would be; null for what is removed "
        "or no parameter"
    )


class EditChecked(Shape):
    """What a change would come to. One without problems would be accepted as things stand."""

    problems: list[StudyProblem] = Field(
        description="Empty where all is well; places are those in the changes. Further ones are told as far as they do "
        "not depend on those before, at most 20"
    )
    changes: list[SettingChange] = Field(description="Empty where nothing would change, or with problems")
    n_finished: int = Field(description="Trials of the study that completed or were pruned")
    n_fitting: int | None = Field(
        description="How many of them the sampler would go on learning from: those that lie in the space as it would "
        "be. null with problems"
    )
    n_replaced: int = Field(description="Waiting trials that would be given other parameters")
    is_reopened: bool = Field(description="Whether a study that has ended would go on")
