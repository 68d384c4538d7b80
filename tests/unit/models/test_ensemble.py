"""Networks that answer together: the average of their answers, beside each of them."""

import json
import math
from pathlib import Path

import pytest
import torch

from models import __main__ as cli
from models.catalogue import Task
from models.data.dataset import Dataset
from models.measures.ensemble import evaluate_ensemble, join_outputs
from models.measures.evaluation import OtherDatasetError, UnfitNetworkError, evaluate_network, read_part
from models.networks.saved import Network, load_network, save_network
from tests.unit.models.finished import make_network
from tests.unit.models.helpers import make_dataset


def members_for(dataset: Dataset) -> list[Network]:
    """Make three networks of different sizes and seeds."""
    return [make_network(dataset, {"hidden_units": 8 * seed}, seed=seed) for seed in (1, 2, 3)]


def test_joint_answer_to_classes_is_the_mean_probability() -> None:
    answers = [torch.tensor([[0.7, 0.3]]).log() + 5, torch.tensor([[0.1, 0.9]]).log()]
    torch.testing.assert_close(join_outputs("classification", answers).exp(), torch.tensor([[0.4, 0.6]]))
    apart = [torch.tensor([[0.0, -1000.0]]), torch.tensor([[-1000.0, 0.0]])]
    torch.testing.assert_close(join_outputs("classification", apart).exp(), torch.tensor([[0.5, 0.5]]))


def test_joint_answer_to_numbers_is_their_mean() -> None:
    torch.testing.assert_close(
        join_outputs("regression", [torch.tensor([[1.0]]), torch.tensor([[4.0]])]), torch.tensor([[2.5]])
    )


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_ensemble_stands_beside_its_members(task: Task) -> None:
    dataset = make_dataset(task)
    networks = members_for(dataset)
    result = evaluate_ensemble(networks, dataset)
    assert list(result.members) == [evaluate_network(network, dataset) for network in networks]
    # The loss is convex, so the mean answer's is never above the members' mean loss (Jensen).
    assert result.ensemble["test_loss"] <= sum(member["test_loss"] for member in result.members) / 3
    twins = evaluate_ensemble([networks[0], networks[0]], dataset)
    assert twins.ensemble["test_loss"] == pytest.approx(twins.members[0]["test_loss"])
    assert set(result.ensemble) == set(result.members[0])


def test_ensemble_measures_what_the_average_scores() -> None:
    dataset = make_dataset("classification")
    networks = members_for(dataset)
    part = read_part(dataset, "test")
    with torch.no_grad():
        chances = torch.stack([network.body(part.features).softmax(-1) for network in networks]).mean(0)
    expected = -chances[torch.arange(len(part.targets)), part.targets].log().mean().item()
    assert evaluate_ensemble(networks, dataset).ensemble["test_loss"] == pytest.approx(expected, rel=1e-4)
    assert math.isfinite(expected)


def test_members_must_be_of_the_same_data() -> None:
    dataset, other = make_dataset("classification"), make_dataset("classification", seed=1)
    with pytest.raises(OtherDatasetError) as refusal:
        evaluate_ensemble([*members_for(dataset), make_network(other)], dataset)
    assert refusal.value.code == "other_dataset"
    assert evaluate_ensemble(members_for(dataset), dataset).ensemble


@pytest.mark.parametrize("n_networks", [0, 1])
def test_one_network_is_no_ensemble(n_networks: int) -> None:
    dataset = make_dataset("classification")
    with pytest.raises(UnfitNetworkError) as refusal:
        evaluate_ensemble(members_for(dataset)[:n_networks], dataset)
    assert refusal.value.code == "unfit_network"
    assert evaluate_ensemble(members_for(dataset)[:2], dataset).ensemble


def test_command_line_tests_an_ensemble(
    digits: Dataset, cache_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / str(number) for number in range(3)]
    for folder, network in zip(folders, members_for(digits), strict=True):
        save_network(network, folder)
    arguments = ["ensemble", *map(str, folders), "--dataset", "digits", "--cache-dir", str(cache_dir)]
    assert cli.main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    expected = evaluate_ensemble([load_network(folder) for folder in folders], digits)
    assert answer["ensemble"] == expected.to_json()["ensemble"]
    assert [member["test_loss"] for member in answer["members"]] == [one["test_loss"] for one in expected.members]
    assert [member["folder"] for member in answer["members"]] == list(map(str, folders))
