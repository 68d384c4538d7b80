"""Grid search: each combination once, in order."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from search.cells import CellTree
from search.errors import SamplerError, SpaceError
from search.options import SEED, Option
from search.parameters import ParamValue
from search.samplers.base import OneByOne
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

# Cell indices are stored in 64-bit database columns.
MAX_CELLS = 2**63 - 1


class GridSampler(OneByOne):
    """Visits every combination of active parameters once.

    Cells are numbered in the space's order of parameters, the last varying fastest; without conditions that is the
    order of their names. A parameter that is not active does not multiply the cells, and combinations that break a
    constraint have none. A suggestion depends on `request.cell` alone and is found without listing the cells before.
    """

    name: Final = "grid"
    meaning: Final = "Visits every combination of values once, in a fixed order; needs a step for each float."
    learns: Final = False
    # Accepted so that a study can change its sampler and keep the rest; a grid has no chance in it.
    options: tuple[Option, ...] = (SEED,)

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse a float without step, and a grid whose cells could not be counted or are none.

        Raises:
            SamplerError: `grid_needs_step`, `grid_too_large`, `grid_too_entangled` or `grid_empty`.
        """
        self.n_cells(space)

    def n_cells(self, space: SearchSpace) -> int:
        """Count the combinations; 1 for an empty space.

        Raises:
            SamplerError: As `check`.
        """
        for name, parameter in space.parameters:
            if parameter.n_values is None:
                message = f"a grid cannot visit '{name}': a float without step has infinitely many values"
                hint = "give it a step, or list values as a categorical, or use the sampler 'random'"
                raise SamplerError("grid_needs_step", message, f"search_space.{name}.step", hint)
        size = _tree(space).n_cells
        if size is None or size > MAX_CELLS:
            message = f"the grid has {size} cells, more than the {MAX_CELLS} that can be numbered"
            raise SamplerError("grid_too_large", message, "search_space", "give larger steps or fewer parameters")
        if size == 0:
            message = "no combination of values satisfies the constraints"
            raise SamplerError("grid_empty", message, "constraints", "loosen them, or add values that satisfy them")
        return size

    def suggest(self, request: SuggestRequest) -> Suggestion | None:
        """Return the combination of cell `request.cell`; None beyond the last.

        With pinned parameters the cells are those of the space in which they are held.

        Raises:
            SamplerError: As `check`.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        space = request.space.pin(request.pinned) if request.pinned else request.space
        size = self.n_cells(space)
        if request.cell >= size:
            return None
        return Suggestion(decode_cell(space, request.cell), f"grid cell {request.cell + 1} of {size}")


def decode_cell(space: SearchSpace, cell: int) -> dict[str, ParamValue]:
    """Return the combination with index `cell` in 0..size-1, ordered by name; every parameter is countable."""
    return _tree(space).params(cell)


@lru_cache(maxsize=4)
def _tree(space: SearchSpace) -> CellTree:
    """Return the grid's cells; kept for a few studies, which ask for one after another, as they may take 100 MB."""
    try:
        return space.tree(space.constraints)
    except SpaceError as error:
        raise SamplerError("grid_too_entangled", error.message, error.field, error.hint) from error
