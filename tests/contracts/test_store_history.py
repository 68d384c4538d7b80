"""A study's history for a chart: bounded by its places, and with everything that one sees."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contracts.test_store_columns import ADAM, NESTEROV, add, wide
from tests.servers.api import Caller

__all__ = ["wide"]
PATH = "/studies/wide/history"


def test_ended_trials_stand_there_by_number_with_their_states_apart(wide: Caller) -> None:
    add(wide, ADAM, val_accuracy=0.5, n_parameters=10)
    add(wide, NESTEROV)
    add(wide, NESTEROV, val_accuracy=0.123456789, n_parameters=20)
    found = wide.call("GET", PATH)
    assert (found["metric"], found["direction"], found["is_whole"]) == ("val_accuracy", "maximize", True)
    assert (found["numbers"], found["values"], found["is_pruned"]) == ([0, 2], [0.5, 0.1234568], [False, False])
    assert (found["n_complete"], found["n_pruned"], found["n_failed"]) == (2, 0, 0)


def test_another_objective_has_its_own_values(wide: Caller) -> None:
    add(wide, ADAM, val_accuracy=0.5, n_parameters=10)
    found = wide.call("GET", PATH, params={"metric": "n_parameters"})
    assert (found["metric"], found["direction"], found["values"]) == ("n_parameters", "minimize", [10])


def test_what_failed_or_is_no_finite_number_is_counted_and_not_placed(caller: Caller) -> None:
    caller.create("wide")
    worker_id = caller.join("wide")
    for value in ("NaN", "Infinity", 0.5):
        caller.finish(caller.claim(worker_id, "wide")[0], values={"val_accuracy": value})
    found = caller.call("GET", PATH)
    assert (found["numbers"], found["n_complete"], found["n_failed"]) == ([2], 1, 2)


def test_of_many_trials_each_column_keeps_its_least_and_greatest_value(wide: Caller) -> None:
    values = [0.5 + 0.4 * ((7 * number) % 10) / 10 for number in range(40)]
    for value in values:
        add(wide, ADAM, val_accuracy=value, n_parameters=10)
    found = wide.call("GET", PATH, params={"n_columns": 2, "n_rows": 1})
    assert (found["is_whole"], found["n_complete"]) == (False, 40)
    assert len(found["numbers"]) < 10
    kept = dict(zip(found["numbers"], found["values"], strict=True))
    for column in (range(32), range(32, 40)):
        inside = [value for number, value in kept.items() if number in column]
        assert min(inside) == pytest.approx(min(values[number] for number in column))
        assert max(inside) == pytest.approx(max(values[number] for number in column))


def test_more_places_show_more_trials(wide: Caller) -> None:
    for number in range(40):
        add(wide, ADAM, val_accuracy=0.5 + 0.4 * ((7 * number) % 10) / 10, n_parameters=10)
    coarse, fine = (wide.call("GET", PATH, params={"n_columns": 4, "n_rows": n}) for n in (1, 10))
    assert set(coarse["numbers"]) < set(fine["numbers"])


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"metric": "val_loss"}, "unknown_objective"),
        ({"n_columns": 0}, "greater_than_equal"),
        ({"n": 1}, "unknown_field"),
    ],
)
def test_what_no_chart_has_is_refused(wide: Caller, query: dict[str, Any], code: str) -> None:
    assert wide.refused("GET", PATH, 422, params=query)["code"] == code
    assert wide.call("GET", PATH, params={"metric": "val_accuracy", "n_columns": 1})["numbers"] == []


def test_a_study_that_is_not_there_has_no_history(wide: Caller) -> None:
    assert wide.refused("GET", "/studies/narrow/history", 404)["code"] == "study_not_found"
    assert wide.call("GET", PATH)["is_whole"] is True


def test_it_is_compressed_for_whoever_reads_that(wide: Caller) -> None:
    for number in range(40):
        add(wide, ADAM, val_accuracy=0.5 + number / 100, n_parameters=10)
    packed = wide.http.get(PATH, headers={"Accept-Encoding": "gzip"})
    plain = wide.http.get(PATH, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
