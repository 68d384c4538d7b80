"""What the server says of a study that was not submitted yet."""

from __future__ import annotations

from dataclasses import dataclass


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
