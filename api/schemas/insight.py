"""What the finished trials of a study say: which parameters matter, what goes with what, what the search was worth."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from api.schemas.base import Shape


class Answer(Shape):
    """Base of what is only ever answered: every field is always there."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=True)


class InsightRead(Answer):
    """What all insights say of themselves.

    With too few trials an insight is an answer, not an error: `state` is TOO_FEW, `reason` says what it waits for, and
    its lists are empty.
    """

    state: Literal["COMPLETE", "TOO_FEW"]
    reason: str = Field(default="", description="Why there is no more to say; empty where there is")
    n_trials: int = Field(description="Finished trials that this rests on")
    n_needed: int = Field(default=0, description="From how many finished trials on there is an answer")
    n_pruned: int = Field(default=0, description="How many trials were pruned; each insight says how it counts them")


class ShareRead(Shape):
    """How much one parameter matters."""

    name: str
    share: float = Field(description="0 to 1")
    spread: float = Field(description="Standard deviation of the share: over resampled trials, or over trees")


class PairRead(Shape):
    """How much two parameters explain together, beyond what each explains alone."""

    first: str
    second: str
    share: float = Field(description="Of all differences, 0 to 1")
    spread: float = Field(description="Standard deviation of the share over the trees")


class ImportanceRead(InsightRead):
    """How much each parameter matters for being among the best tenth of the trials (PED-ANOVA). Pruned ones are not."""

    objective: str
    shares: list[ShareRead] = Field(default_factory=list, description="The most important first; they add up to 1")


class InteractionsRead(Answer):
    """Where the differences between complete trials come from (functional ANOVA). Pruned trials are left out.

    A job makes it: `POST` starts one, and `GET` says how far it is. While the study goes on the last result stays, with
    `is_current` false.
    """

    objective: str
    state: Literal["NONE", "TOO_FEW", "WAITING", "RUNNING", "COMPLETE", "FAIL"] = Field(
        description="Of the newest job; NONE: nobody has asked for one"
    )
    reason: str = Field(default="", description="Why there is no result")
    n_done: int = Field(default=0, description="Trees that are done")
    n_total: int = Field(default=0, description="Trees there will be; 0 until it is known")
    has_result: bool = Field(default=False, description="Whether the fields below say anything")
    is_current: bool = Field(default=False, description="Whether the result rests on all trials there are now")
    n_trials: int = Field(default=0, description="Complete trials that the result rests on, or that there are so far")
    n_needed: int = Field(default=0, description="Complete trials from which on there is a result")
    n_pruned: int = 0
    shares: list[ShareRead] = Field(default_factory=list, description="What each parameter explains alone")
    pairs: list[PairRead] = Field(default_factory=list, description="What pairs explain beyond that")
    beyond: float = Field(default=0.0, description="What takes three parameters or more")
    fit: float = Field(
        default=0.0,
        description="Share of the differences between unseen trials that is foretold, at most 1; near 0 or below, "
        "nothing else here means anything",
    )


class BandRead(Answer):
    """Many searches after each number of trials: what to expect, and where eight of ten of them lie."""

    mean: list[float]
    low: list[float] | None = Field(default=None, description="Nine of ten are better; null for hypervolumes")
    high: list[float] | None = Field(default=None, description="One of ten is better; null for hypervolumes")


class RegretRead(InsightRead):
    """The best value so far beside random search on the same space. Pruned trials count as the worst complete one."""

    measure: Literal["best", "hypervolume"] = "best"
    objective: str = Field(description="Empty where several objectives are looked at together")
    n_finished: list[int] = Field(default_factory=list, description="After how many finished trials")
    study: list[float] = Field(default_factory=list, description="The study itself, in the order of its trials")
    random: BandRead | None = Field(
        default=None, description="Random search, replayed on a surrogate of the study's own trials"
    )
    shuffled: BandRead | None = Field(default=None, description="The study's trials in random order; exact")
    n_random: int | None = Field(
        default=None, description="Random trials that reach the study's best half of the time; null: several objectives"
    )
    is_more: bool = Field(default=False, description="Whether it takes more than that")


class DistributionRead(InsightRead):
    """The share of complete trials at or below each value of an objective. Pruned trials are left out."""

    objective: str
    values: list[float] = Field(default_factory=list, description="Ascending")
    shares: list[float] = Field(default_factory=list, description="Of all complete trials, above 0 and at most 1")
