"""Proposes points by a Gaussian process: one, or several that keep apart and share what costs nothing to share."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from search.parameters import ParamValue
from search.samplers.draws import derive_seed
from search.samplers.gaussian.acquisition import Promise
from search.samplers.gaussian.candidates import Candidate, Hunt
from search.samplers.gaussian.data import gather, key_of, thin
from search.samplers.gaussian.encoding import Array, Encoding
from search.samplers.gaussian.posterior import Posterior, fit_posterior
from search.samplers.gaussian.values import scalarise, squash, tame
from search.types import SuggestRequest

N_FANTASIES = 16
N_INCUMBENTS = 5
# A point that shares the batch's structure is taken if it promises at least this share of the free point's expected
# improvement (in logarithms): half of it costs less than a batch that cannot train together.
SHARED_TOLERANCE = 0.7


@dataclass(frozen=True, slots=True)
class Proposal:
    """A point and what it is worth.

    Attributes:
        params: Of the trial.
        is_shared: Whether it was held to the batch's structure.
    """

    params: dict[str, ParamValue]
    is_shared: bool


class Proposer:
    """A Gaussian process fitted to a request, ready to propose points one after another.

    Each proposal counts as running for the next: its outcome is imagined in `N_FANTASIES` ways, and the next point is
    the one that promises most on average over them.
    Source: Snoek et al., NeurIPS 2012, section 3.2 (sequential batches by Monte Carlo fantasies).
    """

    def __init__(self, request: SuggestRequest) -> None:
        self.request = request
        self.encoding = Encoding(request.space)
        self.data = gather(self.encoding, request)
        self._seen = set(self.data.seen)
        self._rng = np.random.default_rng(derive_seed(request.seed, request.number))
        values = self._one_value()
        self._places = thin(values)
        rows = self.data.rows[self._places]
        self._values = tame(values[self._places])
        self._posterior = fit_posterior(rows, self._values, self.encoding.unordered)
        self._limits = [self._limit(column) for column in self.data.constraints.T]
        self._imagine(self.data.running)

    def propose(self, held: Mapping[str, ParamValue]) -> Candidate | None:
        """Return the most promising point that no trial has, with `held` parameters at their values; None if none.

        Effects:
            Draws from the proposer's random numbers. The point does not count as running until it is given to `take`.
        """
        places = [(self.encoding.place(name), name, value) for name, value in sorted(held.items())]
        columns = self.encoding.columns
        hunt = Hunt(
            encoding=self.encoding,
            score=self._promise(),
            accept=lambda params: key_of(params) not in self._seen and self.request.space.satisfies(params),
            known=self._best_rows(),
            held=[(place, columns[place].encode(value)) for place, _, value in places if place is not None],
            seed=int(self._rng.integers(2**32)),
        )
        return hunt.run()

    def take(self, candidate: Candidate) -> None:
        """Count a proposed point as running."""
        self._seen.add(key_of(candidate.params))
        self._imagine(candidate.row[None])

    def _one_value(self) -> Array:
        """Return one value a point, (n,): the objective, or a mix of several whose weights are this ask's own."""
        if self.data.values.shape[1] == 1:
            return np.asarray(self.data.values[:, 0])
        return scalarise(self.data.values, self._rng.dirichlet(np.ones(self.data.values.shape[1])))

    def _limit(self, column: Array) -> Posterior:
        """Return the process of one constraint on outcomes, over the points where it is known."""
        known = np.flatnonzero(~np.isnan(column))
        known = known[thin(np.abs(column[known]))]
        return fit_posterior(self.data.rows[known], squash(column[known]), self.encoding.unordered)

    def _imagine(self, rows: Array) -> None:
        if len(rows):
            normals = self._rng.standard_normal((N_FANTASIES, len(rows)))
            self._posterior = self._posterior.imagine(rows, normals)

    def _promise(self) -> Promise:
        if not self._limits:
            return Promise(self._posterior)
        return Promise(self._posterior, self._limits, np.flatnonzero(self.data.is_feasible[self._places]))

    def _best_rows(self) -> Array:
        ranking = self._values + 1e6 * ~self.data.is_feasible[self._places]
        best = np.argsort(ranking, kind="stable")[:N_INCUMBENTS]
        return np.asarray(self._posterior.rows[best])


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra to one thread: on these small matrices more threads wait for each other, 20 times longer.

    Effects:
        Sets the thread pools of the process while it lasts.
    """
    with threadpool_limits(1, "blas"):
        yield


def propose_batch(proposer: Proposer, n: int, shared: Collection[str]) -> list[Proposal]:
    """Return up to `n` points; each after the first has the first one's `shared` parameters where little is lost.

    A prefix of a longer batch is the shorter batch.

    Args:
        proposer: Fresh for its request.
        n: At least 1.
        shared: Names whose values decide which trials can train together.
    """
    request, proposals = proposer.request, list[Proposal]()
    structure: dict[str, ParamValue] = {}
    while len(proposals) < n:
        chosen, is_shared = _next(proposer, structure)
        if chosen is None:
            break
        proposer.take(chosen)
        if not proposals:
            structure = {name: chosen.params[name] for name in shared if name in chosen.params}
        proposals.append(Proposal(chosen.params, is_shared))
    assert request.space is proposer.encoding.space
    return proposals


def _next(proposer: Proposer, structure: Mapping[str, ParamValue]) -> tuple[Candidate | None, bool]:
    pinned = proposer.request.pinned
    free = proposer.propose(pinned)
    if not structure or free is None:
        return free, False
    together = proposer.propose({**structure, **pinned})
    if together is None or together.score < free.score + np.log(SHARED_TOLERANCE):
        return free, False
    return together, True
