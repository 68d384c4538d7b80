"""What the runner asks of a peer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from benchmarks.search.spaces import Space, Value


@dataclass(frozen=True, slots=True)
class Setting:
    """What a peer is told before the first trial.

    Attributes:
        space: What to search; its natural ranges, not the table's levels.
        seed: From 0.
        n_trials: The budget; peers may use it or not.
        max_parallel: How many trials will run at once.
    """

    space: Space
    seed: int
    n_trials: int
    max_parallel: int


class Peer(Protocol):
    """A search under way. Losses are to be minimised."""

    def ask(self) -> dict[str, Value] | None:
        """Return the active parameters of the next trial, which counts as running from now on.

        None, while trials are running, where the peer wants to see one of them end first; its worker then idles.
        """

    def tell(self, number: int, loss: float) -> None:
        """Take the finite loss of a trial; `number` counts the asks from 0."""
