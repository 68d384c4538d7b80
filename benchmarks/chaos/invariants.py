"""What must hold after any night: pure functions from what there is to what is wrong with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.crew import MAX_RETRIES, N_AGENT_STEPS, SCRIPTS
from benchmarks.chaos.ledger import Diary, Ledger, Trial
from benchmarks.chaos.reader import PointKey

BURNING = ("LOST", "CRASHED")
FINISHED = ("COMPLETE", "PRUNED", "FAIL")
_LAST_ENDS = {"COMPLETE": ("COMPLETE",), "PRUNED": ("PRUNED", "STOPPED", "PAUSED")}
_KEPT_AFTER_S = 3.0
"""The SDK promises half a second between a call and the disk; the machine is busy."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is looked at.

    Attributes:
        ledger: What the database holds.
        diaries: What scripts said.
        killed_at: By process id of a script that was killed: when, in seconds since 1970.
        n_told: How often the live stream told each point.
        ended: Trials that the live stream said were over.
        n_resets: How often the live stream lost its reader's place.
        orphans: Processes that outlived their parents.
        leftovers: Files that should be gone, by what they are.
        missing_files: Hashes of artifacts that the store does not hold as they should be.
        hung: What had not ended when the time to settle was over.
    """

    ledger: Ledger
    diaries: Sequence[Diary] = ()
    killed_at: Mapping[int, float] = field(default_factory=dict)
    n_told: Mapping[PointKey, int] = field(default_factory=dict)
    ended: frozenset[int] = frozenset()
    n_resets: int = 0
    orphans: Sequence[str] = ()
    leftovers: Sequence[str] = ()
    missing_files: Sequence[str] = ()
    hung: Sequence[str] = ()


def find_broken(evidence: Evidence) -> list[str]:
    """Return one sentence for each thing that is wrong, each beginning with the invariant's name."""
    return [f"{name}: {what}" for name, check in INVARIANTS.items() for what in check(evidence)]


def _everything_ends(evidence: Evidence) -> Iterator[str]:
    yield from evidence.hung
    for study in evidence.ledger.studies.values():
        if study.name != SCRIPTS and study.state != "COMPLETE":
            yield f"study {study.name} is {study.state}"


def _finished_once(evidence: Evidence) -> Iterator[str]:
    for trial in evidence.ledger.trials:
        ends = [attempt.state for attempt in trial.attempts]
        if trial.state not in FINISHED:
            yield f"{_name(evidence, trial)} is {trial.state} after {ends}"
        elif trial.state == "FAIL" and not trial.is_script:
            yield f"{_name(evidence, trial)} failed, which no fault is a reason for: {trial.reason} {ends}"
        elif trial.state != "FAIL" and ends[-1:] and ends[-1] not in _LAST_ENDS[trial.state]:
            yield f"{_name(evidence, trial)} is {trial.state}, and its last attempt ended as {ends[-1]}"
        finals = [end for end in ends if end not in (*BURNING, "PREEMPTED", "PAUSED")]
        if len(finals) > 1:
            yield f"{_name(evidence, trial)} was finished {len(finals)} times: {ends}"


def _budgets_are_exact(evidence: Evidence) -> Iterator[str]:
    numbers = defaultdict(list)
    for trial in evidence.ledger.trials:
        numbers[trial.study_id].append(trial.number)
        burned = sum(attempt.state in BURNING for attempt in trial.attempts)
        if trial.n_attempts != len(trial.attempts):
            yield f"{_name(evidence, trial)} says {trial.n_attempts} attempts and has {len(trial.attempts)}"
        if not trial.is_script and trial.n_burned != burned:
            yield f"{_name(evidence, trial)} says {trial.n_burned} retries used up, and {burned} attempts burned one"
        if trial.n_burned > MAX_RETRIES:
            yield f"{_name(evidence, trial)} used up {trial.n_burned} retries of {MAX_RETRIES}"
    for study in evidence.ledger.studies.values():
        found = sorted(numbers[study.id])
        if found != list(range(len(found))) or (study.n_trials is not None and len(found) != study.n_trials):
            yield f"study {study.name} with a budget of {study.n_trials} has the trials {found}"


def _no_overlap_of_leases(evidence: Evidence) -> Iterator[str]:
    for trial in evidence.ledger.trials:
        if [attempt.attempt_no for attempt in trial.attempts] != list(range(1, len(trial.attempts) + 1)):
            yield f"{_name(evidence, trial)} has attempts {[attempt.attempt_no for attempt in trial.attempts]}"
        for earlier, later in zip(trial.attempts, trial.attempts[1:], strict=False):
            if earlier.ended_at is None or earlier.ended_at > later.created_at:
                yield (
                    f"{_name(evidence, trial)}: attempt {later.attempt_no} began {later.created_at}, "
                    f"attempt {earlier.attempt_no} ended {earlier.ended_at}"
                )


def _curves_of_networks_are_whole(evidence: Evidence) -> Iterator[str]:
    for trial in evidence.ledger.trials:
        n_epochs = evidence.ledger.studies[trial.study_id].n_epochs
        if n_epochs is None or trial.state not in ("COMPLETE", "PRUNED"):
            continue
        for name, curve in trial.curves.items():
            steps = sorted(curve)
            n_wanted = n_epochs if trial.state == "COMPLETE" else len(steps)
            if not name.startswith("system/") and steps != list(range(1, n_wanted + 1)):
                yield f"{_name(evidence, trial)}, {name}: {_gaps(steps, n_wanted)} of {n_wanted} epochs"


