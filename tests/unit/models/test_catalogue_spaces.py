"""Search spaces that models suggest, and what of other spaces a model accepts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models import catalogue
from models.catalogue import CatalogueError, ModelInfo, ParamValue
from models.catalogue.rules import end_values
from search.samplers.random import draw_params
from search.space import parse_space

MLP = catalogue.get_model("mlp")
PAIRS = [
    (model.name, dataset.name)
    for model in catalogue.MODELS.values()
    for dataset in catalogue.DATASETS.values()
    if catalogue.fits(model, dataset)
]
WIDTHS = {"type": "list", "length": {"low": 1, "high": 3}, "each": {"type": "int", "low": 16, "high": 64}}


@pytest.mark.parametrize(("model", "dataset"), PAIRS)
@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**31))
def test_every_draw_of_a_suggested_space_makes_a_network(model: str, dataset: str, seed: int) -> None:
    info, data = catalogue.get_model(model), catalogue.get_dataset(dataset)
    suggested = catalogue.suggest_space(info, data)
    catalogue.check_space(info, suggested)
    catalogue.check_space_combinations(info, {}, suggested, data)
    space = parse_space(suggested)
    catalogue.check_combination(info, space.assemble(draw_params(space, seed, 0)), data)


def test_values_that_the_data_does_not_allow_are_left_out() -> None:
    logistic = catalogue.get_model("logistic")
    assert logistic.default_space["degree"] == {"type": "int", "low": 1, "high": 2}
    wide = catalogue.suggest_space(logistic, catalogue.get_dataset("mnist_5k"))
    assert wide["degree"] == {"type": "fixed", "value": 1}
    narrow = catalogue.suggest_space(logistic, catalogue.get_dataset("wine"))
    assert narrow == dict(logistic.default_space)
    # Without products there are few terms, so the same data allows the squares.
    powers = catalogue.suggest_space(logistic, catalogue.get_dataset("mnist_5k"), {"interactions": False})
    assert powers["degree"] == logistic.default_space["degree"]


def test_what_a_study_fixes_is_not_searched() -> None:
    suggested = catalogue.suggest_space(MLP, catalogue.get_dataset("digits"), {"dropout": 0.1, "epochs": 3})
    assert suggested.keys() == MLP.default_space.keys() - {"dropout"}


def with_conditions() -> ModelInfo:
    space: dict[str, dict[str, object]] = {
        "optimizer": {"type": "categorical", "choices": ["adam", "nesterov"]},
        "momentum": {"type": "float", "low": 0.5, "high": 0.99, "when": {"optimizer": ["nesterov"]}},
        "widths": {**WIDTHS, "when": {"optimizer": ["nesterov"]}},
        "norm": {"type": "categorical", "choices": ["none", "layer"], "when": {"widths.length": [2, 3]}},
    }
    return replace(MLP, default_space=space)


@pytest.mark.parametrize(
    ("fixed", "names", "conditions"),
    [
        ({}, {"optimizer", "momentum", "widths", "norm"}, {"momentum", "widths", "norm"}),
        ({"optimizer": "nesterov"}, {"momentum", "widths", "norm"}, {"norm"}),
        ({"optimizer": "adam"}, set(), set()),
        ({"widths": "64"}, {"optimizer", "momentum"}, {"momentum"}),
    ],
)
def test_conditions_on_fixed_values_are_settled(
    fixed: dict[str, ParamValue], names: set[str], conditions: set[str]
) -> None:
    suggested = catalogue.suggest_space(with_conditions(), None, fixed)
    assert suggested.keys() == names
    assert {name for name, shape in suggested.items() if "when" in shape} == conditions
    parse_space(suggested)


@pytest.mark.parametrize(
    ("space", "code", "field"),
    [
        ({"hidden_units": WIDTHS}, "wrong_type", "search_space.hidden_units.type"),
        ({"activation": WIDTHS}, "wrong_type", "search_space.activation.type"),
        ({"widths": {**WIDTHS, "length": {"low": 1, "high": 17}}}, "wrong_text", "search_space.widths"),
        (
            {"widths": {**WIDTHS, "each": {"type": "categorical", "choices": [8, "x"]}}},
            "wrong_text",
            "search_space.widths",
        ),
        ({"widths": {"type": "int", "low": 1, "high": 2}}, "wrong_type", "search_space.widths.type"),
        ({"dropout": {"type": "fixed", "value": 1.0}}, "out_of_range", "search_space.dropout.value"),
        ({"bias": {"type": "fixed", "value": "yes"}}, "wrong_type", "search_space.bias.value"),
    ],
)
def test_lists_and_fixed_values_that_no_network_takes_are_refused(
    space: dict[str, dict[str, Any]], code: str, field: str
) -> None:
    with pytest.raises(CatalogueError) as refusal:
        catalogue.check_space(MLP, space)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_lists_and_fixed_values_that_a_network_takes_are_accepted() -> None:
    catalogue.check_space(
        MLP,
        {
            "widths": {**WIDTHS, "length": {"low": 1, "high": 16}},
            "dropout": {"type": "fixed", "value": 0.5},
            "bias": {"type": "fixed", "value": False},
            "activation": {"type": "fixed", "value": "relu"},
        },
    )


def test_rules_are_held_against_the_texts_of_lists() -> None:
    too_wide = {"widths": {**WIDTHS, "each": {"type": "int", "low": 5000, "high": 6000}}}
    with pytest.raises(CatalogueError) as refusal:
        catalogue.check_space_combinations(MLP, {}, too_wide)
    assert (refusal.value.code, refusal.value.field) == ("impossible_combination", "search_space.widths")
    catalogue.check_space_combinations(MLP, {}, {"widths": WIDTHS})
    # While a parameter is not active the default counts, with which a network can be built.
    catalogue.check_space_combinations(MLP, {}, {"widths": {**too_wide["widths"], "when": {"optimizer": ["sgd"]}}})


def test_the_values_that_rules_are_held_against() -> None:
    assert end_values({"type": "int", "low": 1, "high": 5}, 3) == [1, 5]
    assert end_values({"type": "categorical", "choices": ["a", "b"], "when": {"x": [1]}}, "c") == ["a", "b", "c"]
    assert end_values({"type": "fixed", "value": 4}, 3) == [4]
    assert end_values(WIDTHS, "") == ["16", "64", "16-16-16", "64-64-64"]


def test_the_example_of_the_documentation_can_be_searched() -> None:
    page = (Path(__file__).resolve().parents[3] / "docs" / "search-spaces.md").read_text(encoding="utf-8")
    study = json.loads(page.partition("```json\n")[2].partition("```")[0])
    model, data = catalogue.get_model(study["model"]), catalogue.get_dataset(study["dataset"])
    catalogue.check_space(model, study["search_space"])
    space = parse_space(study["search_space"], constraints=study["constraints"])
    for number in range(20):
        catalogue.check_combination(model, space.assemble(draw_params(space, 1, number)), data)
