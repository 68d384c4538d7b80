"""The search space of a study: which parameters are searched, and within which values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from search.errors import SpaceError, suggest_name
from search.parameters import Parameter, ParamValue, describe
from search.parse import check_parameter_name, parse_parameter


@dataclass(frozen=True, slots=True)
class SearchSpace(Mapping[str, Parameter]):
    """Parameters by name: an immutable mapping whose order is that of the names.

    Attributes:
        parameters: (name, parameter) pairs; any order is accepted and sorted. Names are unique.
    """

    parameters: tuple[tuple[str, Parameter], ...]
    _by_name: dict[str, Parameter] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Sorted: a grid's cells and a sampler's draws must not depend on the order in which a file lists parameters.
        object.__setattr__(self, "parameters", tuple(sorted(self.parameters, key=lambda pair: pair[0])))
        object.__setattr__(self, "_by_name", dict(self.parameters))

    def __getitem__(self, name: str) -> Parameter:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    def size(self) -> int | None:
        """Count the parameter sets; None where a float without step makes them infinitely many; 1 when empty."""
        counts = [parameter.n_values for _, parameter in self.parameters]
        return None if None in counts else math.prod(count for count in counts if count is not None)

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `parse_space` reads back into an equal space."""
        return {name: parameter.to_json() for name, parameter in self.parameters}

    def problems(self, params: Mapping[str, object]) -> list[SpaceError]:
        """List what keeps `params` from being a point of the space, one error a parameter; empty if nothing does."""
        found = [_unknown(name, self) for name in params if name not in self._by_name]
        for name, parameter in self.parameters:
            if name not in params:
                message = f"parameter '{name}' is missing"
                found.append(SpaceError("missing_parameter", message, name, f"give {parameter.accepts()}"))
                continue
            try:
                parameter.check(params[name])
            except SpaceError as error:
                found.append(SpaceError(error.code, f"{name}: {error.message}", name, error.hint))
        return found

    def check(self, params: Mapping[str, object], under: str = "params") -> dict[str, ParamValue]:
        """Return `params` as the space holds them: ordered by name, integers of a float parameter as floats.

        Args:
            params: A value for every parameter of the space and for no other.
            under: Where the parameters stand in the request; prefix of an error's field.

        Raises:
            SpaceError: `unknown_parameter`, `missing_parameter`, `invalid_type`, `out_of_range`, `off_step` or
                `not_a_choice`, for the first problem.
        """
        for problem in self.problems(params):
            raise problem.under(under)
        return {name: parameter.check(params[name]) for name, parameter in self.parameters}

    def project(self, params: Mapping[str, object]) -> dict[str, ParamValue] | None:
        """Return the part of `params` that lies in the space, or None if a parameter is missing or does not fit.

        Entries the space does not have are dropped, so trials made before a parameter was removed stay usable.
        """
        try:
            return {name: parameter.check(params[name]) for name, parameter in self.parameters}
        except (KeyError, SpaceError):
            return None

    def fits(self, params: Mapping[str, object]) -> bool:
        """Tell whether every parameter of the space has a value in `params` that it accepts."""
        return self.project(params) is not None


def parse_space(mapping: object, under: str = "search_space") -> SearchSpace:
    """Read a search space from its JSON shape.

    Args:
        mapping: For each parameter's name `{"type": "float", "low", "high", "log"?, "step"?}`,
            `{"type": "int", "low", "high", "step"?, "log"?}` or `{"type": "categorical", "choices": [...]}`.
            May be empty: whether a sampler can do with that is for its `check` to say.
        under: Where the space stands in the request; prefix of an error's field.

    Raises:
        SpaceError: The first rule broken, with a field such as `search_space.learning_rate.low`.
    """
    if not isinstance(mapping, Mapping):
        message = f"{under} must be an object, got {describe(mapping)}"
        raise SpaceError("invalid_type", message, under, 'give {"name": {"type": "float", "low": 0, "high": 1}}')
    pairs = []
    for name, shape in mapping.items():
        check_parameter_name(name, under)
        try:
            pairs.append((name, parse_parameter(shape)))
        except SpaceError as error:
            raise error.under(f"{under}.{name}") from None
    return SearchSpace(tuple(pairs))


def _unknown(name: object, space: SearchSpace) -> SpaceError:
    message = f"the search space has no parameter {name!r}"
    return SpaceError("unknown_parameter", message, str(name), suggest_name(name, space))
