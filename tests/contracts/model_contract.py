"""What every model promises. A new model inherits `PredictorContract` or `GeneratorContract` and names itself."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from models.catalogue import CatalogueError, ParamValue, Task, check_combination, get_model
from models.catalogue.entries import DataKind
from models.catalogue.metrics import GENERATIVE_METRICS, METRICS_BY_TASK, TRAINING_METRICS
from models.data.dataset import Dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, Outcome, TrainJob
from models.engine.trainer import TrainSettings, train
from models.measures.evaluation import forward_all, read_part
from models.measures.metrics import part_metrics
from models.networks.registry import build_network
from models.networks.saved import load_network
from tests.unit.models.helpers import NEVER, Recorder, Run, decide_at, make_data

IN_LANES = TrainSettings(checkpoint_every_s=float("inf"), n_lanes=4)


class ModelContract:
    """Tests that a subclass inherits; pytest collects them there only.

    Attributes:
        name: the model's name in the catalogue.
        brief: parameters that keep a run of several epochs short.
        tolerance: how far metrics may lie apart, relative, between a trial alone and the same in company: rounding of
            about 1e-7 a step, which training then magnifies.
        lane_params: what the lanes beside the first one differ in.
    """

    name: ClassVar[str]
    brief: ClassVar[dict[str, ParamValue]]
    tolerance: ClassVar[float] = 1e-3
    lane_params: ClassVar[dict[str, ParamValue]] = {"learning_rate": 0.003}

    @pytest.fixture(autouse=True)
    def _one_thread(self) -> Iterator[None]:
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        yield
        torch.set_num_threads(before)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run each test that needs data once for each task and kind of data that the model claims."""
        if "dataset" in metafunc.fixturenames:
            metafunc.parametrize(("task", "kind"), _claimed(self.name))

    @pytest.fixture
    def dataset(self, task: Task, kind: DataKind) -> Dataset:
        """Small data of the kind."""
        return make_data(task, kind)

    @pytest.fixture
    def run(self, dataset: Dataset, tmp_path: Path) -> Run:
        """Short runs of the model."""
        return Run(dataset, tmp_path, self.name, self.brief)

    def test_seed_decides_the_first_weights(self, dataset: Dataset) -> None:
        first, again, other = (
            build_network(self.name, {}, dataset.data_shape, seed=seed).state_dict() for seed in (1, 1, 2)
        )
        assert all(torch.equal(first[name], again[name]) for name in first)
        assert not all(torch.equal(first[name], other[name]) for name in first)

    def test_reports_the_metrics_of_the_catalogue(self, run: Run) -> None:
        result, recorder = run.train_one("a")
        infos = GENERATIVE_METRICS if get_model(self.name).is_generative else METRICS_BY_TASK[run.dataset.task]
        promised = [info.name for info in infos if info.is_per_epoch]
        extra = {info.name for info in TRAINING_METRICS}
        for report in recorder.reports:
            assert [name for name in report.metrics if name not in extra] == promised
        assert len(recorder.reports) == self.brief["epochs"] == result.epoch

    def test_same_seed_same_result(self, run: Run) -> None:
        first, again = run.train_one("first")[0], run.train_one("again")[0]
        assert first.metrics == again.metrics
        assert first.network_files[0].read_bytes() == again.network_files[0].read_bytes()
        other, _ = replace(run, seed=2).train_one("other")
        assert other.metrics != first.metrics

    def test_result_does_not_depend_on_company(self, run: Run) -> None:
        alone, curve = run.train_one("first")
        jobs = [run.job("first"), *self._neighbours(run)]
        recorder = Recorder(_prune_second_at_once)
        results = train(
            [replace(job, output_dir=run.folder / "shared" / job.lane_id) for job in jobs], recorder, IN_LANES
        )
        assert [result.outcome for result in results][:2] == [Outcome.COMPLETE, Outcome.PRUNED]
        self._assert_alike(results[0], alone)
        assert recorder.curve("first", results[0].objective) == pytest.approx(
            curve.curve("first", results[0].objective), rel=self.tolerance, abs=1e-5
        )

    def test_refilled_lane_trains_as_it_would_alone(self, run: Run) -> None:
        late, _ = replace(run, seed=9).train_one("late")
        jobs = [run.job("first", epochs=1), *self._neighbours(run), replace(run.job("late"), seed=9)]
        results = train(
            [replace(job, output_dir=run.folder / "shared" / job.lane_id) for job in jobs], Recorder(), IN_LANES
        )
        self._assert_alike(results[-1], late)

    def test_resumed_run_equals_an_uninterrupted_one(self, run: Run) -> None:
        straight, whole = run.train_one("straight")
        recorder = Recorder(decide_at(1, Decision.PREEMPT))
        [stopped] = train([run.job("one")], recorder, NEVER)
        [resumed] = train([replace(run.job("two"), resume_from=stopped.checkpoint)], recorder, NEVER)
        assert [report.metrics for report in recorder.reports] == [report.metrics for report in whole.reports]
        assert resumed.network_files[0].read_bytes() == straight.network_files[0].read_bytes()

    def test_unknown_hyperparameter_is_refused(self, dataset: Dataset) -> None:
        with pytest.raises(CatalogueError) as refusal:
            build_network(self.name, {"epoch": 3}, dataset.data_shape)
        assert refusal.value.code == "unknown_parameter"
        assert "'epochs'" in refusal.value.hint
        build_network(self.name, {"epochs": 3}, dataset.data_shape)

    def test_every_choice_and_both_ends_of_every_range_train_diverge_or_are_refused(self, run: Run) -> None:
        n_trained = 0
        for place, (name, value) in enumerate(self._corners()):
            job = run.job(f"corner-{place}", **{"epochs": 1, name: value})
            if not self._is_possible(job):
                continue
            [result] = train([job], Recorder(), NEVER)
            assert result.epoch == 1 or "became" in result.reason
            n_trained += 1
        assert n_trained > 10

    def _is_possible(self, job: TrainJob) -> bool:
        try:
            check_combination(get_model(self.name), job.params, job.dataset.data_shape)
        except CatalogueError as refusal:
            if refusal.code != "impossible_combination":
                raise
            return False
        return True

    def _neighbours(self, run: Run) -> list[TrainJob]:
        # Other numbers, other seeds, and one that is given up after its first epoch.
        others = [run.job(f"lane-{place}", **(self.lane_params if place else {})) for place in range(3)]
        return [replace(job, seed=10 + place) for place, job in enumerate(others)]

    def _assert_alike(self, result: LaneResult, alone: LaneResult) -> None:
        assert result.metrics == pytest.approx(alone.metrics, rel=self.tolerance, abs=1e-5)
        assert result.best_epoch == alone.best_epoch

    def _corners(self) -> list[tuple[str, ParamValue]]:
        # The longest run and the widest network are left out: they only take time.
        corners: list[tuple[str, ParamValue]] = []
        for name, hyperparameter in get_model(self.name).hyperparameters.items():
            corners += [(name, choice) for choice in hyperparameter.choices]
            kind = int if hyperparameter.type == "int" else float
            if hyperparameter.type == "bool":
                corners.append((name, not hyperparameter.default))
            if hyperparameter.low is not None and name != "epochs":
                corners.append((name, kind(hyperparameter.low)))
            if hyperparameter.high is not None and hyperparameter.high <= 100:
                corners.append((name, kind(hyperparameter.high)))
        return corners


