"""The page on networks names what the catalogue has, all of it and nothing else."""

from __future__ import annotations

import re

import pytest

from models.catalogue import DATASETS, MODELS, ModelInfo
from models.catalogue.baselines import BASELINES
from tests.docs import pages

PAGE = "docs/networks.md"
SETTINGS_OF_STUDIES = {"repeats", "evaluation", "tunewell evaluate STUDY --ensemble 5"}


def names_of(model: ModelInfo) -> set[str]:
    """Return a model's name, its settings and their choices."""
    choices = {
        choice
        for hyperparameter in model.hyperparameters.values()
        for choice in hyperparameter.choices
        if isinstance(choice, str)
    }
    return {model.name} | set(model.hyperparameters) | choices


def spans(text: str) -> set[str]:
    """Return what a text marks as code."""
    return set(re.findall(r"`([^`\n]+)`", text))


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_its_names_on_the_page(name: str) -> None:
    assert names_of(MODELS[name]) - spans(pages.read(PAGE)) == set()


def test_every_data_set_and_baseline_is_on_the_page() -> None:
    assert {*DATASETS, *BASELINES} - spans(pages.read(PAGE)) == set()


def test_a_missing_name_would_be_seen() -> None:
    text = pages.read(PAGE).replace("`bptt_steps`", "bptt_steps")
    assert names_of(MODELS["rnn"]) - spans(text) == {"bptt_steps"}


def test_tables_name_nothing_that_does_not_exist() -> None:
    rows = re.findall(r"^\| (?!---)(.+?) \|(.*)$", pages.read(PAGE), re.MULTILINE)
    named = set().union(*(spans(first) for first, _ in rows))
    known = set().union(*(names_of(model) for model in MODELS.values())) | set(DATASETS)
    assert len(named) > 80
    assert named - known - SETTINGS_OF_STUDIES == set()


def test_the_examples_counted_are_those_of_the_data_sets() -> None:
    table = pages.read(PAGE).rpartition("## Data")[2]
    counted = {int(number.replace(",", "")) for number in re.findall(r"(?<!x)\b(\d[\d,]*)\b(?! pixels)", table)}
    whole = {info.n_rows for info in DATASETS.values() if not info.is_chronological}
    assert whole - counted == set()
