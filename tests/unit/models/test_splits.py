"""Folds are equal in size, keep the shares of classes, never touch the test part and repeat themselves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.catalogue import DataShape
from models.data.dataset import Dataset, DatasetError, build_dataset
from models.data.splits import Rows, fold_rows, hash_rows, quantile_bins, stratified_folds
from tests.unit.models.helpers import make_dataset


@st.composite
def classes_and_folds(draw: st.DrawFn) -> tuple[Rows, int]:
    """Draw rows of up to five classes, each large enough for the number of folds."""
    n_folds = draw(st.integers(2, 7))
    sizes = draw(st.lists(st.integers(n_folds, 40), min_size=1, max_size=5))
    classes = [number for number, size in enumerate(sizes) for _ in range(size)]
    return np.array(draw(st.permutations(classes)), np.int64), n_folds


@given(classes_and_folds(), st.integers(0, 2**63))
def test_folds_are_equal_disjoint_and_stratified(drawn: tuple[Rows, int], seed: int) -> None:
    classes, n_folds = drawn
    folds = stratified_folds(classes, n_folds, seed)
    n_val = len(classes) // n_folds
    assert [(len(train), len(val)) for train, val in folds] == [(len(classes) - n_val, n_val)] * n_folds
    for train, val in folds:
        assert np.array_equal(np.sort(np.concatenate([train, val])), np.arange(len(classes)))
    validated = np.concatenate([val for _, val in folds])
    assert len(np.unique(validated)) == n_val * n_folds
    shares = np.array([np.bincount(classes[val], minlength=int(classes.max()) + 1) for _, val in folds])
    assert (shares.max(axis=0) - shares.min(axis=0) <= 1).all()
    assert (shares.min(axis=0) >= 1).all()


def test_rows_left_over_come_from_the_largest_class_and_always_train() -> None:
    classes = np.repeat([0, 1, 2], [5, 13, 5])
    folds = stratified_folds(classes, 5, seed=3)
    left_over = set(range(23)) - {int(row) for _, val in folds for row in val}
    assert [int(classes[row]) for row in left_over] == [1, 1, 1]
    assert all(left_over <= set(train.tolist()) for train, _ in folds)
    assert [np.bincount(classes[val]).tolist() for _, val in folds] == [[1, 2, 1]] * 5


def test_seed_decides_the_folds() -> None:
    classes = np.arange(60) % 3
    first, again, other = (stratified_folds(classes, 4, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(one.val, same.val) for one, same in zip(first, again, strict=True))
    assert not np.array_equal(first[0].val, other[0].val)


def test_rows_are_hashed_as_published() -> None:
    assert hash_rows(2, seed=1234567).tolist() == [6457827717110365317, 3203168211198807973]
    assert hash_rows(1, seed=2**64).tolist() == hash_rows(1, seed=0).tolist() == [0xE220A8397B1DCDAF]


@pytest.mark.parametrize("n_folds", [-1, 0, 1, 6])
def test_unfit_number_of_folds_is_refused(n_folds: int) -> None:
    classes = np.repeat([0, 1], [5, 20])
    with pytest.raises(DatasetError) as refusal:
        stratified_folds(classes, n_folds, seed=0)
    assert refusal.value.code == "unfit_folds"
    assert "5 (class 0)" in str(refusal.value)
    assert len(stratified_folds(classes, 5, seed=0)) == 5


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_folds_part_training_and_validation_rows_anew(task: str) -> None:
    dataset = make_dataset("regression" if task == "regression" else "classification")
    folds = [fold_rows(dataset, fold, 5) for fold in range(1, 6)]
    n_rows = len(dataset.y_train) + len(dataset.y_val)
    assert {(len(train), len(val)) for train, val in folds} == {(n_rows - n_rows // 5, n_rows // 5)}
    targets = np.concatenate([dataset.y_train, dataset.y_val])
    means = [targets[val].mean() for _, val in folds]
    assert np.ptp(means) < 0.2 * targets.std()
    assert np.array_equal(fold_rows(dataset, 2, 5).val, folds[1].val)


@pytest.mark.parametrize("fold", [0, 4])
def test_unknown_fold_is_refused(fold: int) -> None:
    dataset = make_dataset("classification")
    with pytest.raises(DatasetError) as refusal:
        fold_rows(dataset, fold, 3)
    assert refusal.value.code == "unfit_folds"
    assert "1 to 3" in str(refusal.value)
    assert len(fold_rows(dataset, 3, 3).val) == 48


def test_rows_in_the_order_of_time_are_not_folded() -> None:
    table = make_dataset("regression")
    with pytest.raises(DatasetError) as refusal:
        fold_rows(_copy(table, is_chronological=True), 1, 3)
    assert refusal.value.code == "unfit_folds"
    assert "time" in str(refusal.value)
    assert len(fold_rows(_copy(table, is_chronological=False), 1, 3).val) == 48


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=200), st.integers(2, 8))
def test_bins_rise_with_the_targets_and_are_equally_full(values: list[float], n_folds: int) -> None:
    targets = np.array(values)
    bins = quantile_bins(targets, n_folds)
    order = np.argsort(targets, kind="stable")
    assert (np.diff(bins[order]) >= 0).all()
    counts = np.bincount(bins)
    assert counts.max() - counts.min() <= 1
    assert len(counts) <= 10
    assert len(targets) < n_folds or counts.min() >= n_folds


def test_folds_of_many_rows_are_balanced_too() -> None:
    classes = np.arange(200_000) % 10
    for fold in stratified_folds(classes, 10, seed=1):
        assert np.bincount(classes[fold.val]).tolist() == [2_000] * 10


def _copy(dataset: Dataset, is_chronological: bool) -> Dataset:
    shape = DataShape("regression", "table", dataset.shape, 1)
    return build_dataset(shape, dataset.members(), is_chronological)
