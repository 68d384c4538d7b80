"""What every model promises. A new model inherits `ModelContract` and names itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from models.catalogue import CatalogueError, ParamValue, Task, get_model
from models.catalogue.metrics import METRICS_BY_TASK
from models.data.dataset import Dataset
from models.engine.jobs import Decision
from models.engine.trainer import train
from models.measures.evaluation import forward_all, read_part
from models.measures.metrics import part_metrics
from models.networks.registry import build_network
from models.networks.saved import load_network
from tests.unit.models.helpers import NEVER, Recorder, Run, decide_at, make_dataset


class ModelContract:
    """Tests that a subclass inherits; pytest collects them there only.

    Attributes:
        name: the model's name in the catalogue.
        brief: parameters that keep a run of several epochs short.
    """

    name: ClassVar[str]
    brief: ClassVar[dict[str, ParamValue]]

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test that needs data once for each task that the model claims in the catalogue."""
        if "task" in metafunc.fixturenames:
            metafunc.parametrize("task", get_model(self.name).tasks)

    @pytest.fixture
    def dataset(self, task: Task) -> Dataset:
        """Small data of the kind."""
        return make_dataset(task)

    @pytest.fixture
    def run(self, dataset: Dataset, tmp_path: Path) -> Run:
        """Short runs of the model."""
        return Run(dataset, tmp_path, self.name, self.brief)

    def test_builds_from_defaults_and_answers_in_shape(self, dataset: Dataset) -> None:
        network = build_network(self.name, {}, dataset.data_shape).eval()
        for n_rows in (1, 2, 33):
            output = network(torch.randn(n_rows, dataset.n_features))
            assert output.shape == (n_rows, dataset.n_outputs)
            assert output.dtype == torch.float32
            assert output.isfinite().all()

    def test_rows_do_not_influence_each_other_in_evaluation(self, dataset: Dataset) -> None:
        network = build_network(self.name, {}, dataset.data_shape).eval()
        x = read_part(dataset, "val").features
        torch.testing.assert_close(network(x)[:5], network(x[:5]), rtol=1e-4, atol=1e-5)

    def test_seed_decides_the_first_weights(self, dataset: Dataset) -> None:
        first, again, other = (
            build_network(self.name, {}, dataset.data_shape, seed=seed).state_dict() for seed in (1, 1, 2)
        )
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not all(torch.equal(first[name], other[name]) for name in first)

    def test_training_lowers_the_loss(self, run: Run) -> None:
        data = read_part(run.dataset, "train")
        untrained = build_network(self.name, self.brief, run.dataset.data_shape, seed=run.seed)
        before = part_metrics("train", run.dataset.task, forward_all(untrained, data.features), data.targets, 1.0)
        result, _ = run.train_one("a", epochs=1)
        trained = load_network(result.network_files[0].parent).body
        after = part_metrics("train", run.dataset.task, forward_all(trained, data.features), data.targets, 1.0)
        assert after["train_loss"] < before["train_loss"]

    def test_reports_the_metrics_of_the_catalogue(self, run: Run) -> None:
        result, recorder = run.train_one("a")
        names = [info.name for info in METRICS_BY_TASK[run.dataset.task]]
        assert all(list(report.metrics) == names for report in recorder.reports)
        assert len(recorder.reports) == self.brief["epochs"] == result.epoch

    def test_same_seed_same_result(self, run: Run) -> None:
        first, again = run.train_one("first")[0], run.train_one("again")[0]
        assert first.metrics == again.metrics
        assert first.network_files[0].read_bytes() == again.network_files[0].read_bytes()
        other, _ = replace(run, seed=2).train_one("other")
        assert other.metrics != first.metrics

    def test_resumed_run_equals_an_uninterrupted_one(self, run: Run) -> None:
        straight, whole = run.train_one("straight")
        recorder = Recorder(decide_at(1, Decision.PREEMPT))
        [stopped] = train([run.job("one")], recorder, NEVER)
        [resumed] = train([replace(run.job("two"), resume_from=stopped.checkpoint)], recorder, NEVER)
        assert [report.metrics for report in recorder.reports] == [report.metrics for report in whole.reports]
        assert resumed.network_files[0].read_bytes() == straight.network_files[0].read_bytes()

    def test_saved_network_loads_and_answers_the_same(self, run: Run) -> None:
        result, _ = run.train_one("a")
        network = load_network(result.network_files[0].parent)
        part = read_part(run.dataset, "val")
        outputs = forward_all(network.body, part.features)
        metrics = part_metrics("val", run.dataset.task, outputs, part.targets, float(run.dataset.target_scale))
        assert metrics.items() <= result.metrics.items()

    def test_unknown_hyperparameter_is_refused(self, dataset: Dataset) -> None:
        wrong = "epoch"
        with pytest.raises(CatalogueError) as refusal:
            build_network(self.name, {wrong: 3}, dataset.data_shape)
        assert refusal.value.code == "unknown_parameter"
        assert "'epochs'" in refusal.value.hint
        build_network(self.name, {"epochs": 3}, dataset.data_shape)

    def test_every_choice_and_both_ends_of_every_range_train_or_diverge(self, run: Run) -> None:
        results = [run.train_one(f"{name}-{value}", **{name: value, "epochs": 1})[0] for name, value in self._corners()]
        assert results
        assert all(result.epoch == 1 or "became" in result.reason for result in results)

    def _corners(self) -> list[tuple[str, ParamValue]]:
        # The longest run and the widest network are left out: they only take time.
        corners: list[tuple[str, ParamValue]] = []
        for name, hyperparameter in get_model(self.name).hyperparameters.items():
            corners += [(name, choice) for choice in hyperparameter.choices]
            kind = int if hyperparameter.type == "int" else float
            if hyperparameter.low is not None and name != "epochs":
                corners.append((name, kind(hyperparameter.low)))
            if hyperparameter.high is not None and hyperparameter.high <= 100:
                corners.append((name, kind(hyperparameter.high)))
        return corners
