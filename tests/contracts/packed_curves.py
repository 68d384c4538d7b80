"""A database with long and short curves, and everything that reads them, for tests of packing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from api.services import curves as trial_curves
from api.transaction import Ledger
from db import curves, metrics, optuna_history, pruning, studies, trials
from db.blocks import Window
from db.engine import Database
from db.lifecycle import TrialState
from db.metrics import NamedPoints
from db.optuna_link import Link
from db.packing import Points
from db.pruning import Scope

LENGTHS = (5_000, 300, 40, 5)
"""Points of the curve of each trial: of several blocks, of one with an overview, of one without, of none."""
STUDY = "packed"


def value_at(number: int, step: int) -> float:
    """Return a curve's value, with peaks that nobody must lose and what is no finite number."""
    odd = {7: math.nan, 11: math.inf, 4099: -math.inf, 4500: -1e6}
    return odd.get(step, math.sin(step / 90 + number) + step * 1e-9)


def ledger_of(database: Database) -> Ledger:
    return Ledger(database, ring=lambda _queue, _n: None, notify=lambda: None)


def fill(database: Database, *, state: TrialState = TrialState.COMPLETE) -> int:
    """Store a study with one trial for each of `LENGTHS`, each with one curve, and return its id."""
    values = {"name": STUDY, "spec": {}, "queue": "cpu", "direction": "maximize", "max_parallel": 1}
    with database.write() as session:
        study_id = studies.insert_study(session, values, timeout_s=None)
        for number, n_points in enumerate(LENGTHS):
            trial = {"study_id": study_id, "number": number, "state": state, "source": "manual", "params": {}}
            if state is TrialState.COMPLETE:
                trial["finished_rev"] = number
            trial_id = trials.insert_trial(session, trial).id
            # Steps with gaps, and times of reports of a hundred points.
            steps = [step + step // 1000 * 50 for step in range(n_points)]
            numbers, at_ms = [value_at(number, step) for step in steps], [10_000 * (step // 100) for step in steps]
            metrics.store_points(session, trial_id, NamedPoints(["val_loss"] * n_points, steps, numbers, at_ms))
    return study_id


def counts(database: Database) -> tuple[int, int, int]:
    """Return how many rows of points there are, points in blocks, and points by the curves' own count."""
    with database.read() as session:
        found = {one.series_id: one for one in _heads(session)}
        rows = curves.read_rows(session, list(found), 10**9)
    n_rows = sum(len(points) for points in rows.values())
    return n_rows, sum(one.n_packed for one in found.values()), sum(one.n_points for one in found.values())


Bits = tuple[list[int], list[int], list[int]]


def all_points(database: Database) -> dict[int, Bits]:
    """Return steps, values as bits, and times by trial."""
    with database.read() as session:
        heads = {one.series_id: one.number for one in _heads(session)}
        found = curves.list_points(session, list(heads))
    return {heads[series_id]: bits_of(points) for series_id, points in found.items()}


def all_reads(database: Database) -> dict[str, Any]:
    """Return what each reader of points says, in a form in which NaN equals NaN."""
    reads: dict[str, Any] = {"points": all_points(database)}
    with database.read() as session:
        heads = _heads(session)
        ids = [one.series_id for one in heads]
        for window in (Window(3, 4100), Window(4200, 4200), Window(None, 0), Window(9_000, None), Window(10**6, None)):
            found = curves.stream_points(session, ids, window)
            reads[f"window {window}"] = {one.series_id: bits_of(one.points) for one in found}
        scope = Scope(_study_of(session), -1, 99)
        for step in (0, 4, 39, 4123, 10**6, pruning.LAST):
            reads[f"reached {step}"] = sorted(map(str, pruning.list_reached(session, scope, "val_loss", step)))
        whole = pruning.list_curves(session, scope.study_id, "val_loss", [0, 2, 3])
        reads["curves for pruners"] = sorted(set(map(str, whole)))
        for head in heads:
            shown = trial_curves.read_metrics(session, head.trial_id, [], 100)
            reads[f"chart of {head.number}"] = shown.model_dump_json()
    for at_once in (True, False):
        reads[f"Optuna's view, {at_once=}"] = _as_optuna(database, scope.study_id, at_once=at_once)
    return reads


def _heads(session: Any) -> list[curves.CurveHead]:
    return curves.list_heads(session, _study_of(session), curves.CurveFilter("val_loss", 99))[1]


def _study_of(session: Any) -> int:
    study = studies.find_study(session, STUDY)
    assert study is not None
    return study.id


def _as_optuna(database: Database, study_id: int, *, at_once: bool) -> str:
    """Return the points as Optuna's view of a study has them: all trials together, or one after the other."""
    link = Link(database)
    try:
        if at_once:
            changes = [optuna_history.list_changes(link, optuna_history.Seen(study_id, "val_loss"))]
        else:
            changes = [
                optuna_history.find_change(link, trial_id, "val_loss") for trial_id in range(1, len(LENGTHS) + 1)
            ]
    finally:
        link.close()
    assert all(changes)
    found = {trial_id: curve for one in changes if one for trial_id, curve in one.points.items()}
    return str([(trial_id, sorted(curve.items())) for trial_id, curve in sorted(found.items())])


def bits_of(points: Points) -> Bits:
    """Return steps, values as bits, and times."""
    return points.steps.tolist(), points.values.view(np.int64).tolist(), points.at_ms.tolist()
