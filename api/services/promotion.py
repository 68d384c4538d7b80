"""Trials that a pruner has set aside: which may go on, and how those end that never do.

A paused trial is WAITING and has a `paused_step`. A claim takes it once the pruner names it, before anything new is
suggested. It ends as PRUNED, with what it had reached, when its study ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from api.peers import Wanted
from api.services.objectives import metrics_of, outcomes_of
from api.services.views import is_number
from api.transaction import Tx
from db import metrics, outputs, pruning, studies, trials
from db.lifecycle import StudyState, TrialState
from db.records import StudyRecord, TrialRecord
from db.types import encode_float
from search import pruners
from search.pruners import Pruner
from search.types import PastTrial, PromoteRequest


@dataclass(frozen=True, slots=True)
class Paused:
    """The paused trials of a study: those that may go on, the first one to resume in front, and those that may not."""

    promotable: Sequence[TrialRecord] = ()
    others: Sequence[TrialRecord] = ()

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.promotable) + len(self.others)


def find_paused(tx: Tx, study: StudyRecord) -> Paused:
    """Return the paused trials of a study. The caller holds the study's lock."""
    if not _pauses(study):
        return Paused()
    pruner, waiting = pruners.get_pruner(study.spec["pruner"]["name"]), trials.list_paused(tx.session, study.id)
    if not waiting:
        return Paused()
    is_closing = _is_closing(tx, study, len(waiting))
    named: list[int] = []
    for n_steps in sorted({one.n_steps for one in waiting}, key=lambda n: n or 0, reverse=True):
        alike = [one for one in waiting if one.n_steps == n_steps]
        named += _promotable(tx, study, pruner, alike, is_closing=is_closing and not named)
    by_number = {one.number: one for one in waiting}
    others = [one for one in waiting if one.number not in set(named)]
    return Paused([by_number[number] for number in named], others)


def has_more_to_start(study: StudyRecord) -> bool:
    """Tell whether a study's sampler has budget left for new trials."""
    is_full = study.end_number is not None and study.next_number >= study.end_number
    return not (study.is_exhausted or is_full)


def step_to_wait_at(tx: Tx, study: StudyRecord, trial: TrialRecord) -> int | None:
    """Return the step at which a trial waits whose attempt ended after it was told to pause; None where it cannot.

    It can where the decision was this attempt's and there is a checkpoint to go on from.
    """
    verdict = pruning.find_verdict(tx.session, trial.id) if _pauses(study) else None
    if verdict is None or verdict["action"] != "pause" or verdict["attempt_no"] != trial.n_attempts:
        return None
    if outputs.find_checkpoint(tx.session, trial.id) is None:
        return None
    return trial.step if trial.step is not None else int(verdict["step"])


def end_paused(tx: Tx, trial: TrialRecord, reason: str) -> TrialRecord | None:
    """End a paused trial as PRUNED with what it had reached; None where it does not wait any more."""
    study = studies.find_study(tx.session, trial.study_id, with_deleted=True)
    assert study is not None
    series = metrics.list_series(tx.session, [trial.id], outcomes_of(study))
    latest = {one.name: one.latest_value for one in series if one.latest_value is not None}
    value = latest.get(metrics_of(study)[0])
    changes: dict[str, Any] = {
        "reason": f"paused at step {trial.paused_step}: {reason}",
        "paused_step": None,
        "value": value if is_number(value) else None,
        "values": {name: encode_float(number) for name, number in latest.items()},
    }
    return trials.end_trial(tx.session, trial, TrialState.PRUNED, changes)


def _pauses(study: StudyRecord) -> bool:
    if study.kind != "native":
        return False
    pruner = pruners.get_pruner(study.spec.get("pruner", {"name": "none"})["name"])
    return pruner.resolve(_options(study)).get("pause") is True


def _options(study: StudyRecord) -> dict[str, Any]:
    return {key: value for key, value in study.spec["pruner"].items() if key != "name"}


def _is_closing(tx: Tx, study: StudyRecord, n_paused: int) -> bool:
    if study.state not in (StudyState.RUNNING, StudyState.PAUSED) or has_more_to_start(study):
        return False
    counts = studies.count_trials(tx.session, [study.id])[study.id]
    return not counts.get(TrialState.RUNNING, 0) and counts.get(TrialState.WAITING, 0) == n_paused


def _promotable(
    tx: Tx, study: StudyRecord, pruner: Pruner, paused: Sequence[TrialRecord], *, is_closing: bool
) -> Sequence[int]:
    """Ask a pruner about paused trials that are done at one and the same step."""
    objective = study.spec["objectives"][0]
    request = PromoteRequest(
        history=[PastTrial(one.number, "RUNNING", {}, paused_at=one.paused_step) for one in paused],
        directions=(objective["direction"],),
        options=_options(study),
        n_steps=paused[0].n_steps,
        is_closing=is_closing,
    )
    steps = pruner.steps_to_promote(request)
    if not steps:
        return ()
    fresh = studies.find_study(tx.session, study.id, with_deleted=True) or study
    wanted = Wanted(study.id, study.created_at, fresh.rev, objective["metric"], steps)
    numbers = {one.number for one in paused}
    with tx.peers.read(tx.session, wanted) as history:
        named = pruner.promotable(replace(request, history=history))
    return [number for number in named if number in numbers]
