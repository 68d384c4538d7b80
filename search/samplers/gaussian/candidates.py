"""Finds the most promising point: a wide net of quasi-random points, then ever finer steps around the best.

No gradients: lattices, choices and conditions are searched the same way as ranges, and every point that is scored is a
point that can be trained. The candidates depend on the seed alone, not on rounding: two machines whose arithmetic
differs in the last bit score the same candidates and choose the same one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from search.parameters import ParamValue
from search.samplers.gaussian.encoding import Array, Encoding
from search.samplers.quasi import sobol_points

Score: TypeAlias = Callable[[Array], Array]
Accept: TypeAlias = Callable[[dict[str, ParamValue]], bool]

N_SPREAD = 1024  # a power of 2, for which Sobol points are balanced
N_LOCAL = 32  # around each of the best known points
STEPS = (0.2, 0.1, 0.05, 0.02, 0.008, 0.003)  # standard deviations of the rounds' moves, of a parameter's range
N_KEPT = 8
N_MOVES = 32
# How many of the best candidates may be refused (known already, or against a constraint) before a round gives up.
N_REFUSED = 1500


@dataclass(frozen=True, slots=True)
class Candidate:
    """A point that may be trained, and what it promises."""

    row: Array
    params: dict[str, ParamValue]
    score: float


@dataclass(frozen=True, slots=True)
class Hunt:
    """What is searched, and how.

    Attributes:
        encoding: Of the space.
        score: Promise of each of (m, n_columns) rows; higher is better.
        accept: Whether a parameter set may be proposed.
        known: (k, n_columns) the best points so far, best first, around which to look as well.
        held: Column numbers and the places they are held at.
        seed: Of the candidates.
    """

    encoding: Encoding
    score: Score
    accept: Accept
    known: Array
    held: Sequence[tuple[int, float]]
    seed: int

    def run(self) -> Candidate | None:
        """Return the most promising acceptable point; None if no candidate is acceptable."""
        rng = np.random.default_rng(self.seed)
        shares = sobol_points(np.arange(N_SPREAD, dtype=np.uint32), self.encoding.n_columns, self.seed)
        # Held after drawing: a held number is a place already, a drawn one still a share.
        spread = self.encoding.hide_inactive(self._hold(self.encoding.draw(shares)))
        near = [self._moved(row, STEPS[1 + i % 3], N_LOCAL, rng) for i, row in enumerate(self.known)]
        best = self._select(np.vstack([spread, *near]), [])
        for step in STEPS:
            if not best:
                break
            best = self._select(np.vstack([self._moved(one.row, step, N_MOVES, rng) for one in best]), best)
        return best[0] if best else None

    def _hold(self, rows: Array) -> Array:
        for place, value in self.held:
            rows[:, place] = value
        return rows

    def _select(self, rows: Array, kept: list[Candidate]) -> list[Candidate]:
        """Return the best acceptable ones among new `rows` and those `kept` before, best first, no two equal."""
        scores = self.score(rows)
        chosen, n_refused = list(kept), 0
        taken = {one.row.tobytes() for one in kept}
        n_new = 0
        for place in np.argsort(-scores, kind="stable"):
            row = rows[place]
            if n_new >= N_KEPT or n_refused >= N_REFUSED:
                break
            if row.tobytes() in taken:
                continue
            taken.add(row.tobytes())
            params = self.encoding.decode(row)
            if self.accept(params):
                chosen.append(Candidate(row, params, float(scores[place])))
                n_new += 1
            else:
                n_refused += 1
        return sorted(chosen, key=lambda one: -one.score)[:N_KEPT]

    def _moved(self, row: Array, step: float, n: int, rng: np.random.Generator) -> Array:
        """Return `n` points that differ from `row` in some columns: a step for ranges, another value for choices."""
        encoding, n_columns = self.encoding, self.encoding.n_columns
        drawn = encoding.draw(rng.random((n, n_columns)))
        active = encoding.active(row[None])[0]
        moved = np.where(active, row, drawn)  # what a new choice makes active starts anywhere
        # On average two columns or a third of them move: valleys between parameters need moves of several.
        changes = rng.random((n, n_columns)) < max(2.0, n_columns / 3) / n_columns
        moved = np.where(changes, moved + self._steps(step, n, rng), moved)
        resampled = changes & encoding.unordered & (rng.random((n, n_columns)) < 0.5)
        moved = np.where(encoding.unordered & ~resampled, np.where(active, row, drawn), moved)
        moved = np.where(resampled, drawn, moved)
        return encoding.snap(self._hold(moved))

    def _steps(self, step: float, n: int, rng: np.random.Generator) -> Array:
        """Return normal steps; on a coarse lattice at least to the neighbour."""
        steps = step * rng.standard_normal((n, self.encoding.n_columns))
        for place, column in enumerate(self.encoding.columns):
            if column.n_values is not None and column.n_values < 1000:
                least = 1.0 / max(column.n_values - 1, 1)
                steps[:, place] = np.sign(steps[:, place]) * np.maximum(np.abs(steps[:, place]), least)
        return steps
