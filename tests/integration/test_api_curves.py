"""Curves of a study for charts, on both kinds of database: windows, wall time, and overviews in place of points."""

from __future__ import annotations

import math

from api.services.reconcile import Reconciler
from db import curves
from tests.servers.api import Caller, Json, Served

N_POINTS = 3000


def wave(step: int) -> float | str:
    """Return a value a step, with peaks that a chart must not lose, and two that are no numbers."""
    if step in {700, 2100}:
        return "NaN" if step == 700 else "-Infinity"
    return {1234: -50.0, 2345: 50.0}.get(step, round(math.sin(step / 90), 4))


def with_one_curve(caller: Caller) -> Json:
    """Run one trial of `N_POINTS` points and return its attempt."""
    caller.create("long")
    (job,) = caller.claim(caller.join("long"), "long")
    for seq, first in enumerate(range(0, N_POINTS, 1000), start=1):
        steps = range(first, first + 1000)
        caller.report(job, seq, metrics=[{"name": "val_accuracy", "step": step, "value": wave(step)} for step in steps])
    caller.finish(job, values={"val_accuracy": 0.5})
    return job


def read(caller: Caller, **params: object) -> Json:
    """Return the answer; its only curve's points are in `points`, by step."""
    answer: Json = caller.call("GET", "/studies/long/curves", params=params)
    (curve,) = answer["curves"]
    return {**answer, "curve": curve, "points": dict(zip(curve["steps"], curve["values"], strict=True))}


def test_a_window_has_more_detail_than_the_whole(caller: Caller) -> None:
    with_one_curve(caller)
    whole = read(caller, max_points=100)
    part = read(caller, max_points=100, low=1200, high=1299)
    assert whole["column"] > 1.0
    assert whole["points"][700] == "NaN"
    assert whole["points"][2100] == "-Infinity"
    assert part["column"] is None
    assert part["curve"]["steps"] == list(range(1200, 1300))
    assert part["points"][1234] == -50.0


def test_an_overview_says_what_the_points_say(caller: Caller, live_api: Served) -> None:
    with_one_curve(caller)
    before = [read(caller, max_points=n) for n in (20, 100, 300)]
    Reconciler(live_api.control.ledger, live_api.control.settings).run_once()
    with live_api.control.database.read() as session:
        (head,) = curves.list_heads(
            session, caller.call("GET", "/studies/long")["study_id"], curves.CurveFilter("val_accuracy", 9)
        )[1]
    assert head.bin_steps == 8
    assert [read(caller, max_points=n) for n in (20, 100, 300)] == before


def test_finer_columns_than_an_overviews_bins_are_read_from_the_points(caller: Caller, live_api: Served) -> None:
    with_one_curve(caller)
    Reconciler(live_api.control.ledger, live_api.control.settings).run_once()
    assert read(caller, max_points=10_000)["curve"]["steps"] == list(range(N_POINTS))


def test_wall_time_counts_from_the_start_of_the_trial(caller: Caller) -> None:
    with_one_curve(caller)
    timed = read(caller, x="time", max_points=10_000)["curve"]
    assert len(timed["times_s"]) == len(timed["steps"]) == N_POINTS
    assert timed["times_s"] == sorted(timed["times_s"])
    assert 0.0 <= timed["times_s"][0] <= timed["times_s"][-1] < 600.0
    assert read(caller)["curve"]["times_s"] is None


def test_only_some_trials(caller: Caller) -> None:
    with_one_curve(caller)
    assert [one["number"] for one in read(caller, numbers=[0, 7])["curves"]] == [0]
    assert caller.call("GET", "/studies/long/curves", params={"numbers": [7]})["curves"] == []


def test_a_window_that_ends_before_it_starts_is_refused(caller: Caller) -> None:
    with_one_curve(caller)
    error = caller.refused("GET", "/studies/long/curves", 422, params={"low": 9, "high": 3})
    assert error["code"] == "window_bounds"
    assert "low is 9" in error["message"]
    assert read(caller, low=3, high=9)["curve"]["steps"] == list(range(3, 10))
