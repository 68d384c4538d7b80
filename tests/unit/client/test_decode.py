"""Answers are read leniently where a newer server adds, and strictly where a value has another type."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunewell import MetricSeries, ServerFailure, Study, Trial
from tunewell._decode import decode, encode_number, number

from tests.unit.client.fakes import study_json, trial_json


def test_a_study_is_read_with_all_that_is_in_it() -> None:
    study = decode(Study, study_json())
    assert study.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert study.best_trial is not None
    assert study.best_trial.params == {"learning_rate": 0.01, "activation": "relu"}
    assert study.spec.objectives[0].direction == "maximize"
    assert study.spec.budget.n_trials == 20
    assert (study.n_finished, study.n_planned, study.is_ended) == (5, 20, False)


@pytest.mark.parametrize(
    ("n_trials", "n_grid_cells", "n_planned"), [(20, None, 20), (20, 6, 6), (5, 6, 5), (None, 6, 6), (None, None, None)]
)
def test_a_grid_may_be_smaller_than_the_budget(
    n_trials: int | None, n_grid_cells: int | None, n_planned: int | None
) -> None:
    data = study_json(n_grid_cells=n_grid_cells)
    data["spec"]["budget"]["n_trials"] = n_trials
    assert decode(Study, data).n_planned == n_planned


def test_fields_of_an_older_server_take_their_defaults() -> None:
    old = {key: trial_json()[key] for key in ("trial_id", "study_id", "number", "state", "params")}
    trial = decode(Trial, old)
    assert trial.step is None
    assert trial.attempts == ()


def test_non_finite_numbers_are_words() -> None:
    series = decode(MetricSeries, {"name": "loss", "steps": [0, 1, 2], "values": ["NaN", "-Infinity", 1]})
    assert math.isnan(series.values[0])
    assert series.values[1:] == (-math.inf, 1.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("study_id", "3"),
        ("study_id", True),
        ("study_id", 3.5),
        ("name", None),
        ("tags", "a"),
        ("spec", []),
        ("trial_counts", [1]),
        ("created_at", "yesterday"),
    ],
)
def test_a_value_of_another_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(ServerFailure) as caught:
        decode(Study, study_json(**{field: value}))
    assert caught.value.code == "bad_answer"
    assert f"Study.{field}" in caught.value.message


def test_a_missing_field_is_refused() -> None:
    data = study_json()
    del data["name"]
    with pytest.raises(ServerFailure) as caught:
        decode(Study, data)
    assert caught.value.code == "bad_answer"


@given(st.floats())
def test_numbers_survive_the_way_through_json(value: float) -> None:
    there = number(encode_number(value))
    assert there == value or (math.isnan(there) and math.isnan(value))


@pytest.mark.parametrize("wrong", ["nan", "1", True, None])
def test_only_three_words_are_numbers(wrong: object) -> None:
    with pytest.raises(ServerFailure) as caught:
        number(wrong)
    assert caught.value.code == "bad_answer"
