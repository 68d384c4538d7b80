"""What every pruner is, and what most of them share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Protocol, TypeAlias

from search.errors import PrunerError
from search.options import Option
from search.pruners.settings import Choice, OptionValue, Settings, resolve_settings
from search.types import Direction, PastTrial, PromoteRequest, PruneDecision, PruneRequest

Judged: TypeAlias = Literal["steps", "instances"]


class Pruner(Protocol):
    """Decides whether a running trial is worth going on. Holds no state: all a decision depends on is in the request.

    Attributes:
        name: As a study names it.
        meaning: One sentence for documentation and form.
        needs_history: Whether decisions depend on other trials; where not, callers need not load them.
        options: The numbers a study may set beside the name.
        choices: The words and switches a study may set beside the name.
        judges: What an intermediate value stands for: the objective after a `steps`' training, or one of the
            `instances`, folds or repeats, that a trial's value is the mean of (step k is instance k).
        n_peers: How many completed trials, those with the greatest numbers, have their curves read; None: all.
    """

    @property
    def name(self) -> str: ...
    @property
    def meaning(self) -> str: ...
    @property
    def needs_history(self) -> bool: ...
    @property
    def options(self) -> tuple[Option, ...]: ...
    @property
    def choices(self) -> tuple[Choice, ...]: ...
    @property
    def judges(self) -> Judged: ...
    @property
    def n_peers(self) -> int | None: ...

    def check(self, directions: tuple[Direction, ...]) -> None:
        """Refuse objectives this pruner cannot compare trials by.

        Raises:
            PrunerError: With the reason; field `pruner.name`.
        """

    def resolve(self, given: Mapping[str, object]) -> dict[str, OptionValue]:
        """Return every setting with its given or default value; what it returned, it returns unchanged.

        Raises:
            OptionError: `unknown_option`, `invalid_option`, or a rule between options; field `pruner.<option>`.
        """
        ...

    def steps_needed(self, request: PruneRequest) -> Sequence[int] | None:
        """Name the steps at which `decide` reads the other trials' values, so that a caller loads no more.

        For each step a caller gives, of every trial, the point at the greatest step up to it, under that point's own
        step; more points do no harm. `request.history` is not read.

        Returns:
            Ascending steps, empty where `decide` needs no other trial's values; None for whole curves.
        """

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge `request.trial` at its last reported step.

        Raises:
            PrunerError: As `check`.
            OptionError: Where `request.options` were not checked and hold a bad value.
        """
        ...

    def promotable(self, request: PromoteRequest) -> tuple[int, ...]:
        """Return the numbers of the paused trials that may go on, the one to resume first in front."""
        ...

    def steps_to_promote(self, request: PromoteRequest) -> Sequence[int]:
        """Name the steps at which `promotable` reads values, as `steps_needed` does; no value is read here."""
        ...


class BasePruner:
    """What pruners share that compare trials by one objective; each overrides what it does differently."""

    name: ClassVar[str]
    needs_history: ClassVar[bool] = True
    options: ClassVar[tuple[Option, ...]] = ()
    choices: ClassVar[tuple[Choice, ...]] = ()
    judges: ClassVar[Judged] = "steps"
    n_peers: ClassVar[int | None] = None

    def check(self, directions: tuple[Direction, ...]) -> None:
        """Refuse several objectives: pairs have no order.

        Raises:
            PrunerError: `needs_one_objective`.
        """
        if len(directions) != 1:
            message = f"the pruner '{self.name}' compares one objective, but the study has {len(directions)}"
            raise PrunerError("needs_one_objective", message, "pruner.name", "use the pruner 'none'")

    def resolve(self, given: Mapping[str, object]) -> dict[str, OptionValue]:
        """Return every setting with its given or default value.

        Raises:
            OptionError: `unknown_option` or `invalid_option`.
        """
        return resolve_settings(self.options, self.choices, given, self.name)

    def settings(self, given: Mapping[str, object]) -> Settings:
        """Return the settings, typed.

        Raises:
            OptionError: As `resolve`.
        """
        return Settings(self.resolve(given))

    def steps_needed(self, request: PruneRequest) -> Sequence[int] | None:
        """Name the last reported step."""
        return [max(request.trial.intermediate)] if request.trial.intermediate else []

    def promotable(self, request: PromoteRequest) -> tuple[int, ...]:
        """Return nothing: this pruner pauses no trial."""
        return ()

    def steps_to_promote(self, request: PromoteRequest) -> Sequence[int]:
        """Need nothing."""
        return []


def completed_peers(request: PruneRequest) -> list[PastTrial]:
    """Return the study's own COMPLETE trials beside the one that is judged; lent ones may have other curves."""
    own = request.trial.number
    return [one for one in request.history if one.state == "COMPLETE" and one.number != own and one.number >= 0]