class PredictorContract(ModelContract):
    """The contract of models that answer with scores or numbers."""

    def test_builds_from_defaults_and_answers_in_shape(self, dataset: Dataset) -> None:
        network = build_network(self.name, {}, dataset.data_shape).eval()
        x = read_part(dataset, "val").features
        steps = dataset.shape if dataset.task == "next_token" else ()
        for n_rows in (1, 2, 33):
            output = network(x[:n_rows])
            assert output.shape == (n_rows, *steps, dataset.n_outputs)
            assert output.dtype == torch.float32
            assert output.isfinite().all()

    def test_rows_do_not_influence_each_other_in_evaluation(self, dataset: Dataset) -> None:
        network = build_network(self.name, {}, dataset.data_shape).eval()
        x = read_part(dataset, "val").features
        torch.testing.assert_close(network(x)[:5], network(x[:5]), rtol=1e-4, atol=1e-5)

    def test_training_lowers_the_loss(self, run: Run) -> None:
        data, task = read_part(run.dataset, "train"), run.dataset.task
        untrained = build_network(self.name, self.brief, run.dataset.data_shape, seed=run.seed)
        before = part_metrics("train", task, forward_all(untrained, data.features), data.targets, 1.0)
        result, _ = run.train_one("a")
        trained = load_network(result.network_files[0].parent).body
        after = part_metrics("train", task, forward_all(trained, data.features), data.targets, 1.0)
        assert after["train_loss"] < before["train_loss"]

    def test_saved_network_loads_and_answers_the_same(self, run: Run) -> None:
        result, _ = run.train_one("a")
        network = load_network(result.network_files[0].parent)
        part = read_part(run.dataset, "val")
        outputs = forward_all(network.body, part.features)
        metrics = part_metrics("val", run.dataset.task, outputs, part.targets, float(run.dataset.target_scale))
        assert metrics == pytest.approx({name: result.metrics[name] for name in metrics}, rel=1e-5)


class GeneratorContract(ModelContract):
    """The contract of models that make examples."""

    tolerance = 2e-2  # two networks that answer each other magnify rounding faster

    def test_saved_generator_loads_and_makes_the_same_examples(self, run: Run) -> None:
        result, _ = run.train_one("a")
        first, again = (load_network(result.network_files[0].parent).body for _ in range(2))
        assert first.state_dict().keys() == again.state_dict().keys()
        assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in first.state_dict().items())


def _claimed(name: str) -> list[tuple[Task, DataKind]]:
    model = get_model(name)
    pairs = [(task, kind) for task in model.tasks for kind in model.kinds]
    return [(task, kind) for task, kind in pairs if (task == "next_token") == (kind == "text")]


def _elsewhere(jobs: list[TrainJob], folder: Path) -> list[TrainJob]:
    return [replace(job, output_dir=folder / "shared" / job.lane_id) for job in jobs]


def _prune_second_at_once(report: EpochReport) -> Decision:
    return Decision.PRUNE if report.lane_id == "lane-0" else Decision.CONTINUE
