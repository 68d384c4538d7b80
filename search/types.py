"""The values that samplers and pruners take and return."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from search.parameters import ParamValue
from search.space import SearchSpace

Direction: TypeAlias = Literal["minimize", "maximize"]
TrialState: TypeAlias = Literal["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"]
Action: TypeAlias = Literal["continue", "prune", "pause"]


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
        paused_at: The step at which the trial waits to be promoted; None unless it is paused now.
    """

    number: int
    state: TrialState
    params: Mapping[str, ParamValue]
    values: tuple[float, ...] | None = None
    intermediate: Mapping[int, float] = field(default_factory=dict)
    constraints: tuple[float, ...] = ()
    paused_at: int | None = None


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
            `needs_history` reads it, and of their values only what its `steps_needed` names.
        options: As `search.pruners.check_options` returned them; absent ones take their default.
        n_steps: The step at which the trial will be done; None where nobody knows.
        judged_to: The greatest step that an earlier decision has judged, below 0 for none; None for all but the last
            step, which is right where every report brings one step.
        can_pause: Whether the trial could go on later from its checkpoint.
    """

    trial: PastTrial
    directions: tuple[Direction, ...]
    history: Sequence[PastTrial] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    n_steps: int | None = None
    judged_to: int | None = None
    can_pause: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """Where a curve is expected to go: three finite numbers a step, for a chart.

    Attributes:
        steps: Ascending, from the first step that was not reported yet to the last; at most 32.
        low: 90 % of trials like this one end above.
        middle: What is expected.
        high: 90 % of trials like this one end below.
    """

    steps: tuple[int, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PruneDecision:
    """How a trial goes on, and why.

    Attributes:
        action: `prune` ends the trial; `pause` lets it wait, with its checkpoint, until a pruner's `promotable` names
            it.
        reason: A sentence for people, whatever the action.
        chance: That the trial ends better than the best completed one, 0..1; None where the pruner does not say.
        band: Where the curve is expected to go; None where the pruner does not say.
    """

    action: Action
    reason: str
    chance: float | None = None
    band: Band | None = None

    @property
    def prune(self) -> bool:
        """Whether the trial ends now."""
        return self.action == "prune"


@dataclass(frozen=True, slots=True)
class PromoteRequest:
    """Everything that decides which paused trials may go on.

    Attributes:
        history: The study's trials, in any order, with what `steps_needed` of the pruner names.
        directions: One an objective of the study.
        options: As `search.pruners.check_options` returned them; absent ones take their default.
        n_steps: The step at which trials are done; None where nobody knows.
        is_closing: Whether no new trial will start and none is running: then, unless one has completed, the best
            paused trial goes on although its rung has too few others.
    """

    history: Sequence[PastTrial]
    directions: tuple[Direction, ...]
    options: Mapping[str, object] = field(default_factory=dict)
    n_steps: int | None = None
    is_closing: bool = False
