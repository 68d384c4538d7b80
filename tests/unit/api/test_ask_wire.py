"""Requests go through the pipe to another process and arrive as they left."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.asks.wire import decode_answer, decode_request, encode_failure, encode_request, encode_suggestions
from search.space import parse_space
from search.types import PastTrial, Suggestion, SuggestRequest
from tests.unit.search.spaces import conditional_spaces, search_spaces

NUMBERS = st.floats(allow_nan=False) | st.just(math.inf) | st.just(-math.inf)
VALUES = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | NUMBERS | st.text(max_size=5)
PARAMS = st.dictionaries(st.text(max_size=5), VALUES, max_size=4)
TRIALS = st.builds(
    PastTrial,
    number=st.integers(-5, 10_000),
    state=st.sampled_from(["RUNNING", "COMPLETE", "PRUNED", "FAIL"]),
    params=PARAMS,
    values=st.none() | st.tuples(NUMBERS) | st.tuples(NUMBERS, NUMBERS),
    intermediate=st.dictionaries(st.integers(0, 1000), NUMBERS, max_size=3),
    constraints=st.lists(NUMBERS, max_size=2).map(tuple),
    paused_at=st.none() | st.integers(0, 100),
)
BATCHES = st.none() | st.tuples(st.integers(1, 64), st.lists(st.text(max_size=5), max_size=3).map(tuple))


@given(
    space=search_spaces() | conditional_spaces(),
    history=st.lists(TRIALS, max_size=5),
    options=st.dictionaries(st.text(max_size=5), st.none() | st.integers() | NUMBERS, max_size=3),
    pinned=PARAMS,
    batch=BATCHES,
)
def test_a_request_arrives_as_it_left(
    space: object, history: list[PastTrial], options: dict[str, object], pinned: dict[str, object], batch: object
) -> None:
    request = SuggestRequest(
        space=space,  # type: ignore[arg-type]
        directions=("minimize", "maximize"),
        seed=2**32 - 1,
        number=7,
        cell=5,
        history=history,
        options=options,
        n_trials=None,
        max_parallel=3,
        pinned=pinned,  # type: ignore[arg-type]
    )
    line = encode_request("bayesian", request, batch)  # type: ignore[arg-type]
    assert line.count(b"\n") == 1
    assert decode_request(line) == ("bayesian", request, batch)


def test_nan_arrives_as_nan() -> None:
    past = PastTrial(number=0, state="PRUNED", params={}, values=(math.nan,), intermediate={3: math.nan})
    request = SuggestRequest(parse_space({}), ("minimize",), seed=0, number=1, history=[past])
    _, arrived, _ = decode_request(encode_request("random", request, None))
    (trial,) = arrived.history
    assert trial.values is not None
    assert math.isnan(trial.values[0])
    assert math.isnan(trial.intermediate[3])


@pytest.mark.parametrize(
    "answer", [None, [], [Suggestion({"rate": 0.1 + 0.2, "kind": None}, "note \n"), Suggestion({}, "")]]
)
def test_an_answer_arrives_as_it_left(answer: list[Suggestion] | None) -> None:
    line = encode_suggestions(answer)
    assert line.count(b"\n") == 1
    assert decode_answer(line) == answer


def test_a_failure_arrives_as_text() -> None:
    assert decode_answer(encode_failure("no torch\nhere")) == "no torch\nhere"
