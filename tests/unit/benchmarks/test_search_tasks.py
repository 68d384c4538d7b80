"""Scores of the search benchmark against small tables whose answers are known by hand, and the committed tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.search.catalogue import TABLES
from benchmarks.search.spaces import Params, Space, ints
from benchmarks.search.tables import TableError, empty_columns, load_columns, save_columns
from benchmarks.search.tabulate import groups_of
from benchmarks.search.tasks import Task, get_task

SPACE = Space((ints("x", 0, 1, 2, 3),))
LOSSES = (0.0, 1.0, 2.0, 3.0)


def _evaluate(params: Params) -> tuple[float, float]:
    return LOSSES[int(params["x"])], 1.0


TASK = Task("four", "tables", SPACE, _evaluate, np.array(LOSSES), np.full(4, 0.25), 0.0)


def test_what_random_search_expects_is_exact() -> None:
    assert TASK.expected_random(1) == pytest.approx(1.5)
    # Of two draws the least is 0 with 7/16, 1 with 5/16, 2 with 3/16, 3 with 1/16.
    assert TASK.expected_random(2) == pytest.approx((5 + 6 + 3) / 16)
    assert TASK.expected_random(10_000) == pytest.approx(0.0, abs=1e-12)


def test_unequal_weights_count() -> None:
    task = Task("two", "tables", SPACE, _evaluate, np.array([0.0, 1.0]), np.array([0.1, 0.9]), 0.0)
    assert task.expected_random(3) == pytest.approx(0.9**3)


def test_simulated_random_search_reaches_what_is_expected() -> None:
    rng = np.random.default_rng(1)
    least = [min(LOSSES[int(rng.integers(4))] for _ in range(2)) for _ in range(20_000)]
    assert np.mean(least) == pytest.approx(TASK.expected_random(2), abs=0.02)


@pytest.mark.parametrize(("loss", "score"), [(0.0, 1.0), (1.5, 0.0), (0.75, 0.5), (2.25, -0.5), (300.0, -1.0)])
def test_a_score_is_one_at_the_best_and_nought_where_random_search_is(loss: float, score: float) -> None:
    # None of the four losses scores below -1 here, so zero is the plain expectation, 1.5.
    assert TASK.score(loss, 1) == pytest.approx(score)


@pytest.mark.parametrize("n_trials", [1, 25, 100])
@pytest.mark.parametrize("name", ["svm_digits", "mlp_diabetes", "cash_wine"])
def test_random_search_scores_nought_on_average_catastrophes_included(name: str, n_trials: int) -> None:
    task = get_task(name)
    rng = np.random.default_rng(3)
    draws = rng.choice(task.losses, size=(4_000, n_trials), p=task.weights / task.weights.sum()).min(axis=1)
    scores = [task.score(float(loss), n_trials) for loss in draws]
    assert min(scores) >= -1
    assert np.mean(scores) == pytest.approx(0.0, abs=0.05)


def test_the_chance_to_beat_random_search_counts_ties_half() -> None:
    # Two draws: worse than 1 is (2/4)**2, exactly 1 at best is (3/4)**2 - (2/4)**2.
    assert TASK.chance_to_beat_random(1.0, 2) == pytest.approx(0.25 + (9 - 4) / 16 / 2)
    assert TASK.chance_to_beat_random(0.0, 1) == pytest.approx(0.75 + 0.125)
    assert TASK.chance_to_beat_random(3.0, 5) == pytest.approx(0.25**5 / 2)
    assert TASK.chance_to_beat_random(0.0, 10_000) == pytest.approx(0.5)  # both find the best


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    columns = empty_columns(SPACE)
    columns.loss[:] = LOSSES
    columns.seconds[2] = 0.5
    save_columns("four", SPACE, columns, tmp_path)
    found = load_columns("four", SPACE, tmp_path)
    assert found.loss.tolist() == list(LOSSES)
    assert found.n_missing == 0
    assert np.isnan(found.test).all()
    assert found.seconds[2] == 0.5
    assert [path.name for path in tmp_path.iterdir()] == ["four.npz"]


def test_a_table_of_another_space_is_refused(tmp_path: Path) -> None:
    save_columns("four", SPACE, empty_columns(SPACE), tmp_path)
    assert load_columns("four", SPACE, tmp_path).n_missing == 4
    with pytest.raises(TableError, match="belongs to another space") as caught:
        load_columns("four", Space((ints("x", 0, 1, 2, 4),)), tmp_path)
    assert caught.value.code == "unusable_table"
    with pytest.raises(TableError, match=r"benchmarks\.search\.tabulate five"):
        load_columns("five", SPACE, tmp_path)


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_belongs_to_one_group_of_cells_that_are_fitted_together(name: str) -> None:
    table = TABLES[name]
    groups = groups_of(table)
    assert sorted(place for group in groups for place in group) == list(range(len(table.space.cells)))
    for group in groups:
        rest = {
            tuple((key, value) for key, value in table.space.params_of(table.space.cells[place]).items()
                  if key not in table.together)
            for place in group
        }  # fmt: skip
        assert len(rest) == 1


@pytest.mark.parametrize("name", TABLES)
def test_the_committed_tables_are_whole_and_leave_something_to_search_for(name: str) -> None:
    task = get_task(name)
    assert np.isfinite(task.losses).all()
    assert task.losses[0] == task.best < np.median(task.losses)
    # Where random search finds the best within 25 trials, nothing can be told apart.
    assert task.chance_to_beat_random(task.best, 25) > 0.5
    _, seconds = task.evaluate(task.space.params_of(task.space.cells[0]))
    assert seconds > 0
