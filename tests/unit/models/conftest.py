"""Fixtures of the model tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from tests.unit.models.helpers import Run, make_dataset


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """A folder of prepared data sets that all tests share; what they had to download outlasts them."""
    assert pytestconfig.cache is not None
    folder = tmp_path_factory.mktemp("datasets")
    (folder / "wheels").symlink_to(pytestconfig.cache.mkdir("wheels"), target_is_directory=True)
    return folder


@pytest.fixture(scope="session")
def digits(cache_dir: Path) -> Dataset:
    """The real handwritten digits."""
    return load_dataset(prepare_dataset("digits", cache_dir))


@pytest.fixture
def classification(tmp_path: Path) -> Run:
    """Short classification runs."""
    return Run(make_dataset("classification"), tmp_path, params={"epochs": 4, "hidden_units": 16, "batch_size": 32})


@pytest.fixture
def regression(tmp_path: Path) -> Run:
    """Short regression runs."""
    return Run(make_dataset("regression"), tmp_path, params={"epochs": 4, "hidden_units": 16, "batch_size": 32})
