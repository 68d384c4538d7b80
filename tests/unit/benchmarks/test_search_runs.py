"""Simulated workers, the file of runs, and the figures that are made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from benchmarks.search.__main__ import command
from benchmarks.search.comparison import Comparison
from benchmarks.search.peers import Setting, open_peer
from benchmarks.search.picture import draw
from benchmarks.search.results import Key, Stored, append_run, forget_runs, load_runs
from benchmarks.search.runner import Plan, run_missing
from benchmarks.search.simulate import simulate
from benchmarks.search.spaces import Params, Value
from benchmarks.search.statistics import (
    average_ranks,
    chance_of_equal,
    mean_with_interval,
    paired_difference,
    sign_p,
)
from benchmarks.search.summary import summarise_runs
from benchmarks.search.tasks import Task, get_task
from benchmarks.search.words import as_text, table
from tests.unit.benchmarks.test_search_tasks import LOSSES, SPACE, TASK


class Script:
    """A peer that proposes what it is told to, and writes down what it hears."""

    def __init__(self, values: Sequence[int], most_running: int = 99) -> None:
        self.values = list(values)
        self.most_running = most_running
        self.events: list[str] = []
        self.n_asked = self.n_told = 0

    def ask(self) -> dict[str, Value] | None:
        if self.n_asked - self.n_told >= self.most_running:
            return None
        self.n_asked += 1
        self.events.append(f"ask {self.n_asked - 1}")
        return {"x": self.values[self.n_asked - 1]}

    def tell(self, number: int, loss: float) -> None:
        self.n_told += 1
        self.events.append(f"tell {number} {loss:g}")


def _slow(params: Params) -> tuple[float, float]:
    return LOSSES[int(params["x"])], (10.0, 1.0, 2.0, 3.0)[int(params["x"])]


SLOW = Task("slow", "tables", SPACE, _slow, TASK.losses, TASK.weights, 0.0)


def test_one_worker_tells_each_trial_before_it_asks_for_the_next() -> None:
    peer = Script([3, 0, 1])
    assert simulate(peer, SLOW, 3, 1).losses == [3.0, 0.0, 1.0]
    assert peer.events == ["ask 0", "tell 0 3", "ask 1", "tell 1 0", "ask 2"]


def test_several_workers_are_asked_for_as_they_get_free() -> None:
    peer = Script([0, 1, 2, 1, 3])
    assert simulate(peer, SLOW, 5, 2).losses == [0.0, 1.0, 2.0, 1.0, 3.0]
    # Trial 0 takes 10 seconds: meanwhile the other worker runs 1 (1 s), 2 (2 s), 3 (1 s).
    assert peer.events == ["ask 0", "ask 1", "tell 1 1", "ask 2", "tell 2 2", "ask 3", "tell 3 1", "ask 4"]


def test_a_peer_may_let_workers_wait() -> None:
    peer = Script([1, 2, 1], most_running=1)
    simulate(peer, SLOW, 3, 8)
    assert peer.events == ["ask 0", "tell 0 1", "ask 1", "tell 1 2", "ask 2"]


def test_a_peer_that_gives_nothing_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="no parameters for trial 0"):
        simulate(Script([1], most_running=0), SLOW, 1, 8)


@pytest.mark.parametrize("sampler", ["random", "optuna", "bayesian"])
@pytest.mark.parametrize("parallel", [1, 8])
def test_a_peer_searches_a_conditional_task_and_repeats_itself(sampler: str, parallel: int) -> None:
    task = get_task("svm_digits")
    runs = [
        simulate(open_peer(sampler, Setting(task.space, 5, 14, parallel)), task, 14, parallel).losses for _ in range(2)
    ]
    assert runs[0] == runs[1]
    other = simulate(open_peer(sampler, Setting(task.space, 6, 14, parallel)), task, 14, parallel).losses
    assert other != runs[0]


def _run(*losses: float, made_by: str = "numpy 2") -> Stored:
    return Stored(losses, 0.1, 0.2, made_by)


def test_runs_survive_their_file_and_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    keys = [Key("svm_digits", sampler, 1, 0, 2) for sampler in ("random", "optuna")]
    append_run(path, keys[0], _run(2.0, 1.0))
    path.write_text(path.read_text() + '{"task": "svm')
    append_run(path, keys[1], _run(3.0, 0.5))
    assert load_runs(path) == {keys[0]: _run(2.0, 1.0), keys[1]: _run(3.0, 0.5)}
    forget_runs(path, ["optuna"])
    assert list(load_runs(path)) == [keys[0]]
    assert load_runs(tmp_path / "none.jsonl") == {}


def test_a_run_with_a_longer_budget_answers_for_its_beginning() -> None:
    assert _run(3.0, 2.0, 1.0).least(2) == 2.0
    plan = Plan(["svm_digits"], ["random", "smac"], 1, (2, 3), (1,))
    assert [(key.sampler, key.n_trials) for key in plan.keys()] == [("random", 3), ("smac", 2), ("smac", 3)]


def test_a_slow_peer_may_have_short_searches_alone() -> None:
    plan = Plan(["svm_digits"], ["random", "smac"], 2, (2, 3), (1,))
    runs = {
        Key("svm_digits", "random", 1, 0, 2): _run(3.0, 2.0),
        Key("svm_digits", "random", 1, 1, 3): _run(5.0, 4.0, 1.0),
        Key("svm_digits", "smac", 1, 0, 3): _run(3.0, 2.0, 1.0),
    }
    comparison = Comparison(plan, runs, get_task)
    assert comparison.losses("svm_digits", "random", 1, 2) == {0: 2.0, 1: 4.0}
    assert comparison.losses("svm_digits", "random", 1, 3) == {1: 1.0}
    assert comparison.losses("svm_digits", "smac", 1, 2) == {}  # told 3, it may have begun otherwise


def test_what_is_there_is_not_run_again(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl"
    plan = Plan(["svm_digits", "cash_wine"], ["random"], 2, (3,), (1,))
    made_up = Key("svm_digits", "random", 1, 0, 3)
    append_run(path, made_up, _run(0.25, 0.5, 0.75))
    run_missing(plan, path, n_processes=1)
    runs = load_runs(path)
    assert set(runs) == set(plan.keys())
    assert runs[made_up] == _run(0.25, 0.5, 0.75)
    before = path.read_bytes()
    run_missing(plan, path, n_processes=1)
    assert path.read_bytes() == before


def test_what_there_is_can_be_summarised_without_running(tmp_path: Path) -> None:
    out = tmp_path / "mine.json"
    key = Key("svm_digits", "random", 1, 0, 3)
    append_run(out.with_suffix(".jsonl"), key, _run(3.0, 2.0, 1.0))
    words = ["--tasks", "svm_digits", "--samplers", "random", "--seeds", "2", "--budgets", "3", "--out", str(out)]
    result = CliRunner().invoke(command, [*words, "--no-run"])
    assert result.exit_code == 0, result.output
    assert set(load_runs(out.with_suffix(".jsonl"))) == {key}
    assert json.loads(out.read_text())["plan"]["seeds"] == 2
    assert CliRunner().invoke(command, words).exit_code == 0
    assert len(load_runs(out.with_suffix(".jsonl"))) == 4


def test_a_stored_loss_is_exactly_that_of_its_cell(tmp_path: Path) -> None:
    plan = Plan(["cash_wine"], ["random"], 1, (10,), (1,))
    run_missing(plan, tmp_path / "runs.jsonl", n_processes=1)
    [run] = load_runs(tmp_path / "runs.jsonl").values()
    assert set(run.losses) <= set(get_task("cash_wine").losses)


@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_search_that_fails_is_named_and_what_ended_before_it_is_kept(tmp_path: Path, n_processes: int) -> None:
    path = tmp_path / "runs.jsonl"
    plan = Plan(["svm_digits", "no_such_task"], ["random"], 1, (3,), (1,))
    with pytest.raises(RuntimeError, match="task='no_such_task', sampler='random'"):
        run_missing(plan, path, n_processes)
    assert set(load_runs(path)) <= {Key("svm_digits", "random", 1, 0, 3)}
    good = Plan(["svm_digits", "cash_wine"], ["random"], 1, (3,), (1,))
    run_missing(good, path, n_processes)
    assert set(load_runs(path)) == set(good.keys())


def test_intervals_hold_the_mean_and_shrink_with_seeds() -> None:
    few = mean_with_interval({"a": [0.0, 1.0], "b": [1.0, 2.0]})
    assert few["mean"] == 1.0
    assert few["low"] <= 1.0 <= few["high"]
    many = mean_with_interval({"a": [0.0, 1.0] * 20, "b": [1.0, 2.0] * 20})
    assert many["high"] - many["low"] < (few["high"] - few["low"]) / 2
    with pytest.raises(ValueError, match="at least one task"):
        mean_with_interval({})


def test_equal_losses_share_their_ranks() -> None:
    assert average_ranks({"a": [1.0, 1.0], "b": [1.0, 3.0], "c": [2.0, 2.0]}) == {"a": 1.25, "b": 2.25, "c": 2.5}


def test_a_difference_is_significant_when_it_repeats() -> None:
    better = [0.5 + place / 100 for place in range(20)]
    worse = [value - 0.2 - value / 10 for value in better]
    gap = paired_difference({"a": better}, {"a": worse})
    assert gap["high"] < 0
    assert gap["p"] < 0.01
    assert paired_difference({"a": better}, {"a": better})["p"] == 1.0
    assert chance_of_equal(better, worse) < 0.01
    assert chance_of_equal([1.0, 1.0], [1.0]) == 1.0


PLAN = Plan(["svm_digits", "cash_wine"], ["random", "bayesian"], 3, (1, 2), (1, 8))


def _runs() -> dict[Key, Stored]:
    """Ours finds the best at once but on cash_wine with 8 workers, where random search does."""
    runs = {}
    for key in PLAN.keys():
        task = get_task(key.task)
        good, bad = task.best, float(task.losses[-1])
        is_good = (key.sampler == "bayesian") != (key.task == "cash_wine" and key.parallel == 8)
        made_by = f"search {key.seed}" if key.sampler == "bayesian" else "numpy 2"
        runs[key] = Stored((good if is_good else bad,) * key.n_trials, 0.1, 0.2, made_by)
    return runs


def test_a_summary_says_who_is_better_and_where_we_lose() -> None:
    document = summarise_runs(PLAN, _runs())
    group = document["groups"]["tables"]
    first, last = group["by_mode"][0], group["by_mode"][-1]
    assert (first["parallel"], first["budget"], last["parallel"], last["budget"]) == (1, 1, 8, 2)
    assert first["score"]["bayesian"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "seeds": 3}
    assert first["average_rank"] == {"random": 2.0, "bayesian": 1.0}
    assert last["average_rank"] == {"random": 1.5, "bayesian": 1.5}
    assert first["beats_random_at_twice_the_budget"]["bayesian"]["tasks_better"] == 2
    assert last["beats_random_at_twice_the_budget"]["bayesian"]["tasks_better"] == 1
    assert {(entry["task"], entry["parallel"], entry["to"]) for entry in document["where_we_lose"]} == {
        ("cash_wine", 8, "random")
    }
    assert group["parallel_minus_sequential"]["bayesian"]["2"]["mean"] < 0
    assert group["parallel_minus_sequential"]["random"]["2"]["mean"] > 0
    assert document["made_by"] == {"random": ["numpy 2"], "bayesian": ["search 0", "search 1", "search 2"]}


def test_eight_at_once_are_compared_with_a_search_that_knows_as_many_results() -> None:
    plan = Plan(["cash_wine"], ["bayesian"], 3, (5, 10), (1, 8))
    task = get_task("cash_wine")
    good, bad = task.best, float(task.losses[-1])
    runs = {}
    for key in plan.keys():
        n_bad = 9 if key.parallel == 8 else 2  # with eight at once it finds the best seven trials later
        runs[key] = Stored((bad,) * n_bad + (good,) * (10 - n_bad), 0.1, 0.2, "search 0")
    group = summarise_runs(plan, runs)["groups"]["tables"]
    assert group["parallel_minus_sequential"]["bayesian"]["5"]["mean"] < 0
    assert group["parallel_minus_equally_informed"]["bayesian"].keys() == {"10"}  # of five trials none would be left
    assert group["parallel_minus_equally_informed"]["bayesian"]["10"]["mean"] == 0
    late = {key: replace(run, losses=(bad,) * 10) if key.parallel == 8 else run for key, run in runs.items()}
    lost = summarise_runs(plan, late)["groups"]["tables"]["parallel_minus_equally_informed"]["bayesian"]["10"]
    assert lost["mean"] < 0
    assert "with as many results known" in as_text(summarise_runs(plan, runs))


def test_ranks_count_only_what_was_run_by_all_that_are_ranked() -> None:
    runs = _runs()
    del runs[Key("cash_wine", "bayesian", 8, 1, 2)]
    [mode] = [
        mode
        for mode in summarise_runs(PLAN, runs)["groups"]["tables"]["by_mode"]
        if (mode["parallel"], mode["budget"]) == (8, 2)
    ]
    assert (mode["n_ranked"], mode["average_rank"]) == (6, {"random": 1.0})
    assert (mode["n_ranked_of_all"], mode["average_rank_of_all"]) == (5, {"random": 1.6, "bayesian": 1.4})
    assert mode["against_ours"] == {"random": {"better": 3, "equal": 0, "worse": 2, "p": 1.0}}
    assert mode["score"]["bayesian"]["seeds"] == 2


def test_the_sign_test_is_that_of_a_coin() -> None:
    assert sign_p([1, 1, 1, 1, 1, 0]) == pytest.approx(2 / 2**5)
    assert sign_p([0, 0]) == 1.0


def test_words_and_picture_show_every_sampler() -> None:
    document = summarise_runs(PLAN, _runs())
    text = as_text(document)
    assert "| 8       | 2      | bayesian |" in text
    assert "cash_wine" in text
    picture = ElementTree.fromstring(draw(document, "tables"))  # noqa: S314 - we made it
    words = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert {"one at a time", "8 at once", "1 trials", "2 trials", "random", "bayesian"} <= set(words)


def test_columns_of_a_table_line_up() -> None:
    assert table(("a", "long"), [(1, 2), (333, 4)]).splitlines() == [
        "| a   | long |",
        "|-----|------|",
        "| 1   | 2    |",
        "| 333 | 4    |",
    ]
