"""Tables of numbers: what is read, and where a refusal points."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunewell import Invalid
from tunewell.tables import LARGEST, read_numbers

NUMBERS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def test_a_header_and_empty_lines_are_skipped() -> None:
    assert read_numbers(io.StringIO("a,b\n1,2\n\n 3 , -4e2\n,\n"), 2, "x.csv") == [[1.0, 2.0], [3.0, -400.0]]
    assert read_numbers(io.StringIO("1,2\n"), 2, "x.csv") == [[1.0, 2.0]]
    assert read_numbers(io.StringIO('"1","2"\r\n'), 2, "x.csv") == [[1.0, 2.0]]


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1))
def test_what_was_written_is_read(rows: list[list[float]]) -> None:
    text = "".join(",".join(map(repr, row)) + "\n" for row in rows)
    assert read_numbers(io.StringIO(text), 3, "x.csv") == rows


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2\n1,2,3\n", "x.csv, line 2: 3 columns, where the network reads 2"),
        ("1;2\n", "x.csv, line 1: 1 column"),
        ("a,b,c\n", "line 1: 3 columns"),
        ("1,2\n3,x\n", "line 2, column 2: 'x' is not a number"),
        ("a,1\n", "line 1, column 1: 'a' is not a number"),
        ("a,b\nc,d\n", "line 2, column 1: 'c' is not a number"),
        ("1,\n", "line 1, column 2: the cell is empty"),
        ("1,nan\n", "column 2: 'nan' is not a number"),
        ("1,inf\n", "column 2: 'inf' is not a finite"),
        (f"1,{LARGEST * 2}\n", "is not a finite"),
        ("1_0,2\n", "'1_0' is not a number"),
        ("", "has no line of numbers"),
        ("a,b\n", "has no line of numbers"),
        ("1,2\n1,2\x00\n", "line 2"),
    ],
)
def test_a_refusal_names_line_and_column(text: str, words: str) -> None:
    with pytest.raises(Invalid, match=r".") as caught:
        read_numbers(io.StringIO(text), 2, "x.csv")
    assert caught.value.code == "bad_table"
    assert words in caught.value.message


def test_another_encoding_is_named() -> None:
    file = io.TextIOWrapper(io.BytesIO("1,2\n3,ä".encode("latin-1")), encoding="utf-8")
    with pytest.raises(Invalid) as caught:
        read_numbers(file, 2, "x.csv")
    assert caught.value.code == "bad_table"
    assert "UTF-8" in caught.value.message


def test_the_largest_number_is_read() -> None:
    ((found,),) = read_numbers(io.StringIO(f"{LARGEST}\n"), 1, "x.csv")
    assert math.isfinite(found)
