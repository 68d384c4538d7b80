"""Proves that a study's suggestions follow from what is stored: computes each again and compares."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

from api.asks.asker import Asker
from api.asks.plans import Plan, plan_of
from api.asks.process import AskFailed
from api.asks.replay import Replay, Replayed
from api.asks.versions import read_versions
from api.errors import Conflict, Unavailable
from api.schemas.replay import ReplayedTrial, ReplayPage
from api.services.lookup import get_study
from api.services.paging import decode_cursor, encode_cursor
from api.transaction import Ledger
from db import history, lent, pruning, trials
from db.edits import list_edits
from db.records import StudyRecord, TrialRecord
from search.types import Suggestion, SuggestRequest

# A page takes as long as it takes to compute; a reader should hear something before it gives up.
_PAGE_S = 4.0


def replay_study(ledger: Ledger, asker: Asker, ref: str, cursor: str | None, limit: int) -> ReplayPage:
    """Compute some of a study's suggestions again, in the order of their numbers.

    Samplers that learn are asked in the process for slow asks, one question at a time, so that workers are served
    between them. Nothing is written.

    Args:
        ledger: Where the study is read.
        asker: Asks.
        ref: Id or name of the study.
        cursor: Where to go on; None to begin.
        limit: At most so many trials; fewer where they take long to compute, but at least one.

    Raises:
        NotFound: `study_not_found`.
        Conflict: `no_sampler`: the study was made by another tool.
        Unavailable: `no_answer`: a suggestion could not be computed.
    """
    begun = time.monotonic()
    after = decode_cursor(cursor, int)
    first = 0 if after is None else after[0]
    study, replay = _read(ledger, asker, ref)
    proposed = [one for one in replay.records if one.cell is not None]
    items: list[ReplayedTrial] = []
    for place, trial in enumerate(one for one in proposed if one.number >= first):
        if items and (place >= limit or time.monotonic() - begun > _PAGE_S):
            return ReplayPage(
                study_id=study.id, n_trials=len(proposed), items=items, next_cursor=encode_cursor(trial.number)
            )
        items.append(_show(_replay(replay, trial)))
    return ReplayPage(study_id=study.id, n_trials=len(proposed), items=items, next_cursor=None)


def _read(ledger: Ledger, asker: Asker, ref: str) -> tuple[StudyRecord, Replay]:
    with ledger.read() as session:
        study = get_study(session, ref)
        if study.kind != "native":
            raise Conflict("no_sampler", f"study {study.name!r} was made by another tool, which asked its own sampler")
        plan, versions = plan_of(study), read_versions(study, list_edits(session, study.id))
        records = trials.list_history(session, study.id)
        given = lent.list_lent(session, study.id) if plan.learns else []
        last = history.last_points(session, study.id, plan.metrics[0], -1, study.rev) if plan.learns else {}
        paused = {number for one in records for number, _ in (one.seen or {}).get("paused", ())}
        reached = pruning.list_curves(session, study.id, plan.metrics[0], paused) if paused else ()
        points = {(one.number, one.step): one.value for one in reached}

    def suggest(plan: Plan, request: SuggestRequest, n: int) -> Sequence[Suggestion]:
        if plan.learns:
            return asker.ask_again(plan, request, n)
        return _alone(plan, request)

    return study, Replay(study, versions, records, last, suggest, given, points)


def _alone(plan: Plan, request: SuggestRequest) -> Sequence[Suggestion]:
    suggestion = plan.sampler.suggest(request)
    return () if suggestion is None else (suggestion,)


def _replay(replay: Replay, trial: TrialRecord) -> Replayed:
    try:
        return replay.replay(trial)
    except AskFailed as error:
        message = f"the suggestion of trial {trial.number} could not be computed again: {error}"
        raise Unavailable("no_answer", message) from error


def _show(one: Replayed) -> ReplayedTrial:
    again = one.again
    return ReplayedTrial(
        trial_id=one.trial.id,
        number=one.trial.number,
        status=one.status,
        reason=one.reason or _difference(one),
        note=one.trial.note,
        note_again=None if again is None else again.note,
        params=dict(one.trial.params),
        params_again=None if again is None else dict(again.params),
    )


def _difference(one: Replayed) -> str:
    """Return in words what came out otherwise."""
    if one.status != "different":
        return ""
    if one.again is None:
        return "the sampler has nothing left to propose"
    before, after = one.trial.params, one.again.params
    names = [name for name in _both(before, after) if before.get(name) != after.get(name)]
    return f"other values of {', '.join(names)}" if names else "another note"


def _both(before: Iterable[str], after: Iterable[str]) -> list[str]:
    return sorted({*before, *after})
