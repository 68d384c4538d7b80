"""Brute force: every parameter set once, in a shuffled order."""

from __future__ import annotations

import hashlib
from typing import Final

from search.options import SEED, Option
from search.samplers.base import OneByOne, pinned_space
from search.samplers.grid import GridSampler, decode_cell
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

_GRID = GridSampler()
N_ROUNDS = 4


class BruteForceSampler(OneByOne):
    """Visits the combinations of a grid in an order of the seed's, leaving out those that any trial has already.

    A grid's order leaves whole regions for last; here every part of the study is a fair sample of the space. Trials
    added by hand, lent by other studies or failed count as visited.
    """

    name: Final = "brute_force"
    meaning: Final = "Visits every combination of values once, in random order; needs a step for each float."
    learns: Final = True
    options: tuple[Option, ...] = (SEED,)

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse what a grid refuses.

        Raises:
            SamplerError: `grid_needs_step`, `grid_too_large`, `grid_too_entangled` or `grid_empty`.
        """
        _GRID.check(space, n_trials)

    def n_cells(self, space: SearchSpace) -> int:
        """Count the combinations.

        Raises:
            SamplerError: As `check`.
        """
        return _GRID.n_cells(space)

    def suggest(self, request: SuggestRequest) -> Suggestion | None:
        """Return the first combination of the shuffled order that no trial has; None when all have been visited.

        Raises:
            SamplerError: As `check`.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        space = pinned_space(request)
        size = self.n_cells(space)
        others = (space.project(trial.params) for trial in request.history if trial.number != request.number)
        visited = {tuple(params.items()) for params in others if params is not None}
        # One of any len(visited) + 1 combinations is new.
        for place in range(min(size, len(visited) + 1)):
            params = decode_cell(space, shuffled(place, size, request.seed))
            if tuple(params.items()) not in visited:
                return Suggestion(params, f"brute force ({len(visited) + 1} of {size})")
        return None


def shuffled(place: int, size: int, seed: int) -> int:
    """Return what stands at `place` in 0..size-1 of a permutation of 0..size-1 that the seed chooses.

    Nothing is listed: a Feistel network permutes the next larger square, and places outside the range are permuted on
    until they fall inside.
    Source: Black and Rogaway, Ciphers with Arbitrary Finite Domains, CT-RSA 2002 (cycle walking).
    """
    half = max((size - 1).bit_length() + 1, 2) // 2
    while True:
        place = _permute(place, half, seed)
        if place < size:
            return place


def _permute(place: int, half: int, seed: int) -> int:
    """Return the image of a number of 2 * `half` bits."""
    mask = (1 << half) - 1
    left, right = place >> half, place & mask
    for turn in range(N_ROUNDS):
        digest = hashlib.blake2b(f"{seed} {turn} {right}".encode(), digest_size=8).digest()
        left, right = right, left ^ (int.from_bytes(digest, "big") & mask)
    return (left << half) | right
