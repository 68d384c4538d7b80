"""Which fault strikes when: a pure function of the seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

FIRST_AT_S = 2.0
_TOGETHER = 0.25
"""Share of the strikes that do not wait for the end of the one before."""


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault and how long it may last.

    Attributes:
        name: What it does, to what.
        shortest_s: Seconds; 0 where it is over at once.
        longest_s: Seconds.
    """

    name: str
    shortest_s: float = 0.0
    longest_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault of a run.

    Attributes:
        at_s: Seconds after the start.
        fault: The kind's name.
        share: In [0, 1): which of the possible victims it hits.
        length_s: How long it lasts.
    """

    at_s: float
    fault: str
    share: float
    length_s: float

    @property
    def ends_at_s(self) -> float:
        """Seconds after the start at which it is over."""
        return self.at_s + self.length_s


def draw_strikes(seed: int, seconds: float, kinds: Sequence[FaultKind], pause_s: float = 3.0) -> tuple[Strike, ...]:
    """Return the strikes of a run in the order of their beginning; the last one is over when `seconds` are.

    The kinds come in shuffled rounds, so that a run of a certain length has seen each of them.

    Args:
        seed: The same seed gives the same strikes.
        seconds: Length of the run.
        kinds: At least one.
        pause_s: Longest quiet time between two strikes; the shortest is a tenth of it.
    """
    source = random.Random(f"strikes {seed}")
    strikes: list[Strike] = []
    at_s = FIRST_AT_S
    for kind in _shuffled_rounds(kinds, source):
        length_s = round(source.uniform(kind.shortest_s, kind.longest_s), 2)
        strike = Strike(round(at_s, 2), kind.name, source.random(), length_s)
        if strike.ends_at_s > seconds:
            break
        strikes.append(strike)
        waits_for = strike.at_s if source.random() < _TOGETHER else strike.ends_at_s
        at_s = waits_for + source.uniform(pause_s / 10, pause_s)
    return tuple(strikes)


def _shuffled_rounds(kinds: Sequence[FaultKind], source: random.Random) -> Iterator[FaultKind]:
    while True:
        yield from source.sample(list(kinds), len(kinds))
