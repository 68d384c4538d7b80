"""Search spaces in words, and as a study's file has them."""

from __future__ import annotations

from typing import Any

import pytest
from tunewell._spaces import shape_words, space_words, space_yaml
from tunewell.studyfile import parse_study

from models.catalogue import MODELS


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"type": "float", "low": 1e-4, "high": 0.1, "log": True}, "float 0.0001 to 0.1, log"),
        ({"type": "int", "low": 16, "high": 64, "step": 16, "log": False}, "int 16 to 64, step 16"),
        ({"type": "categorical", "choices": ["relu", 2, None]}, "relu | 2 | -"),
        ({"type": "fixed", "value": "relu"}, "always relu"),
        (
            {"type": "list", "length": {"low": 1, "high": 3}, "each": {"type": "int", "low": 1, "high": 9}},
            "1 to 3 times int 1 to 9",
        ),
        (
            {"type": "int", "low": 1, "high": 9, "when": {"optimizer": ["sgd", "nesterov"], "norm": ["none"]}},
            "int 1 to 9, when optimizer is sgd or nesterov and norm is none",
        ),
        ({"type": "simplex", "n": 3}, "simplex"),
    ],
)
def test_a_parameter_in_words(shape: dict[str, Any], words: str) -> None:
    assert shape_words(shape) == words


def test_constraints_follow_the_parameters() -> None:
    assert space_words({"a": {"type": "fixed", "value": 1}}, ["a < 2"]) == "a: always 1\na < 2"


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.name)
def test_a_space_is_written_as_a_study_file_reads_it(model: Any) -> None:
    assert parse_study(space_yaml(model.default_space), "x.yaml") == {"search_space": dict(model.default_space)}


def test_awkward_names_and_values_are_written_as_a_study_file_reads_them() -> None:
    space = {
        "no: #1": {
            "type": "categorical",
            "choices": ["no", "1e-4", "", "a\nb", None, True, "True", "null", "-", 1e-7, "ä" * 200],
        }
    }
    assert parse_study(space_yaml(space), "x.yaml") == {"search_space": space}
