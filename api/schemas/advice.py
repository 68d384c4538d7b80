"""What a study's finished trials suggest to change."""

from __future__ import annotations

from pydantic import Field, JsonValue

from api.schemas.base import Shape


class AdviceEvidence(Shape):
    """What advice rests on: in words, and in numbers by name."""

    sentence: str
    numbers: dict[str, float]


class AdviceChange(Shape):
    """One entry of the study to change."""

    field: str = Field(description="Its dotted path, such as search_space.learning_rate or fixed.epochs")
    value: JsonValue = Field(description="What to put there; null: take it out")


class AdviceAction(Shape):
    """What to do: in words, and as changes of the study, where those can say it."""

    sentence: str
    changes: list[AdviceChange] = Field(description="A copy of the study with all of them is the advised one")


class AdviceRead(Shape):
    """One thing worth changing about a study."""

    kind: str
    title: str
    evidence: AdviceEvidence
    action: AdviceAction


class AdviceList(Shape):
    """All advice, the most important first; empty where nothing asks for a change."""

    items: list[AdviceRead]
