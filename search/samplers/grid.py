"""Grid search: each combination once, in order."""

from __future__ import annotations

from typing import Final

from search.errors import SamplerError
from search.options import SEED, Option
from search.parameters import ParamValue
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

# Cell indices are stored in 64-bit database columns.
MAX_CELLS = 2**63 - 1


class GridSampler:
    """Visits every combination of the space's values once.

    Cells are numbered row-major over the parameters in order of their names: the last name varies fastest. A suggestion
    depends on `request.cell` alone and is decoded in time proportional to the number of parameters.
    """

    name: Final = "grid"
    meaning: Final = "Visits every combination of values once, in a fixed order; needs a step for each float."
    learns: Final = False
    # Accepted so that a study can change its sampler and keep the rest; a grid has no chance in it.
    options: tuple[Option, ...] = (SEED,)

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse a float without step, and a grid whose cells could not be counted.

        Raises:
            SamplerError: `grid_needs_step` or `grid_too_large`.
        """
        self.n_cells(space)

    def n_cells(self, space: SearchSpace) -> int:
        """Count the combinations; 1 for an empty space.

        Raises:
            SamplerError: `grid_needs_step` or `grid_too_large`.
        """
        for name, parameter in space.parameters:
            if parameter.n_values is None:
                message = f"a grid cannot visit '{name}': a float without step has infinitely many values"
                hint = "give it a step, or list values as a categorical, or use the sampler 'random'"
                raise SamplerError("grid_needs_step", message, f"search_space.{name}.step", hint)
        size = space.size()
        if size is None or size > MAX_CELLS:
            message = f"the grid has {size} cells, more than the {MAX_CELLS} that can be numbered"
            raise SamplerError("grid_too_large", message, "search_space", "give larger steps or fewer parameters")
        return size

    def suggest(self, request: SuggestRequest) -> Suggestion | None:
        """Return the combination of cell `request.cell`; None beyond the last.

        Raises:
            SamplerError: As `check`.
        """
        size = self.n_cells(request.space)
        if request.cell >= size:
            return None
        return Suggestion(decode_cell(request.space, request.cell), f"grid cell {request.cell + 1} of {size}")


def decode_cell(space: SearchSpace, cell: int) -> dict[str, ParamValue]:
    """Return the combination with index `cell` in 0..size-1; every parameter of `space` is countable."""
    params: dict[str, ParamValue] = {}
    for name, parameter in reversed(space.parameters):
        cell, index = divmod(cell, parameter.n_values or 1)
        params[name] = parameter.value_at(index)
    return dict(sorted(params.items()))
