"""The decision in a report's answer, over HTTP and on both kinds of database."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json

PRUNER = {"name": "median", "n_startup_trials": 3, "n_warmup_steps": 0}


def run_trial(caller: Caller, worker_id: int, values: list[float]) -> None:
    """Run a trial that reports the objective at steps 1, 2, ... and completes."""
    (job,) = caller.claim(worker_id, "pruned")
    for step, value in enumerate(values, start=1):
        caller.report(job, step, step=step, metrics=[point(step, value)])
    caller.finish(job, values={"val_accuracy": values[-1]})


def point(step: int, value: float) -> Json:
    return {"name": "val_accuracy", "step": step, "value": value}


@pytest.mark.parametrize(("value", "decision"), [(0.45, "prune"), (0.55, "continue")])
def test_a_trial_is_held_against_what_others_had_reached_by_its_step(
    caller: Caller, value: float, decision: str
) -> None:
    caller.create("pruned", pruner=PRUNER, sampler={"name": "random", "seed": 1})
    worker_id = caller.join("pruned")
    for final in (0.9, 0.8, 0.7):
        run_trial(caller, worker_id, [0.3, 0.5, final])  # the median at step 2 is 0.5, at the end 0.8
    (job,) = caller.claim(worker_id, "pruned")
    assert caller.report(job, 1, step=1, metrics=[point(1, 0.35)])["decision"] == "continue"
    answer = caller.report(job, 2, step=2, metrics=[point(2, value)])
    assert answer["decision"] == decision, answer["reason"]
