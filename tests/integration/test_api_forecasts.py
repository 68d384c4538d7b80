"""What a pruner expects of trials, as charts read it, on both kinds of database."""

from __future__ import annotations

from tests.servers.api import Caller, Json

N_STEPS = 9
FORECASTS: Json = {"name": "extrapolation", "n_startup_trials": 8, "level": 0.05}


def point(step: int, value: float) -> Json:
    return {"name": "val_accuracy", "step": step, "value": value}


def with_one_running(caller: Caller, pruner: Json, level: float) -> Json:
    """Complete eight trials and bring a ninth, which tends to `level`, to step 4; return it."""
    caller.create("seen", pruner=pruner, budget={"n_trials": 20, "max_parallel": 20})
    worker_id = caller.join("seen")
    for place in range(8):
        (job,) = caller.claim(worker_id, "seen")
        for step in range(1, N_STEPS + 1):
            value = 0.9 - 0.8 * 0.6**step + 0.004 * place
            caller.report(job, step, step=step, n_steps=N_STEPS, metrics=[point(step, value)])
        caller.finish(job, values={"val_accuracy": value})
    (job,) = caller.claim(worker_id, "seen")
    for step in range(1, 5):
        caller.report(job, step, step=step, n_steps=N_STEPS, metrics=[point(step, level - 0.8 * 0.6**step)])
    return job


def curves_of(caller: Caller, metric: str = "val_accuracy") -> dict[int, Json]:
    found = caller.call("GET", "/studies/seen/curves", params={"metric": metric})["curves"]
    return {curve["number"]: curve for curve in found}


def test_a_running_curve_has_a_band_ahead_of_it(caller: Caller) -> None:
    job = with_one_running(caller, FORECASTS, 0.95)
    curves = curves_of(caller)
    forecast = curves[8]["forecast"]
    assert forecast["step"] == 4
    assert 0.05 < forecast["chance"] <= 1.0
    band = forecast["band"]
    assert (band["steps"][0], band["steps"][-1]) == (5, N_STEPS)
    assert all(low <= mid <= high for low, mid, high in zip(band["low"], band["middle"], band["high"], strict=True))
    assert {curves[number]["forecast"] for number in range(8)} == {None}, "who is done needs none"
    trial = caller.call("GET", f"/trials/{job['trial_id']}")
    assert trial["forecast"] == forecast


def test_a_pruned_trial_says_how_likely_it_was_and_is_drawn_without_a_band(caller: Caller) -> None:
    job = with_one_running(caller, FORECASTS, 0.2)
    caller.finish(job, "PRUNED")
    assert curves_of(caller)[8]["forecast"] is None
    assert caller.call("GET", f"/trials/{job['trial_id']}")["forecast"]["chance"] < 0.05


def test_a_complete_trial_needs_no_forecast(caller: Caller) -> None:
    job = with_one_running(caller, FORECASTS, 0.95)
    caller.finish(job, values={"val_accuracy": 0.95})
    assert caller.call("GET", f"/trials/{job['trial_id']}")["forecast"] is None


def test_other_pruners_expect_nothing_and_other_metrics_are_not_forecast(caller: Caller) -> None:
    job = with_one_running(caller, {"name": "median", "n_startup_trials": 100}, 0.95)
    assert curves_of(caller)[8]["forecast"] is None
    caller.report(job, 5, metrics=[{"name": "val_loss", "step": 5, "value": 0.3}])
    assert curves_of(caller, "val_loss")[8]["forecast"] is None
    assert caller.call("GET", f"/trials/{job['trial_id']}")["forecast"] is None
