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
        near = self._moved(self.known, np.resize(STEPS[1:4], len(self.known)), N_LOCAL, rng)
        best = self._select(np.vstack([spread, near]), [])
        for step in STEPS:
            if not best:
                break
            rows = np.array([one.row for one in best])
            best = self._select(self._moved(rows, np.full(len(rows), step), N_MOVES, rng), best)
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

    def _moved(self, rows: Array, deviations: Array, n: int, rng: np.random.Generator) -> Array:
        """Return `n` points for each row that differ from it in some columns: a step for ranges, another choice.

        Args:
            rows: (k, n_columns).
            deviations: (k,) standard deviations of the steps from each.
            n: At least 1.
            rng: Drawn from.
        """
        encoding, n_columns = self.encoding, self.encoding.n_columns
        rows, deviations = np.repeat(rows, n, axis=0), np.repeat(deviations, n)
        drawn = encoding.draw_all(rng.random(rows.shape))
        # What a new choice makes active starts anywhere.
        start = np.where(encoding.active(rows), rows, drawn) if encoding.space.is_conditional else rows
        # On average two columns or a third of them move: valleys between parameters need moves of several.
        changes = rng.random(rows.shape) < max(2.0, n_columns / 3) / n_columns
        stepped = start + self._steps(deviations, rng)
        resampled = np.where(rng.random(rows.shape) < 0.5, drawn, start)
        moved = np.where(changes, np.where(encoding.unordered, resampled, stepped), start)
        return encoding.snap(self._hold(moved))

    def _steps(self, deviations: Array, rng: np.random.Generator) -> Array:
        """Return normal steps; on a coarse lattice at least to the neighbour."""
        steps = deviations[:, None] * rng.standard_normal((len(deviations), self.encoding.n_columns))
        return np.asarray(np.copysign(np.maximum(np.abs(steps), self.encoding.least_steps), steps))
