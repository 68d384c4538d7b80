"""The catalogue accepts what models accept, and refuses the rest with a code and a hint."""

import contextlib
import math
import pickle
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import catalogue
from models.catalogue import CatalogueError, Hyperparameter, ParamValue

MLP = catalogue.get_model("mlp")


@pytest.mark.parametrize("model", catalogue.MODELS.values(), ids=lambda model: model.name)
class TestEveryModel:
    def test_defaults_pass_its_own_checks(self, model: catalogue.ModelInfo) -> None:
        complete = catalogue.complete_params(model, {})
        assert list(complete) == list(model.hyperparameters)
        catalogue.check_params(model, complete)

    def test_default_space_suggests_accepted_values_only(self, model: catalogue.ModelInfo) -> None:
        catalogue.check_space(model, model.default_space)
        assert model.default_space

    def test_every_text_is_written(self, model: catalogue.ModelInfo) -> None:
        assert all(len(hyperparameter.meaning) > 20 for hyperparameter in model.hyperparameters.values())
        assert model.title
        assert model.meaning
        assert model.source

    def test_ranges_and_choices_are_sound(self, model: catalogue.ModelInfo) -> None:
        for hyperparameter in model.hyperparameters.values():
            if hyperparameter.type in ("float", "int"):
                assert hyperparameter.low is not None
                assert hyperparameter.high is not None
                assert hyperparameter.low < hyperparameter.high
                assert hyperparameter.low > 0 or not hyperparameter.log
            elif hyperparameter.type == "text":
                assert hyperparameter.pattern
                assert re.fullmatch(hyperparameter.pattern, str(hyperparameter.default))
            else:
                assert hyperparameter.type == "bool" or len(set(hyperparameter.choices)) > 1


@pytest.mark.parametrize("dataset", catalogue.DATASETS.values(), ids=lambda dataset: dataset.name)
def test_data_set_figures_agree(dataset: catalogue.DatasetInfo) -> None:
    assert dataset.n_train + dataset.n_val + dataset.n_test == dataset.n_rows
    assert (dataset.n_classes is None) == (dataset.task == "regression")
    assert len(dataset.sha256) == 64


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("epochs", 0, "out_of_range"),
        ("epochs", 10_001, "out_of_range"),
        ("epochs", 10**400, "out_of_range"),
        ("epochs", 2.0, "wrong_type"),
        ("epochs", True, "wrong_type"),
        ("epochs", "20", "wrong_type"),
        ("epochs", None, "wrong_type"),
        ("learning_rate", 0.0, "out_of_range"),
        ("learning_rate", math.nan, "not_finite"),
        ("learning_rate", math.inf, "not_finite"),
        ("learning_rate", False, "wrong_type"),
        ("dropout", -0.1, "out_of_range"),
        ("dropout", 10**400, "out_of_range"),
        ("activation", "relux", "not_a_choice"),
        ("activation", ["relu"], "not_a_choice"),
    ],
)
def test_bad_value_is_refused(name: str, value: object, code: str) -> None:
    with pytest.raises(CatalogueError) as refusal:
        catalogue.check_params(MLP, {name: value}, field="fixed")
    assert refusal.value.code == code
    assert refusal.value.field == f"fixed.{name}"
    assert refusal.value.hint.startswith("Accepted: ")
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 1),
        ("epochs", 10_000),
        ("learning_rate", 1),
        ("learning_rate", 1e-8),
        ("dropout", 0),
        ("dropout", 0.95),
        ("activation", "swish"),
    ],
)
def test_good_value_is_accepted(name: str, value: ParamValue) -> None:
    complete = catalogue.complete_params(MLP, {name: value})
    assert complete[name] == value
    assert isinstance(complete[name], float) == (MLP.hyperparameters[name].type == "float")


def test_choices_are_compared_with_their_type() -> None:
    numbered = Hyperparameter("depth", "categorical", 1, "How deep it goes.", choices=(1, 2))
    catalogue.check_value(numbered, 1, "depth")
    for other in (True, 1.0, "1"):
        with pytest.raises(CatalogueError) as refusal:
            catalogue.check_value(numbered, other, "depth")
        assert refusal.value.code == "not_a_choice"


def test_bool_hyperparameter_takes_true_and_false_only() -> None:
    switch = Hyperparameter("bias", "bool", True, "Whether units have a bias.")
    catalogue.check_value(switch, False, "bias")
    with pytest.raises(CatalogueError) as refusal:
        catalogue.check_value(switch, 1, "bias")
    assert refusal.value.code == "wrong_type"
    assert refusal.value.hint == "Accepted: true or false."


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("learning_rat", "learning_rate"), ("lr", "learning_rate"), ("Dropout", "dropout"), ("optimiser", "optimizer")],
)
def test_unknown_parameter_gets_the_nearest_right_name(wrong: str, right: str) -> None:
    with pytest.raises(CatalogueError) as refusal:
        catalogue.check_params(MLP, {wrong: 1})
    assert refusal.value.code == "unknown_parameter"
    assert f"Did you mean '{right}'?" in refusal.value.hint
    assert right in MLP.hyperparameters


