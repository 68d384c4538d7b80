"""The values that samplers and pruners take and return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from search.parameters import ParamValue
from search.space import SearchSpace

Direction: TypeAlias = Literal["minimize", "maximize"]
TrialState: TypeAlias = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"]


@dataclass(frozen=True, slots=True)
class PastTrial:
    """What a sampler or pruner is told of one trial of the study.

    Attributes:
        number: From 0 in its study; below 0 for a trial that another study lends (a warm start).
        state: One of Optuna's five.
        params: Value by parameter name; of a conditional space the active parameters alone.
        values: One a direction of the study once COMPLETE, else None.
        intermediate: The objective by step (>= 0) as far as it was reported; NaN and infinities as they are.
        constraints: One a constraint on outcomes, of a COMPLETE trial; at most 0 where it holds.
    """

    number: int
    state: TrialState
    params: Mapping[str, ParamValue]
    values: tuple[float, ...] | None = None
    intermediate: Mapping[int, float] = field(default_factory=dict)
    constraints: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class SuggestRequest:
    """Everything a suggestion depends on: equal requests get equal suggestions, in any process.

    Attributes:
        space: What to choose from.
        directions: One an objective, in the order of the trials' values.
        seed: The study's, 0..2**32-1.
        number: Of the trial that is asked for.
        cell: How many trials this sampler proposed before in the study; trials added by hand don't count.
        history: The study's other trials, finished and running; any order. Only a sampler that `learns` reads it.
        options: As `search.samplers.check_options` returned them; absent ones take their default.
        n_trials: The study's budget; None without one.
        max_parallel: How many of the study's trials may run at once.
        pinned: Parameters that this suggestion must hold at a value of the space.
    """

    space: SearchSpace
    directions: tuple[Direction, ...]
    seed: int
    number: int
    cell: int = 0
    history: Sequence[PastTrial] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    n_trials: int | None = None
    max_parallel: int = 1
    pinned: Mapping[str, ParamValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Parameters for a trial.

    Attributes:
        params: A value for every parameter of the space, ordered by name.
        note: How they came about, for people; e.g. `random (3 of 10 start-up trials are finished)`.
    """

    params: dict[str, ParamValue]
    note: str


@dataclass(frozen=True, slots=True)
class PruneRequest:
    """Everything a pruning decision depends on.

    Attributes:
        trial: The running trial, with every intermediate value it has reported; its last step is judged.
        directions: One an objective of the study.
        history: The study's other trials; any order, the trial itself may be among them. Only a pruner that
            `needs_history` reads it.
        options: As `search.pruners.check_options` returned them; absent ones take their default.
    """

    trial: PastTrial
    directions: tuple[Direction, ...]
    history: Sequence[PastTrial] = ()
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PruneDecision:
    """Whether to stop the trial now, and why; the reason is a sentence for people either way."""

    prune: bool
    reason: str
