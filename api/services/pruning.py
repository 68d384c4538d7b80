"""What a study's pruner says to a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from api.peers import Wanted
from api.services.members import Member, split_name
from api.transaction import Tx
from db import metrics, pruning
from db.attempts import Orders
from db.metrics import NamedPoints
from search import pruners
from search.pruners import Pruner
from search.types import Action, PastTrial, PruneDecision, PruneRequest


@dataclass(frozen=True, slots=True)
class Brought:
    """What a report brought: the points that were not there before, and whether the trial could be paused."""

    fresh: NamedPoints = field(default_factory=NamedPoints)
    can_pause: bool = False


def decide(tx: Tx, trial_id: int, orders: Orders, report: Brought) -> tuple[Action, str]:
    """Say how a running trial goes on, and why.

    What ends an attempt is decided once: until its worker has heard it, every further report gets the same answer,
    also a report that is repeated because the answer to it was lost.

    Args:
        tx: The transaction that has just stored the report.
        trial_id: The trial.
        orders: What is known of it and its study.
        report: What it brought.

    Effects:
        Keeps the decision where it ends the attempt or holds a forecast.
    """
    pruner = pruners.get_pruner(orders.spec["pruner"]["name"])
    if pruner.name == "none" or orders.is_exempt:
        return "continue", ""
    said = _said_before(tx, trial_id, orders)
    if said is not None:
        return said
    brought = _steps_brought(pruner, orders, report.fresh)
    if not brought:
        return "continue", ""
    request = _request(tx, pruner, trial_id, orders, brought)
    decision = _ask(tx, pruner, orders, replace(request, can_pause=report.can_pause))
    if decision.action != "continue" or decision.band is not None or decision.chance is not None:
        pruning.keep_verdict(tx.session, trial_id, _verdict(decision, orders, max(brought)))
    return decision.action, decision.reason


def member_names(spec: Any) -> tuple[str, ...]:
    """Return the names of the objective's curves of a study's folds and repeats, in the order of training."""
    metric, n_folds = spec["objectives"][0]["metric"], spec["evaluation"]["folds"] or 1
    members = [Member(repeat, fold) for repeat in range(1, spec["repeats"]["n"] + 1) for fold in range(1, n_folds + 1)]
    return tuple(f"{metric}@r{one.repeat}f{one.fold}" for one in members)


def _said_before(tx: Tx, trial_id: int, orders: Orders) -> tuple[Action, str] | None:
    verdict = pruning.find_verdict(tx.session, trial_id)
    if verdict is None or verdict["action"] == "continue" or verdict["attempt_no"] != orders.attempt_no:
        return None
    return verdict["action"], verdict["reason"]


def _steps_brought(pruner: Pruner, orders: Orders, fresh: NamedPoints) -> list[int]:
    """Return the steps of the new points that a pruner judges by."""
    metric = orders.spec["objectives"][0]["metric"]
    if pruner.judges == "steps":
        judged = {metric}
    else:
        named = {name: split_name(name) for name in set(fresh.names)}
        judged = {name for name, (whole, member) in named.items() if whole == metric and member is not None}
    return [step for name, step in zip(fresh.names, fresh.steps, strict=True) if name in judged]


def _request(tx: Tx, pruner: Pruner, trial_id: int, orders: Orders, brought: Sequence[int]) -> PruneRequest:
    metric = orders.spec["objectives"][0]["metric"]
    members = member_names(orders.spec) if pruner.judges == "instances" else ()
    own = _own_ends(tx, trial_id, orders, members) if members else _own_curve(tx, trial_id, metric)
    return PruneRequest(
        trial=PastTrial(orders.number, "RUNNING", {}, intermediate=own),
        directions=(orders.spec["objectives"][0]["direction"],),
        options={key: value for key, value in orders.spec["pruner"].items() if key != "name"},
        n_steps=None if members else orders.n_steps,
        judged_to=None if members else max((step for step in own if step not in set(brought)), default=-1),
    )


def _ask(tx: Tx, pruner: Pruner, orders: Orders, request: PruneRequest) -> PruneDecision:
    metric = orders.spec["objectives"][0]["metric"]
    members = member_names(orders.spec) if pruner.judges == "instances" else ()
    needed = pruner.steps_needed(request) if pruner.needs_history else []
    if not pruner.needs_history or (needed is not None and not needed):
        return pruner.decide(request)
    wanted = Wanted(orders.study_id, orders.created_at, orders.rev, metric, needed, pruner.n_peers, members)
    with tx.peers.read(tx.session, wanted) as history:
        return pruner.decide(replace(request, history=history))


def _own_curve(tx: Tx, trial_id: int, metric: str) -> dict[int, float]:
    (series,) = metrics.list_series(tx.session, [trial_id], [metric])
    return metrics.list_rows(tx.session, series.id)


def _own_ends(tx: Tx, trial_id: int, orders: Orders, members: Sequence[str]) -> dict[int, float]:
    """Return the values that the trial's folds and repeats have ended with, by their place."""
    places = {name: place for place, name in enumerate(members)}
    return {
        places[series.name]: series.latest_value
        for series in metrics.list_series(tx.session, [trial_id], members)
        if orders.n_steps is not None
        and series.latest_value is not None
        and (series.latest_step or 0) >= orders.n_steps
    }


def _verdict(decision: PruneDecision, orders: Orders, step: int) -> dict[str, Any]:
    band = decision.band
    return {
        "attempt_no": orders.attempt_no,
        "step": step,
        "action": decision.action,
        "reason": decision.reason,
        "chance": decision.chance,
        "band": None
        if band is None
        else {
            "steps": list(band.steps),
            "low": list(band.low),
            "middle": list(band.middle),
            "high": list(band.high),
        },
    }