def test_unknown_name_like_no_other_lists_what_is_known() -> None:
    with pytest.raises(CatalogueError) as refusal:
        catalogue.get_model("transformer")
    assert refusal.value.code == "unknown_model"
    assert refusal.value.hint == f"Known: {', '.join(catalogue.MODELS)}."


def test_unknown_data_set_and_metric_get_suggestions() -> None:
    with pytest.raises(CatalogueError) as refusal:
        catalogue.get_dataset("digit")
    assert refusal.value.code == "unknown_dataset"
    assert "'digits'" in refusal.value.hint
    with pytest.raises(CatalogueError) as refusal:
        catalogue.get_metric("mlp", "digits", "val_acuracy", field="objectives.0.metric")
    assert refusal.value.code == "unknown_metric"
    assert refusal.value.field == "objectives.0.metric"
    assert "'val_accuracy'" in refusal.value.hint
    assert catalogue.get_metric("mlp", "digits", "val_accuracy").direction == "maximize"


def test_metrics_follow_the_task() -> None:
    def per_epoch(model: str, dataset: str) -> list[str]:
        return [info.name for info in catalogue.metrics_for(model, dataset) if info.is_per_epoch]

    assert per_epoch("mlp", "digits") == ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]
    assert per_epoch("mlp", "diabetes") == ["train_loss", "val_loss", "val_rmse", "val_mae", "val_r2"]
    assert "frechet_distance" in per_epoch("gan", "digits")
    assert "val_loss" not in per_epoch("gan", "digits")
    names = [info.name for info in catalogue.metrics_for("mlp", "breast_cancer")]
    assert "val_top3_accuracy" not in names  # of two classes three are always among the best


def test_model_refuses_data_of_another_kind() -> None:
    with pytest.raises(CatalogueError) as refusal:
        catalogue.metrics_for("cnn", "iris")
    assert refusal.value.code == "unfit_dataset"
    assert "digits" in refusal.value.hint
    assert catalogue.metrics_for("cnn", "digits")


def test_model_without_the_task_refuses_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    classifier = replace(MLP, name="classifier", tasks=("classification",))
    monkeypatch.setattr(catalogue, "MODELS", {"classifier": classifier})
    with pytest.raises(CatalogueError) as refusal:
        catalogue.metrics_for("classifier", "diabetes")
    assert refusal.value.code == "unfit_dataset"
    assert "digits" in refusal.value.hint
    assert "diabetes" not in refusal.value.hint
    assert catalogue.metrics_for("classifier", "digits")


@pytest.mark.parametrize(
    ("space", "code", "field"),
    [
        ({"lr": {"type": "float"}}, "unknown_parameter", "search_space.lr"),
        ({"epochs": {"type": "float", "low": 1, "high": 2}}, "wrong_type", "search_space.epochs.type"),
        ({"activation": {"type": "int", "low": 0, "high": 1}}, "wrong_type", "search_space.activation.type"),
        ({"epochs": {"type": "int", "low": 0, "high": 9}}, "out_of_range", "search_space.epochs.low"),
        ({"dropout": {"type": "float", "low": 0, "high": 1}}, "out_of_range", "search_space.dropout.high"),
        (
            {"activation": {"type": "categorical", "choices": ["relu", 3]}},
            "not_a_choice",
            "search_space.activation.choices",
        ),
        ({"dropout": {"type": "categorical", "choices": [0.1, 2]}}, "out_of_range", "search_space.dropout.choices"),
    ],
)
def test_space_that_leaves_the_ranges_is_refused(space: dict[str, dict[str, object]], code: str, field: str) -> None:
    with pytest.raises(CatalogueError) as refusal:
        catalogue.check_space(MLP, space)
    assert (refusal.value.code, refusal.value.field) == (code, field)


def test_space_within_the_ranges_is_accepted() -> None:
    catalogue.check_space(
        MLP,
        {
            "dropout": {"type": "categorical", "choices": [0, 0.5]},
            "learning_rate": {"type": "int", "low": 1, "high": 3},
            "epochs": {"type": "int", "low": 1, "high": 9},
        },
    )


@given(st.dictionaries(st.sampled_from(sorted(MLP.hyperparameters)) | st.text(max_size=9), st.integers() | st.floats()))
def test_checks_answer_or_refuse_but_never_fail(params: dict[str, object]) -> None:
    complete = None
    with contextlib.suppress(CatalogueError):
        complete = catalogue.complete_params(MLP, params)
    if complete is not None:
        assert catalogue.complete_params(MLP, complete) == complete
        assert set(params) <= set(complete)


def test_error_survives_a_pickle() -> None:
    error = CatalogueError("out_of_range", "9 is out of range.", "fixed.x", "Accepted: 1.")
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301  (our own bytes)
    assert (copy.code, copy.message, copy.field, copy.hint) == (error.code, error.message, error.field, error.hint)
    assert str(copy) == "fixed.x: 9 is out of range. Accepted: 1."
