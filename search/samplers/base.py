"""What every sampler is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal, Protocol, TypeAlias

from search.options import Option
from search.space import SearchSpace
from search.types import PastTrial, Suggestion, SuggestRequest

# "instant": a few milliseconds, may be asked where a request is answered. "slow": belongs in a process of its own.
Cost: TypeAlias = Literal["instant", "slow"]


class Sampler(Protocol):
    """Proposes parameters for trials. Holds no state: all a suggestion depends on is in the request.

    Attributes:
        name: As a study names it.
        meaning: One sentence for documentation and form.
        learns: Whether suggestions depend on the history; where not, callers need not load it.
        options: What a study may set beside the name.
    """

    @property
    def name(self) -> str: ...
    @property
    def meaning(self) -> str: ...
    @property
    def learns(self) -> bool: ...
    @property
    def options(self) -> tuple[Option, ...]: ...

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse a space this sampler cannot search.

        Args:
            space: The study's.
            n_trials: The study's budget; None without one.

        Raises:
            SamplerError: With the reason; a field below `search_space` or `sampler`.
        """

    def n_cells(self, space: SearchSpace) -> int | None:
        """Count the trials this sampler can propose; None without an end.

        Raises:
            SamplerError: As `check`.
        """

    def cost(self, request: SuggestRequest) -> Cost:
        """Tell what answering `request` costs, from the request alone."""

    def suggest(self, request: SuggestRequest) -> Suggestion | None:
        """Propose parameters for the trial `request.number`; None when nothing is left to propose.

        Raises:
            SamplerError: As `check`.
            SpaceError: Where a pinned value lies outside its parameter.
            OptionError: Where `request.options` were not checked and hold a bad value.
        """

    def suggest_batch(self, request: SuggestRequest, q: int, shared: Collection[str] = ()) -> list[Suggestion]:
        """Propose up to `q` points that are to run at the same time, for trials `request.number` onwards.

        Equal requests get equal batches, and the first points of a longer batch are the shorter batch; so the k-th
        suggestion is computed again by asking for a batch of k.

        Args:
            request: For the first of them.
            q: At least 1.
            shared: Parameters whose values decide which trials can train together. A sampler that can tell what it
                loses holds later points to the first one's values where it loses little.

        Raises:
            SamplerError: As `suggest`.
        """


class OneByOne:
    """How most samplers answer for cost and batches: at once, and one point after another."""

    def cost(self, request: SuggestRequest) -> Cost:
        """Return "instant"."""
        return "instant"

    def suggest_batch(self: Sampler, request: SuggestRequest, q: int, shared: Collection[str] = ()) -> list[Suggestion]:
        """Propose up to `q` points, each told of those before as running trials; `shared` is not regarded."""
        suggestions: list[Suggestion] = []
        for place in range(q):
            asked = replace(request, number=request.number + place, cell=request.cell + place)
            suggestion = self.suggest(asked)
            if suggestion is None:
                break
            suggestions.append(suggestion)
            if self.learns:
                running = PastTrial(asked.number, "RUNNING", suggestion.params)
                request = replace(request, history=[*request.history, running])
        return suggestions


def pinned_space(request: SuggestRequest) -> SearchSpace:
    """Return the request's space with what is pinned held at its value.

    Raises:
        SpaceError: Where a pinned value lies outside its parameter.
    """
    return request.space.pin(request.pinned) if request.pinned else request.space
