"""A parameter set that has a result is not trained again: the later trial takes the earlier one's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.asks.history import params_key
from api.asks.plans import Plan
from api.services.settle import announce_trial
from api.transaction import Tx
from db import trials
from db.history import count_last_reused, find_equal
from db.lifecycle import TrialState
from db.records import StudyRecord, TrialRecord


def may_come_twice(plan: Plan, study: StudyRecord, source: str = "sampler") -> bool:
    """Tell whether a trial that is about to run could have the parameters of a finished one.

    Random draws from a continuous space never have, and a grid's cells only those of trials that people added: so the
    most frequent claims need not look.
    """
    if not plan.reuses:
        return False
    if source != "sampler" or plan.learns:
        return True
    return plan.is_finite and (plan.n_cells is None or study.next_number != study.next_cell)


def find_results(tx: Tx, study: StudyRecord, params: Sequence[Mapping[str, Any]]) -> dict[str, TrialRecord]:
    """Return the first COMPLETE trial for each parameter set that has one, by `params_key`."""
    found: dict[str, TrialRecord] = {}
    for trial in find_equal(tx.session, study.id, params):
        found.setdefault(params_key(trial.params), trial)
    return found


def reuse_result(tx: Tx, trial: TrialRecord, earlier: TrialRecord) -> bool:
    """Complete a waiting trial with the result of an earlier one. Returns False if it does not wait any more.

    Effects:
        The trial ends, without an attempt; its network is that of the earlier trial.
    """
    values = {
        "reason": f"not trained: trial {earlier.number} had the same parameters, and this is its result",
        "reused_from": earlier.reused_from or earlier.id,
        "value": earlier.value,
        "values": dict(earlier.values),
        "findings": list(earlier.findings),
        "diagnosis": trials.find_diagnosis(tx.session, earlier.id),
        "step": earlier.step,
        "n_steps": earlier.n_steps,
        "outcome_constraints": earlier.outcome_constraints,
    }
    ended = trials.end_trial(tx.session, trial, TrialState.COMPLETE, values)
    if ended is not None:
        announce_trial(tx, ended)
    return ended is not None


def is_going_round(tx: Tx, study: StudyRecord, limit: int) -> bool:
    """Tell whether the sampler's last `limit` trials all had parameters with a result."""
    return count_last_reused(tx.session, study.id, limit) >= limit
