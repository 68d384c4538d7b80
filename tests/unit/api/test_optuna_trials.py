"""How trials and their parameters turn into Optuna's and back, without a database."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from api.compat.optuna.entries import make_entry, read_entries, show_shape
from api.compat.optuna.freezing import Freezer, copied, end_of
from api.compat.optuna.pending import Pending
from api.compat.optuna.spaces import covering, distributions_of
from db.optuna_history import Changes, TrialRead
from db.optuna_reports import Curve

FLOAT = FloatDistribution(0.1, 1.0)
AT = datetime(2024, 5, 6, 7, 8, 9, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("distribution", "value", "expected"),
    [
        (FLOAT, 0.5, FLOAT),
        (FLOAT, 2.0, FloatDistribution(0.1, 2.0)),
        (FLOAT, 1, FLOAT),
        (FloatDistribution(0.1, 1.0, log=True), 0.01, FloatDistribution(0.01, 1.0, log=True)),
        (FloatDistribution(0.1, 1.0, log=True), -1.0, FloatDistribution(-1.0, 1.0)),
        (FloatDistribution(0.0, 1.0, step=0.25), 0.3, FloatDistribution(0.0, 1.0)),
        (IntDistribution(1, 9), 5, IntDistribution(1, 9)),
        (IntDistribution(1, 9, log=True), 12, IntDistribution(1, 12, log=True)),
        (IntDistribution(1, 9, log=True), 0, IntDistribution(0, 9)),
        (IntDistribution(1, 9), 1.5, FloatDistribution(1.5, 1.5)),
        (CategoricalDistribution(("a", "b")), "b", CategoricalDistribution(("a", "b"))),
        (CategoricalDistribution(("a", "b")), "c", CategoricalDistribution(("a", "b", "c"))),
        (CategoricalDistribution(("a", "b")), None, CategoricalDistribution(("a", "b", None))),
        (None, 3, IntDistribution(3, 3)),
        (None, 3.5, FloatDistribution(3.5, 3.5)),
        (None, "x", CategoricalDistribution(("x",))),
        (None, True, CategoricalDistribution((True,))),
    ],
)
def test_a_value_outside_of_its_space_gets_a_distribution_that_holds_it(
    distribution: BaseDistribution | None, value: Any, expected: BaseDistribution
) -> None:
    found = covering(distribution, value)
    assert found == expected
    assert found.to_external_repr(found.to_internal_repr(value)) == value


def test_a_space_that_cannot_be_read_has_no_distributions() -> None:
    good = {"x": {"type": "float", "low": 0.0, "high": 1.0}}
    assert distributions_of({"search_space": good}) == {"x": FloatDistribution(0.0, 1.0)}
    assert distributions_of({"search_space": {"x": {"type": "float", "low": 2.0, "high": 1.0}}}) == {}


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.text())
FLOATS = st.tuples(st.floats(-1e300, 1e300), st.floats(0, 1e300))
INTS = st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 10**6))
CHOICES = st.lists(SCALARS, min_size=1, max_size=5, unique_by=lambda one: (type(one).__name__, one))
PARAMETERS = st.one_of(
    FLOATS.map(lambda pair: FloatDistribution(pair[0], sum(pair))),
    INTS.map(lambda pair: IntDistribution(pair[0], sum(pair))),
    CHOICES.map(CategoricalDistribution),
)


@given(st.dictionaries(st.text(min_size=1), PARAMETERS, max_size=4), st.randoms(use_true_random=False))
def test_parameters_come_back_as_they_were(distributions: dict[str, Any], random: Any) -> None:
    internal = {
        name: random.randrange(len(one.choices))
        if isinstance(one, CategoricalDistribution)
        else one.to_internal_repr(random.choice([one.low, one.high]))
        for name, one in distributions.items()
    }
    entries = [make_entry(name, internal[name], one) for name, one in distributions.items()]
    params, found = read_entries(entries)
    assert found == distributions
    assert list(params) == list(distributions)
    for name, one in distributions.items():
        expected = one.to_external_repr(internal[name])
        assert type(params[name]) is type(expected)
        assert params[name] == expected


@pytest.mark.parametrize(
    ("distribution", "shape"),
    [
        (FloatDistribution(0, 1), {"type": "float", "low": 0.0, "high": 1.0, "log": False}),
        (IntDistribution(1, 9, step=2), {"type": "int", "low": 1, "high": 9, "log": False, "step": 2}),
        (CategoricalDistribution(("a", None)), {"type": "categorical", "choices": ["a", None]}),
        (CategoricalDistribution((math.inf, "Infinity")), None),  # the same words in JSON
    ],
)
def test_a_distribution_is_shown_as_our_spaces_write_it(distribution: BaseDistribution, shape: Any) -> None:
    assert show_shape("x", distribution) == shape


def a_row(**changes: Any) -> TrialRead:
    known: dict[str, Any] = {
        "id": 7,
        "number": 3,
        "state": "COMPLETE",
        "finished_rev": 1,
        "params": {"x": 0.5},
        "distributions": None,
        "values": {"loss": 0.25, "accuracy": "Infinity", "other": 3.0},
        "outcome_constraints": None,
        "started_at": AT,
        "finished_at": AT,
        "points": None,
        "attrs": None,
    }
    return TrialRead(**{**known, **changes})


def frozen(row: TrialRead, **changes: Any) -> FrozenTrial:
    freezer = Freezer(["loss", "accuracy"], {"x": FLOAT})
    (trial,) = freezer.freeze(Changes([row], changes.get("attrs", {}), changes.get("points", {})))
    return trial


def test_a_row_becomes_a_trial() -> None:
    trial = frozen(
        a_row(outcome_constraints=[0.5, "-Infinity"]),
        attrs={7: [(False, "note", '{"a": [NaN]}'), (True, "key", "1")]},
        points={7: {0: 1.0, 2: math.inf}},
    )
    assert (trial.number, trial._trial_id, trial.state) == (3, 7, TrialState.COMPLETE)
    assert trial.values == [0.25, math.inf]
    assert trial.params == {"x": 0.5}
    assert trial.distributions == {"x": FLOAT}
    assert math.isnan(trial.user_attrs["note"]["a"][0])
    assert trial.system_attrs == {"key": 1, "constraints": [0.5, -math.inf]}
    assert trial.constraints == {"0": 0.5, "1": -math.inf}
    assert trial.intermediate_values == {0: 1.0, 2: math.inf}
    assert trial.datetime_start is not None
    assert trial.datetime_start.astimezone() == AT
    assert trial.datetime_start.tzinfo is None
    trial._validate()


@pytest.mark.parametrize(
    ("changes", "state", "values"),
    [
        ({"values": {"loss": "NaN", "accuracy": 1.0}}, TrialState.FAIL, None),
        ({"values": {"loss": 0.25}}, TrialState.FAIL, None),
        ({"state": "FAIL"}, TrialState.FAIL, None),
        ({"state": "PRUNED"}, TrialState.PRUNED, [0.25, math.inf]),
        ({"state": "PRUNED", "values": {"accuracy": 1.0}}, TrialState.PRUNED, None),
        ({"state": "RUNNING", "finished_at": None, "values": {}}, TrialState.RUNNING, None),
    ],
)
def test_values_and_states_fit_each_other(changes: Any, state: TrialState, values: Any) -> None:
    trial = frozen(a_row(**changes))
    assert (trial.state, trial.values) == (state, values)
    trial._validate()


def test_as_many_values_as_objectives() -> None:
    assert end_of(TrialState.COMPLETE, [math.nan, 1], ["a", "b"]).values == {"a": "NaN", "b": 1.0}
    assert end_of(TrialState.FAIL, None, ["a", "b"]).values == {}
    for values in ([1.0], [1.0, 2.0, 3.0], []):
        with pytest.raises(ValueError, match="2 objectives"):
            end_of(TrialState.COMPLETE, values, ["a", "b"])


def test_a_copy_is_equal_and_its_own() -> None:
    trial = create_trial(
        value=1.0,
        params={"x": 0.5},
        distributions={"x": FLOAT},
        user_attrs={"deep": {"list": [1, {"a": 2}]}},
        intermediate_values={0: 1.0},
    )
    copy = copied(trial)
    assert copy == trial
    copy.user_attrs["deep"]["list"][1]["a"] = 3
    copy.params["y"] = 1
    copy.intermediate_values[1] = 2.0
    assert copy.values is not None
    copy.values.append(2.0)
    assert trial.user_attrs == {"deep": {"list": [1, {"a": 2}]}}
    assert (trial.params, trial.intermediate_values, trial.values) == ({"x": 0.5}, {0: 1.0}, [1.0])


def test_the_stream_is_told_of_all_points_but_not_of_each() -> None:
    pending = Pending(Curve(study_id=1, trial_id=2, name="value"), number=3)
    first = pending.add(0, 1.0, now_s=100.0)
    assert first is not None
    assert first["points"] == [["value", 0, 1.0]]
    assert pending.add(1, math.nan, now_s=100.1) is None
    assert pending.add(2, 3.0, now_s=100.2) is None
    second = pending.add(3, 4.0, now_s=100.6)
    assert second is not None
    assert second["points"] == [["value", 1, "NaN"], ["value", 2, 3.0], ["value", 3, 4.0]]
    assert (second["study_id"], second["trial_id"], second["number"], second["step"]) == (1, 2, 3, 3)
    assert pending.add(4, 5.0, now_s=100.7) is None
    rest = pending.take()
    assert rest is not None
    assert rest["points"] == [["value", 4, 5.0]]
    assert pending.take() is None
