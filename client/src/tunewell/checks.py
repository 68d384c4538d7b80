"""What the server says of a study that was not submitted yet, and of a change that was not made yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StudyProblem:
    """One rule that a study breaks.

    Attributes:
        code: Stable word for programs.
        message: One sentence for people.
        pointer: JSON pointer to the offending place in the study; empty for the whole.
        field: The same as a dotted path, such as `search_space.learning_rate.low`.
        hint: What would be accepted.
    """

    code: str
    message: str
    pointer: str = ""
    field: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class StudyEstimate:
    """How long a study may take: `duration_s` with `n_parallel` slots, of which a trial holds one for `trial_s`."""

    duration_s: float
    trial_s: float
    n_parallel: int
    n_trials_known: int
    basis: str


@dataclass(frozen=True, slots=True)
class StudyCheck:
    """What came of looking a study over.

    Attributes:
        problems: Empty where the study would be accepted.
        n_grid_cells: Size of the grid; None for other samplers.
        n_trials: Most trials that it can have; None without an end.
        n_networks: Networks that a trial trains.
        estimate: None where no similar trial has finished, or nothing ends the study.
    """

    problems: tuple[StudyProblem, ...] = ()
    n_grid_cells: int | None = None
    n_trials: int | None = None
    n_networks: int | None = None
    estimate: StudyEstimate | None = None


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that a change of a study would change.

    Attributes:
        field: `search_space.NAME`, `budget.NAME` or `constraints`.
        before: As it is; None for a parameter that is not searched, or a limit that there is not.
        after: As it would be, in the same way.
        held: Of a parameter that is added: what it counts as in trials from before. Of one that is removed: what it is
            from then on.
        n_outside: Finished trials whose value lies outside of what the parameter would be; None for anything else.
    """

    field: str
    before: Any = None
    after: Any = None
    held: Any = None
    n_outside: int | None = None


@dataclass(frozen=True, slots=True)
class EditCheck:
    """What a change of a study would come to.

    Attributes:
        problems: Empty where it would be accepted.
        changes: Setting by setting; empty with problems.
        n_finished: Trials of the study that completed or were pruned.
        n_fitting: How many of them the sampler would go on learning from; None with problems.
        n_replaced: Waiting trials that would get other parameters.
        is_reopened: Whether a study that has ended would go on.
    """

    problems: tuple[StudyProblem, ...] = ()
    changes: tuple[SettingChange, ...] = ()
    n_finished: int = 0
    n_fitting: int | None = None
    n_replaced: int = 0
    is_reopened: bool = False
