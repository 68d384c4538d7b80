"""A saved network is two open files that load in one call, or are refused."""

import json
import pickle
from pathlib import Path

import pytest
import torch

from models.catalogue import CatalogueError
from models.networks.saved import CONFIG_FILE, WEIGHTS_FILE, NetworkError, load_network
from tests.unit.models.helpers import Run


@pytest.fixture
def folder(regression: Run) -> Path:
    """The folder of a finished network."""
    result, _ = regression.train_one("a", epochs=1)
    assert [path.name for path in result.network_files] == [WEIGHTS_FILE, CONFIG_FILE]
    return result.network_files[0].parent


def test_configuration_says_where_the_network_comes_from(folder: Path, regression: Run) -> None:
    config = json.loads((folder / CONFIG_FILE).read_text())
    assert config["model"] == "mlp"
    assert config["params"]["hidden_units"] == 16
    assert config["data"] == {"task": "regression", "kind": "table", "shape": [6], "n_outputs": 1}
    assert (config["epoch"], config["seed"]) == (1, 1)
    assert config["dataset_sha256"] == regression.dataset.sha256


def test_loaded_network_is_ready_for_prediction_and_carries_the_standardisation(folder: Path, regression: Run) -> None:
    network = load_network(folder)
    assert not network.training
    assert network.target_mean.item() == regression.dataset.target_mean
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    expected = network.body((x - 2) / 4) * network.target_scale + network.target_mean
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize("name", [WEIGHTS_FILE, CONFIG_FILE])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"[1]", pickle.dumps([1])])
def test_damaged_folder_is_refused(folder: Path, name: str, content: bytes | None) -> None:
    load_network(folder)
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    with pytest.raises(NetworkError) as refusal:
        load_network(folder)
    assert refusal.value.code == "corrupt_network"


REGRESSION = {"task": "regression", "kind": "table", "shape": [6], "n_outputs": 1}


@pytest.mark.parametrize(
    "change",
    [
        {"data": {**REGRESSION, "shape": [7]}},
        {"data": {**REGRESSION, "shape": ["six"]}},
        {"data": {**REGRESSION, "n_outputs": 2}},
        {"data": {**REGRESSION, "n_outputs": "1"}},
        {"data": {"task": "regression"}},
        {"data": [6]},
        {"format": "tunewell-network-9"},
        {"more": 1},
    ],
)
def test_configuration_that_does_not_fit_is_refused(folder: Path, change: dict[str, object]) -> None:
    config = json.loads((folder / CONFIG_FILE).read_text())
    (folder / CONFIG_FILE).write_text(json.dumps(config | change))
    with pytest.raises(NetworkError) as refusal:
        load_network(folder)
    assert refusal.value.code == "corrupt_network"


def test_configuration_with_an_unknown_model_says_so(folder: Path) -> None:
    config = json.loads((folder / CONFIG_FILE).read_text())
    (folder / CONFIG_FILE).write_text(json.dumps(config | {"model": "mpl"}))
    with pytest.raises(CatalogueError) as refusal:
        load_network(folder)
    assert refusal.value.code == "unknown_model"
