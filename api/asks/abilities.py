"""What a sampler says about itself beyond proposing one point at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from search.samplers import Sampler
from search.types import Suggestion, SuggestRequest

Cost: TypeAlias = Literal["instant", "slow"]
Batch: TypeAlias = Callable[[SuggestRequest, int, Sequence[str]], Sequence[Suggestion]]
# An estimator over so many trials takes about 50 ms of a core.
_INSTANT_UP_TO = 1000


def is_slow(sampler: Sampler, request: SuggestRequest, n: int = 1) -> bool:
    """Tell whether a request for `n` points takes more than some dozen milliseconds: it goes to another process."""
    if sampler.learns and n > 1 and n * len(request.history) > _INSTANT_UP_TO:
        return True
    cost: Callable[[SuggestRequest], Cost] | None = getattr(sampler, "cost", None)
    if cost is not None:
        return cost(request) == "slow"
    return sampler.learns and len(request.history) > _INSTANT_UP_TO


def batch_of(sampler: Sampler) -> Batch | None:
    """Return what proposes several points in one ask; None where the sampler proposes one by one."""
    found: Batch | None = getattr(sampler, "suggest_batch", None)
    return found
