"""What supervisor and trial process say to each other survives the way."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.messages import (
    BatchOrder,
    CheckpointSaved,
    Command,
    EpochDone,
    Exited,
    LaneEnded,
    LaneLog,
    LaneOrder,
    Ready,
    Started,
    decode_command,
    decode_from_child,
    decode_order,
    encode,
)

TEXTS = st.text(max_size=20)
NUMBERS = st.integers(-(2**53), 2**53)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
METRICS = st.dictionaries(TEXTS, st.floats(allow_nan=False), max_size=4)
PARAMS = st.dictionaries(TEXTS, st.one_of(FINITE, NUMBERS, TEXTS, st.booleans(), st.none()), max_size=5)
LANES = st.builds(LaneOrder, TEXTS, PARAMS, NUMBERS, TEXTS, st.none() | TEXTS)
ORDERS = st.builds(
    BatchOrder,
    *(TEXTS, TEXTS, TEXTS, st.sampled_from(["minimize", "maximize"]), FINITE, st.lists(LANES, max_size=3).map(tuple)),
    n_repeats=st.integers(1, 9),
    choose=st.sampled_from(["mean", "best", "worst"]),
    is_racing=st.booleans(),
    n_folds=st.integers(0, 9),
    incumbent=st.none() | FINITE,
)
FINDINGS = st.lists(st.dictionaries(TEXTS, st.one_of(FINITE, TEXTS, st.none())), max_size=2).map(tuple)
FROM_CHILD = st.one_of(
    st.just(Ready()),
    st.builds(Started, NUMBERS),
    st.builds(Exited, NUMBERS),
    st.builds(EpochDone, TEXTS, NUMBERS, NUMBERS, METRICS),
    st.builds(CheckpointSaved, TEXTS, NUMBERS, TEXTS),
    st.builds(LaneLog, TEXTS, TEXTS, st.sampled_from(["stdout", "stderr"])),
    st.builds(LaneEnded, TEXTS, TEXTS, TEXTS, st.booleans(), METRICS, st.lists(TEXTS, max_size=3).map(tuple), FINDINGS),
)


@given(FROM_CHILD)
def test_what_a_trial_process_says_arrives_as_it_was(message: object) -> None:
    line = encode(message)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_from_child(line) == message


@given(ORDERS)
def test_an_order_arrives_as_it_was(order: BatchOrder) -> None:
    assert decode_order(encode(order)) == order


@given(st.builds(Command, TEXTS, TEXTS))
def test_a_command_arrives_as_it_was_and_is_no_order(command: Command) -> None:
    assert decode_command(encode(command)) == command
    assert decode_order(encode(command)) is None


def test_numbers_that_are_none_pass() -> None:
    metrics = {"loss": math.nan, "up": math.inf, "down": -math.inf}
    message = decode_from_child(encode(EpochDone("1", 1, 2, metrics)))
    assert isinstance(message, EpochDone)
    assert math.isnan(message.metrics["loss"])
    assert (message.metrics["up"], message.metrics["down"]) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    "line",
    [
        b'{"kind":"Surprise"}',
        b'{"lane":"1"}',
        b"[]",
        b"7",
        b'{"kind":"Started"}',
        b'{"kind":"Started","pid":1,"colour":"red"}',
        encode(EpochDone("1", 1, 2, {"loss": 0.5}))[:-9],
        b"epoch 1 of 3",
    ],
)
def test_everything_else_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"not a message|Expecting|Unterminated|delimiter"):
        decode_from_child(line)
