"""The grid's cells: order, count, and what has none."""

from __future__ import annotations

import pytest

from search.errors import SamplerError
from search.samplers.grid import GridSampler, decode_cell
from search.space import parse_space
from search.types import SuggestRequest
from tests.unit.search.spaces import MIXED

GRID = GridSampler()


def test_cells_run_row_major_by_name() -> None:
    space = parse_space(
        {
            "b": {"type": "float", "low": 0, "high": 0.3, "step": 0.1},
            "a": {"type": "categorical", "choices": ["x", "y"]},
        }
    )
    cells = [decode_cell(space, cell) for cell in range(8)]
    assert cells == [{"a": a, "b": b} for a in ("x", "y") for b in (0.0, 0.1, 0.2, 0.3)]
    assert GRID.n_cells(space) == 8


def test_a_float_without_step_is_refused_and_named() -> None:
    with pytest.raises(SamplerError) as caught:
        GRID.check(MIXED, 10)
    assert (caught.value.code, caught.value.field) == ("grid_needs_step", "search_space.learning_rate.step")
    assert "random" in caught.value.hint


@pytest.mark.parametrize(
    "shape",
    [
        {"type": "float", "low": 0, "high": 1, "step": 0.1},
        {"type": "float", "low": 1, "high": 1},
        {"type": "int", "low": 1, "high": 512, "log": True},
    ],
)
def test_countable_parameters_are_accepted(shape: object) -> None:
    GRID.check(parse_space({"x": shape}), None)


def test_a_grid_beyond_counting_is_refused() -> None:
    wide = {"type": "int", "low": 0, "high": 2**32 - 1}
    GRID.check(parse_space({"a": wide}), 10)
    with pytest.raises(SamplerError) as caught:
        GRID.check(parse_space({"a": wide, "b": wide}), 10)
    assert (caught.value.code, caught.value.field) == ("grid_too_large", "search_space")


def test_a_huge_grid_is_decoded_without_being_built() -> None:
    space = parse_space({f"p{i:02}": {"type": "int", "low": 0, "high": 7} for i in range(20)})
    last = GRID.suggest(SuggestRequest(space, ("minimize",), 0, 0, cell=8**20 - 1))
    assert last is not None
    assert set(last.params.values()) == {7}
    assert last.note == f"grid cell {8**20} of {8**20}"
    assert GRID.suggest(SuggestRequest(space, ("minimize",), 0, 0, cell=8**20)) is None


def test_only_the_cell_counts() -> None:
    space = parse_space({"a": {"type": "int", "low": 0, "high": 9}})
    requests = (SuggestRequest(space, ("minimize",), seed, number, cell=3) for seed, number in ((1, 3), (9, 70)))
    by_cell = [GRID.suggest(request) for request in requests]
    assert by_cell[0] == by_cell[1]


def test_an_empty_space_is_one_cell() -> None:
    assert GRID.n_cells(parse_space({})) == 1
    assert decode_cell(parse_space({}), 0) == {}
