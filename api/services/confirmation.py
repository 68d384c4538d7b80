"""Making sure of a study's winner: which trials are trained again, and what came of it.

Who is a candidate is read from the trials each time, so that it holds after everything that may happen meanwhile: a
stop, a raised budget, a trial that somebody adds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, cast

from sqlalchemy.orm import Session

from api.asks.history import params_key
from api.asks.plans import Plan, plan_of
from api.schemas.confirmation import CandidateRead, Confirmation
from db import confirmations, studies, trials
from db.lifecycle import OPEN_TRIALS, StudyState, TrialState
from db.records import StudyRecord, TrialRecord
from db.types import decode_float
from models import catalogue
from search.confirmation import Candidate, Ranked, rank, standard_error
from search.types import Direction

_GOES_ON = frozenset({StudyState.RUNNING, StudyState.PAUSED})


@dataclass(frozen=True, slots=True)
class Standing:
    """The candidates of a study.

    Attributes:
        trials: By number; the best by their own values in front.
        runs: By the candidate's number: its further runs, but for those that the study's stop kept from running.
        n_each: How many further runs each is to have; 0 where the study asks for none any more.
    """

    trials: Mapping[int, TrialRecord]
    runs: Mapping[int, Sequence[TrialRecord]]
    n_each: int

    @property
    def due(self) -> list[TrialRecord]:
        """The candidates that lack runs, once for each run: round after round, so that a stop finds all equally far."""
        return [
            trial
            for place in range(self.n_each)
            for number, trial in self.trials.items()
            if len(self.runs.get(number, ())) <= place
        ]


def is_confirming(study: StudyRecord) -> bool:
    """Tell whether a study trains its best trials again before it ends."""
    return study.kind == "native" and study.spec["budget"].get("confirm") is not None


def find_standing(session: Session, study: StudyRecord) -> Standing:
    """Return a study's candidates: its best trials, and all that were trained again before others were better."""
    settings = study.spec["budget"].get("confirm") or {"top": 0, "repeats": 0}
    runs: dict[int, list[TrialRecord]] = {}
    for one in confirmations.list_confirmations(session, study.id) if study.n_confirmations else ():
        if one.confirms is not None and _counts(one):
            runs.setdefault(one.confirms, []).append(one)
    leaders = _leaders(session, study, settings["top"])
    others = runs.keys() - {one.number for one in leaders}
    found = [*leaders, *confirmations.list_by_number(session, study.id, others)]
    sign = -1.0 if study.direction == "maximize" else 1.0
    found.sort(key=lambda one: (sign * (one.value or 0.0), one.number))
    return Standing({one.number: one for one in found}, runs, settings["repeats"])


def add_runs(session: Session, study: StudyRecord) -> list[TrialRecord]:
    """Store the further runs that a study's candidates lack, waiting. The caller holds the study's lock.

    Each has a number of its own, and so a seed of its own; the budget does not count it.
    """
    if not is_confirming(study):
        return []
    added = [_add_run(session, study, candidate) for candidate in find_standing(session, study).due]
    if added:
        confirmations.count_confirmations(session, study.id, len(added))
    return added


def find_best(session: Session, study: StudyRecord) -> TrialRecord | None:
    """Return the trial to be named best: the winner so far where candidates were trained again, else the best value."""
    if not study.n_confirmations:
        return studies.find_best_trial(session, study)
    standing = find_standing(session, study)
    return standing.trials[_rank(study, standing).candidates[0].number] if standing.trials else None


def find_confirmation(session: Session, study: StudyRecord) -> Confirmation | None:
    """Return what came of training candidates again; None where none was."""
    if not study.n_confirmations:
        return None
    standing = find_standing(session, study)
    if not standing.trials:
        return None
    ranked = _rank(study, standing)
    made = [one for runs in standing.runs.values() for one in runs]
    n_due, n_open = len(standing.due), sum(one.state in OPEN_TRIALS for one in made)
    is_over = not n_due and not n_open
    return Confirmation(
        state="complete" if is_over else "running" if study.state in _GOES_ON else "cut_short",
        n_done=len(made) - n_open,
        n_total=len(made) + n_due,
        winner=ranked.candidates[0].number,
        reason=ranked.reason,
        candidates=[_show(standing.trials[one.number], one, place) for place, one in enumerate(ranked.candidates)],
    )


