"""Study files: numbers and words as people mean them, and clear refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tunewell import Invalid
from tunewell.studyfile import parse_study, with_overrides

from tests.unit.client.fakes import study_json


def value_of(yaml_text: str) -> Any:
    return parse_study(f"value: {yaml_text}\n", "study.yaml")["value"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("1e5", 1e5),
        ("-2.5e+3", -2500.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("+3", 3),
        ("010", 10),
        ("0x1F", 31),
        ("0o17", 15),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
    ],
)
def test_numbers_and_truth_are_what_they_look_like(text: str, value: object) -> None:
    found = value_of(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    "word", ["no", "on", "yes", "off", "n", "1_000", "1:30", "2026-01-02", "1e", "e5", "0x", "1.2.3", "0b1", "."]
)
def test_words_stay_words(word: str) -> None:
    assert value_of(word) == word


def test_quotes_make_text_of_a_number() -> None:
    assert value_of('"1e-4"') == "1e-4"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_that_python_writes_is_read(value: float) -> None:
    assert value_of(repr(value)) == value


def test_yaml_and_json_of_one_study_are_equal() -> None:
    spec = {"name": "digits", **study_json()["spec"]}
    text = json.dumps(spec, indent="\t")
    assert parse_study(text, "-") == parse_study(text, "study.json") == spec
    assert parse_study("{name: digits, list: [1, 1e-4]}", "-") == {"name": "digits", "list": [1, 1e-4]}


def test_anchors_and_merges_work() -> None:
    text = "a: &a {low: 1, high: 2}\nb:\n  <<: *a\n  high: 3\n"
    assert parse_study(text, "s.yaml") == {"a": {"low": 1, "high": 2}, "b": {"low": 1, "high": 3}}


@pytest.mark.parametrize(
    ("text", "source", "words"),
    [
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "s.yaml", "line 4, column 3: the key 'c' is there twice"),
        ('{"a": {"b": 1, "b": 2}}', "s.json", "'b' twice"),
        ('{"a": 1, "a": 2}', "-", "'a' twice"),
        ("1: a", "s.yaml", "must be text"),
        ("true: a", "s.yaml", "must be text"),
        ("", "s.yaml", "holds nothing"),
        ("[1, 2]", "s.yaml", "holds a list"),
        ("just words", "s.yaml", "holds only a text"),
        ("a: [1", "s.yaml", "line 1"),
        ('{"a": }', "s.json", "line 1, column 7"),
        ('{"a": NaN}', "s.json", "NaN"),
        ("a: !!python/object/apply:os.system [id]", "s.yaml", "python/object"),
        ("a: !!timestamp 2026-01-02", "s.yaml", "timestamp"),
        ("a: !!set {b}", "s.yaml", "set"),
        ("a: !!int x", "s.yaml", "not YAML"),
        ("a: \0", "s.yaml", "not YAML"),
        ("[" * 600, "s.yaml", "not YAML"),
        ("[" * 100_000, "s.json", "recursion"),
    ],
)
def test_what_is_no_study_is_refused_with_its_place(text: str, source: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_study(text, source)
    assert caught.value.code == "study_file"
    assert caught.value.message.startswith(f"{source} ")
    assert words in caught.value.message


def test_overrides_leave_the_rest_alone() -> None:
    study = {"name": "a", "budget": {"n_trials": 5, "max_parallel": 2}}
    assert with_overrides(study) == study
    changed = with_overrides(study, name="b", n_trials=9)
    assert changed == {"name": "b", "budget": {"n_trials": 9, "max_parallel": 2}}
    assert study["name"] == "a"
    assert with_overrides({}, n_trials=1) == with_overrides({"budget": None}, n_trials=1) == {"budget": {"n_trials": 1}}


def test_a_budget_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(Invalid) as caught:
        with_overrides({"budget": 20}, n_trials=1)
    assert (caught.value.code, caught.value.field) == ("study_file", "budget")
