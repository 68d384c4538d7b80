"""The decision in a report's answer, over HTTP and on both kinds of database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from search.pruners import PRUNERS
from tests.servers.api import Caller, Json

MEDIAN = {"name": "median", "n_startup_trials": 3, "n_warmup_steps": 0}
N_STEPS = 9


def run_trial(caller: Caller, worker_id: int, values: Sequence[float]) -> None:
    """Run a trial that reports the objective at steps 1, 2, ... and completes."""
    (job,) = caller.claim(worker_id, "pruned")
    for step, value in enumerate(values, start=1):
        caller.report(job, step, step=step, n_steps=N_STEPS, metrics=[point(step, value)])
    caller.finish(job, values={"val_accuracy": values[-1]})


def point(step: int, value: float, suffix: str = "") -> Json:
    return {"name": f"val_accuracy{suffix}", "step": step, "value": value}


def begin(caller: Caller, pruner: Mapping[str, object], **changes: object) -> int:
    """Submit a study with room for many trials and return a worker of its queue."""
    budget = {"n_trials": 60, "max_parallel": 60}
    caller.create("pruned", pruner=pruner, sampler={"name": "random", "seed": 1}, budget=budget, **changes)
    return caller.join("pruned")


def say(caller: Caller, job: Json, step: int, value: float) -> str:
    """Report a step of a trial and return what is decided."""
    answer = caller.report(job, step, step=step, n_steps=N_STEPS, metrics=[point(step, value)])
    assert (answer["reason"] == "") == (answer["decision"] == "continue")
    return str(answer["decision"])


@pytest.mark.parametrize(("value", "decision"), [(0.45, "prune"), (0.55, "continue")])
def test_a_trial_is_held_against_what_others_had_reached_by_its_step(
    caller: Caller, value: float, decision: str
) -> None:
    worker_id = begin(caller, MEDIAN)
    for final in (0.9, 0.8, 0.7):
        run_trial(caller, worker_id, [0.3, 0.5, final])  # the median at step 2 is 0.5, at the end 0.8
    (job,) = caller.claim(worker_id, "pruned")
    assert say(caller, job, 1, 0.35) == "continue"
    assert say(caller, job, 2, value) == decision


def test_a_decision_to_end_stands_whatever_is_reported_after_it(caller: Caller) -> None:
    worker_id = begin(caller, MEDIAN)
    for _ in range(3):
        run_trial(caller, worker_id, [0.5, 0.6])
    (job,) = caller.claim(worker_id, "pruned")
    first = caller.report(job, 1, step=1, metrics=[point(1, 0.1)])
    assert first["decision"] == "prune"
    assert caller.report(job, 1, step=1, metrics=[point(1, 0.1)]) == first
    assert caller.report(job, 0) == first  # a sign of life
    later = caller.report(job, 2, step=2, metrics=[point(2, 0.99)])
    assert (later["decision"], later["reason"]) == ("prune", first["reason"])
    caller.finish(job, "PREEMPTED")
    (again,) = caller.claim(worker_id, "pruned")
    assert again["trial_id"] == job["trial_id"]
    assert caller.report(again, 1, step=3, metrics=[point(3, 0.99)])["decision"] == "continue"  # a new attempt


def test_threshold_judges_without_other_trials(caller: Caller) -> None:
    worker_id = begin(caller, {"name": "threshold", "lower": 0.2, "n_warmup_steps": 2})
    (job,) = caller.claim(worker_id, "pruned")
    decisions = [say(caller, job, step, value) for step, value in ((1, 0.1), (2, 0.2), (3, 0.19))]
    assert decisions == ["continue", "continue", "prune"]


def test_percentile_lets_the_best_part_go_on(caller: Caller) -> None:
    worker_id = begin(caller, {"name": "percentile", "percentile": 50.0, "n_startup_trials": 4})
    for value in (0.2, 0.4, 0.6, 0.8):
        run_trial(caller, worker_id, [value])
    better, worse = caller.claim(worker_id, "pruned", n_max=2)
    assert say(caller, better, 1, 0.51) == "continue"
    assert say(caller, worse, 1, 0.49) == "prune"


@pytest.mark.parametrize("name", ["asha", "hyperband"])
def test_halving_counts_running_and_ended_trials_at_a_rung(caller: Caller, name: str) -> None:
    # Trials of Hyperband's bracket without skipped rungs: with N_STEPS steps and a factor of 3 every first one is.
    worker_id = begin(caller, {"name": name, "reduction_factor": 3, "pause": False, "min_resource": 1})
    jobs = caller.claim(worker_id, "pruned", n_max=16)
    chosen = [jobs[number] for number in _boldest(name)[:5]]
    for job, value in zip(chosen[:4], (0.5, 0.6, 0.7, 0.8), strict=True):
        assert say(caller, job, 1, value) == "continue"  # each the best so far
        assert say(caller, job, 2, 0.0) == "continue"  # between two rungs nobody is judged
    caller.finish(chosen[0], "PRUNED")
    assert say(caller, chosen[4], 1, 0.75) == "prune"


def _boldest(name: str) -> list[int]:
    from search.pruners.hyperband import brackets, n_brackets

    plan = brackets(n_brackets(1, N_STEPS, 3), 3) if name == "hyperband" else (0,)
    return [number for number in range(16) if plan[number % len(plan)] == 0]


@pytest.mark.parametrize(("level", "decision"), [(0.1, "prune"), (0.9, "continue")])
def test_extrapolation_stops_what_will_not_beat_the_best(caller: Caller, level: float, decision: str) -> None:
    worker_id = begin(caller, {"name": "extrapolation", "n_startup_trials": 8, "level": 0.05})
    for place in range(8):
        run_trial(caller, worker_id, [0.9 - 0.8 * 0.6**step + 0.004 * place for step in range(1, N_STEPS + 1)])
    (job,) = caller.claim(worker_id, "pruned")
    decisions = [say(caller, job, step, level - 0.08 * 0.6**step) for step in range(1, 7)]
    assert decisions[-1] == decision


def test_patience_asks_the_other_pruner_late(caller: Caller) -> None:
    worker_id = begin(caller, {"name": "patient", "wrapped": "none", "patience": 2})
    (job,) = caller.claim(worker_id, "pruned")
    decisions = [say(caller, job, step, value) for step, value in enumerate((0.5, 0.6, 0.5, 0.5, 0.5), start=1)]
    assert decisions == [*["continue"] * 4, "prune"]


@pytest.mark.parametrize(("offset", "decision"), [(-0.1, "prune"), (0.1, "continue")])
def test_wilcoxon_compares_fold_by_fold(caller: Caller, offset: float, decision: str) -> None:
    folds = {"method": "k_fold", "folds": 5}
    worker_id = begin(caller, {"name": "wilcoxon", "p_threshold": 0.1}, evaluation=folds)
    finals = (0.5, 0.9, 0.6, 0.8, 0.7)
    (job,) = caller.claim(worker_id, "pruned")
    for fold, value in enumerate(finals, start=1):
        end_fold(caller, job, fold, value)
    caller.finish(job, values={"val_accuracy": 0.7})
    (job,) = caller.claim(worker_id, "pruned")
    for fold, value in enumerate(finals[:3], start=1):
        assert end_fold(caller, job, fold, value + offset - 0.01 * fold) == "continue"
    assert end_fold(caller, job, 4, finals[3] + offset) == decision


def end_fold(caller: Caller, job: Json, fold: int, value: float) -> str:
    """Report the two epochs of a fold; only how it ends counts."""
    points = [point(1, 0.0, f"@r1f{fold}"), point(2, value, f"@r1f{fold}")]
    half = caller.report(job, 2 * fold, step=1, n_steps=2, metrics=points[:1])
    assert half["decision"] == "continue"
    answer = caller.report(job, 2 * fold + 1, step=2, n_steps=2, metrics=points[1:])
    return str(answer["decision"])


@pytest.mark.parametrize("name", sorted(PRUNERS))
def test_every_pruner_takes_reports(caller: Caller, name: str) -> None:
    options = {"lower": 0.0} if name == "threshold" else {}
    worker_id = begin(caller, {"name": name, **options})
    for _ in range(3):
        run_trial(caller, worker_id, [0.5, 0.6, 0.7])
    assert caller.call("GET", "/studies/pruned")["trial_counts"]["COMPLETE"] == 3
