"""Random search: each trial drawn on its own."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

from search.constraints import Constraint
from search.errors import SamplerError
from search.options import SEED, Option
from search.parameters import ParamValue
from search.samplers.base import OneByOne
from search.samplers.draws import draw_unit
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

MAX_ATTEMPTS = 20_000
N_PROBES = 10_000
LEAST_SATISFIED = 10


class RandomSampler(OneByOne):
    """Draws each parameter uniformly over its range, its steps or its logarithm.

    Parameters are a function of (seed, trial number), whatever the parallelism. Where constraints speak, draws that
    break one are thrown away, so what remains is uniform over the sets that satisfy them.
    Source: Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012).
    """

    name: Final = "random"
    meaning: Final = "Draws every trial independently; a sound baseline at any parallelism."
    learns: Final = False
    options: tuple[Option, ...] = (SEED,)

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Accept every space; an empty one makes trials that differ in nothing."""

    def n_cells(self, space: SearchSpace) -> int | None:
        """Return None: random search has no end."""
        return None

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Draw the parameters of trial `request.number`.

        Raises:
            SamplerError: `constraints_too_tight`, where the pinned parameters leave next to nothing.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        space = request.space.pin(request.pinned) if request.pinned else request.space
        return Suggestion(draw_params(space, request.seed, request.number), "random")


def draw_params(space: SearchSpace, seed: int, number: int) -> dict[str, ParamValue]:
    """Return the parameters that random search gives to trial `number` of a study with `seed`.

    Raises:
        SamplerError: `constraints_too_tight`, where `MAX_ATTEMPTS` draws break the constraints.
    """
    groups = _groups(space) if space.constraints else (_Group(space.order, ()),)
    drawn: dict[str, ParamValue] = {}
    for group in groups:
        for attempt in range(MAX_ATTEMPTS):
            values = _draw_group(space, group, (seed, number, attempt))
            if all(constraint.holds(values) for constraint in group.constraints):
                drawn |= values
                break
        else:
            raise _too_tight(group, 0, MAX_ATTEMPTS)
    return dict(sorted(drawn.items()))


def check_satisfiable(space: SearchSpace) -> None:
    """Refuse constraints that next to no parameter set satisfies, so that every draw ends soon.

    Of `N_PROBES` draws with a fixed seed, at least `LEAST_SATISFIED` must satisfy the constraints that speak of the
    same parameters. Samplers that draw need this; a grid counts what satisfies them.

    Raises:
        SamplerError: `constraints_too_tight`.
    """
    for group in _groups(space):
        n_satisfied = 0
        for attempt in range(N_PROBES if group.constraints else 0):
            values = _draw_group(space, group, (0, 0, attempt))
            n_satisfied += all(constraint.holds(values) for constraint in group.constraints)
            if n_satisfied == LEAST_SATISFIED:
                break
        if group.constraints and n_satisfied < LEAST_SATISFIED:
            raise _too_tight(group, n_satisfied, N_PROBES)


class _Group(NamedTuple):
    """Parameters that depend on no other ones, in the space's order, and the constraints that speak of them."""

    names: tuple[str, ...]
    constraints: tuple[Constraint, ...]


@lru_cache(maxsize=32)
def _groups(space: SearchSpace) -> tuple[_Group, ...]:
    """Part the parameters into groups that conditions and constraints tie together.

    Groups are drawn apart, so a constraint that few draws satisfy costs new draws of its own group alone, and what is
    free of constraints is drawn once.
    """
    leader = {name: name for name in space.order}
    ties = [(name, *needed) for name, needed in space.conditions.items()] + [one.names for one in space.constraints]
    for tie in ties:
        merged = {leader[name] for name in tie}
        target = min(merged)
        leader = {name: target if led in merged else led for name, led in leader.items()}
    members: dict[str, list[str]] = {}
    for name in space.order:
        members.setdefault(leader[name], []).append(name)
    return tuple(
        _Group(tuple(names), tuple(one for one in space.constraints if leader[one.names[0]] == led))
        for led, names in members.items()
    )


def _draw_group(space: SearchSpace, group: _Group, label: tuple[int, int, int]) -> dict[str, ParamValue]:
    """Draw the active parameters of a group; `label` is (seed, number, attempt)."""
    seed, number, attempt = label
    values: dict[str, ParamValue] = {}
    for name in group.names:
        # Whatever is among the values is active, so looking one step back is enough.
        needed = space.conditions.get(name, {})
        if all(other in values and values[other] in accepted for other, accepted in needed.items()):
            values[name] = space[name].from_unit(draw_unit(seed, number, name, attempt))
    return values


def _too_tight(group: _Group, n_satisfied: int, n_draws: int) -> SamplerError:
    texts = " and ".join(repr(constraint.text) for constraint in group.constraints)
    message = f"{n_satisfied or 'none'} of {n_draws:,} random draws satisfied {texts[:300]}"
    hint = "loosen the constraints, or narrow the ranges so that more of them lies inside"
    return SamplerError("constraints_too_tight", message, "constraints", hint)