def list_best_networks(session: Session, study: StudyRecord, limit: int) -> list[TrialRecord]:
    """Return the best trials that stored a network, at most `limit`: candidates in their order, then by value.

    A candidate that stored none, because its result was imported, is stood in for by its first run that did.
    """
    if not study.n_confirmations:
        return studies.list_best_trials(session, study, limit, with_network=True)
    standing = find_standing(session, study)
    chosen = [_of_network(session, standing, one.number) for one in _ranked(study, standing)]
    by_value = studies.list_best_trials(session, study, limit + len(standing.trials), with_network=True)
    rest = [one for one in by_value if one.number not in standing.trials]
    return [*(one for one in chosen if one is not None), *rest][:limit]


def mean_values(session: Session, study: StudyRecord) -> dict[int, float]:
    """Return the mean over all runs of each trial that was trained again, by number."""
    if not study.n_confirmations:
        return {}
    return {one.number: fmean(one.runs) for one in _ranked(study, find_standing(session, study)) if one.fresh}


def _counts(run: TrialRecord) -> bool:
    """Tell whether a run is not to be made up for: all but those that waited when their study was stopped."""
    return run.state in OPEN_TRIALS or run.n_attempts > 0 or run.is_stop_requested


def _leaders(session: Session, study: StudyRecord, top: int) -> list[TrialRecord]:
    """Return the `top` best trials with different parameters: of equal ones the best stands for all."""
    plan, limit = plan_of(study), 2 * top
    while top:
        best = studies.list_best_trials(session, study, limit)
        different: dict[str, TrialRecord] = {}
        for one in best:
            network = _network_key(plan, one)
            if network is not None:
                different.setdefault(network, one)
        if len(different) >= top or len(best) < limit:
            return list(different.values())[:top]
        limit *= 2
    return []


def _network_key(plan: Plan, trial: TrialRecord) -> str | None:
    try:
        return params_key(plan.complete(trial.params))
    except catalogue.CatalogueError:  # of a trial from before the catalogue changed: it cannot be trained again
        return None


def _add_run(session: Session, study: StudyRecord, candidate: TrialRecord) -> TrialRecord:
    number, _ = studies.take_number(session, study.id, is_cell=False)
    values: dict[str, Any] = {
        "study_id": study.id,
        "number": number,
        "state": TrialState.WAITING,
        "source": "confirm",
        "confirms": candidate.number,
        "params": dict(candidate.params),
        "note": f"trains trial {candidate.number} again, from another seed",
    }
    return trials.insert_trial(session, values)


def _rank(study: StudyRecord, standing: Standing) -> Ranked:
    candidates = [_candidate(one, standing.runs.get(number, ())) for number, one in standing.trials.items()]
    return rank(candidates, cast(Direction, study.direction))


def _ranked(study: StudyRecord, standing: Standing) -> Sequence[Candidate]:
    return _rank(study, standing).candidates if standing.trials else ()


def _candidate(trial: TrialRecord, runs: Sequence[TrialRecord]) -> Candidate:
    assert trial.value is not None
    return Candidate(
        number=trial.number,
        value=trial.value,
        fresh=tuple(one.value for one in runs if one.value is not None and _is_sound(one)),
        n_failed=sum(_has_failed(one) for one in runs),
        n_open=sum(one.state in OPEN_TRIALS for one in runs),
    )


def _is_sound(run: TrialRecord) -> bool:
    return run.state is TrialState.COMPLETE and not _is_broken(run)


def _has_failed(run: TrialRecord) -> bool:
    """Tell whether a run speaks against its candidate; one that a user stopped does not."""
    return (run.state is TrialState.FAIL and not run.is_stop_requested) or _is_broken(run)


def _is_broken(run: TrialRecord) -> bool:
    """Tell whether a run breaks a constraint on outcomes."""
    return any(decode_float(one) > 0 for one in run.outcome_constraints or ())


def _of_network(session: Session, standing: Standing, number: int) -> TrialRecord | None:
    complete = [one for one in standing.runs.get(number, ()) if _is_sound(one)]
    runs = [standing.trials[number], *complete]
    stored = confirmations.with_network(session, [one.id for one in runs])
    return next((one for one in runs if one.id in stored), None)


def _show(trial: TrialRecord, one: Candidate, place: int) -> CandidateRead:
    return CandidateRead(
        trial_id=trial.id,
        number=one.number,
        values=list(one.runs),
        n=len(one.runs),
        mean=fmean(one.runs),
        standard_error=standard_error(one.runs),
        fresh_mean=fmean(one.fresh) if one.fresh else None,
        n_failed=one.n_failed,
        n_open=one.n_open,
        is_winner=place == 0,
    )