def _summaries_agree(evidence: Evidence) -> Iterator[str]:
    for trial in evidence.ledger.trials:
        for name, n_points in trial.summaries.items():
            if n_points != len(trial.curves[name]):
                yield f"{_name(evidence, trial)}, {name}: {n_points} by summary, {len(trial.curves[name])} points"


def _diaries_agree(evidence: Evidence) -> Iterator[str]:
    by_trial: dict[tuple[str, float], list[Diary]] = defaultdict(list)
    for diary in evidence.diaries:
        by_trial["script" if diary.kind == "run" else "search", diary.rate].append(diary)
    seen = Counter[tuple[str, float]]()
    for trial in evidence.ledger.trials:
        if "rate" not in trial.params:
            continue
        key = ("script" if trial.is_script and _is_tracked(evidence, trial) else "search", float(trial.params["rate"]))
        seen[key] += 1
        yield from _compare(evidence, trial, by_trial.get(key, []))
    for key, diaries in by_trial.items():
        if seen[key] != 1 and not all(_may_be_unknown(evidence, diary) for diary in diaries):
            yield f"{key[0]} with rate {key[1]} is {seen[key]} trials"


def _compare(evidence: Evidence, trial: Trial, diaries: Sequence[Diary]) -> Iterator[str]:
    curve = trial.curves.get("val_loss", {})
    strange = [step for step, value in curve.items() if not any(diary.values.get(step) == value for diary in diaries)]
    if strange:
        yield f"{_name(evidence, trial)} has points that no script logged, at steps {strange[:5]}"
    missing = sorted({step for diary in diaries for step in _must_be_kept(evidence, diary)} - curve.keys())
    if missing and (trial.state == "COMPLETE" or trial.is_script):
        yield f"{_name(evidence, trial)} lacks points that were logged, at {len(missing)} steps from {missing[:3]} on"
    if trial.state == "COMPLETE" and not _is_tracked(evidence, trial) and len(curve) != N_AGENT_STEPS:
        yield f"{_name(evidence, trial)} is complete with {len(curve)} of {N_AGENT_STEPS} points"


def _must_be_kept(evidence: Evidence, diary: Diary) -> Iterator[int]:
    """Yield the steps of a diary that no kill excuses: all of one that ended, and of a killed run what was on disk."""
    if diary.end:
        yield from diary.values if diary.kind == "run" else ()
    elif diary.kind == "run" and diary.pid in evidence.killed_at:
        yield from (step for step, at in diary.at.items() if at < evidence.killed_at[diary.pid] - _KEPT_AFTER_S)


def _may_be_unknown(evidence: Evidence, diary: Diary) -> bool:
    return not diary.end and not list(_must_be_kept(evidence, diary))


def _stream_tells_all_once(evidence: Evidence) -> Iterator[str]:
    if evidence.n_resets:
        yield f"the reader lost its place {evidence.n_resets} times"
    stored = {
        (trial.id, name, step)
        for trial in evidence.ledger.trials
        for name, curve in trial.curves.items()
        if not name.startswith("system/")
        for step in curve
    }
    yield from _some("points were stored and never told", stored - evidence.n_told.keys())
    yield from _some("points were told and are not stored", evidence.n_told.keys() - stored)
    yield from _some("points were told twice", {key for key, n in evidence.n_told.items() if n > 1})
    silent = {trial.id for trial in evidence.ledger.trials if trial.state in FINISHED} - evidence.ended
    yield from _some("trials ended and it was never told", silent)


def _nothing_is_left(evidence: Evidence) -> Iterator[str]:
    yield from evidence.orphans
    yield from evidence.leftovers


def _files_are_whole(evidence: Evidence) -> Iterator[str]:
    yield from evidence.missing_files


INVARIANTS: Mapping[str, Callable[[Evidence], Iterator[str]]] = {
    "everything ends": _everything_ends,
    "each trial is finished once": _finished_once,
    "budgets are exact": _budgets_are_exact,
    "leases do not overlap": _no_overlap_of_leases,
    "curves of networks are whole": _curves_of_networks_are_whole,
    "summaries agree with points": _summaries_agree,
    "diaries agree with the server": _diaries_agree,
    "the stream tells all once": _stream_tells_all_once,
    "artifacts are whole": _files_are_whole,
    "nothing is left over": _nothing_is_left,
}


def _some(what: str, found: set[PointKey] | set[int]) -> Iterator[str]:
    if found:
        yield f"{len(found)} {what}: {sorted(found)[:3]}"


def _gaps(steps: Sequence[int], n_wanted: int) -> str:
    missing = sorted(set(range(1, n_wanted + 1)) - set(steps))
    return f"{len(steps)} points, without {missing[:5]}"


def _is_tracked(evidence: Evidence, trial: Trial) -> bool:
    return evidence.ledger.studies[trial.study_id].name == SCRIPTS


def _name(evidence: Evidence, trial: Trial) -> str:
    return f"trial {trial.number} of {evidence.ledger.studies[trial.study_id].name} (id {trial.id})"
