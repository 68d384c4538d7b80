"""A study that is looked over before it is submitted."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas.base import ErrorDetail, Shape
from api.schemas.studies import EXAMPLE, StudySpec
from api.studytext import MAX_CHARS


class StudyCheck(Shape):
    """A study to look over: `study` or `text`, one of the two."""

    study: Annotated[dict[str, Any] | None, Field(description="As `POST /studies` takes it", examples=[EXAMPLE])] = None
    text: str | None = Field(
        default=None, max_length=MAX_CHARS, description=f"The same as YAML or JSON text, up to {MAX_CHARS} characters"
    )


class StudyProblem(ErrorDetail):
    """One rule that the study breaks."""

    pointer: str = Field(
        description="JSON pointer (RFC 6901) to the offending place in the study; empty for the whole",
        examples=["/search_space/learning_rate/low"],
    )


class StudyEstimate(Shape):
    """How long a study may take, from what similar trials took."""

    duration_s: float = Field(description="Wall time of the whole study")
    trial_s: float = Field(description="Time for which one trial holds a slot, its share where trials train together")
    n_parallel: int = Field(description="Slots that are taken to work on it")
    n_trials_known: int = Field(description="Finished trials that it is computed from")
    basis: str = Field(description="What it rests on, in words")


class StudyChecked(Shape):
    """What came of it. A study without problems would be accepted as things stand."""

    problems: list[StudyProblem] = Field(
        description="Empty where all is well. The first is what submitting it would be refused with; further ones are "
        "told as far as they do not depend on those before, at most 20"
    )
    study: dict[str, Any] | None = Field(description="What was read, as JSON; null for unreadable text")
    spec: StudySpec | None = Field(
        description="The study complete with defaults, null where there are problems; a seed is drawn at each check"
    )
    n_grid_cells: int | None = Field(description="Size of the grid; null for other samplers")
    n_trials: int | None = Field(description="Most trials that it can have; null without an end, or with problems")
    n_networks: int | None = Field(description="Networks that a trial trains: its repeats times its folds")
    estimate: StudyEstimate | None = Field(description="null where no similar trial has finished, or nothing ends it")
