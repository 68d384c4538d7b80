"""Insights into a study: worked out when they are asked for, remembered until a trial ends."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from api.errors import Invalid, nearest
from api.jobs import Job, JobPool
from api.schemas.insight import DistributionRead, ImportanceRead, InteractionsRead, RegretRead
from api.services.lookup import get_study
from api.services.pasts import Pasts
from api.services.views import spec_of
from api.transaction import Ledger
from db.records import StudyRecord
from search.insight.importance import ped_anova
from search.insight.regret import regret
from search.insight.sample import Decomposition, sample_of
from search.insight.spread import distribution
from search.insight.table import InsightRequest, TooFew

DECOMPOSE = "search.insight.fanova:decompose"
"""Named, not imported: it needs scikit-learn, which the control plane does without."""
MAX_KEPT = 256

T = TypeVar("T")


class InsightDesk:
    """Does jobs, and remembers what was worked out. May be used by many threads.

    Args:
        jobs: Where the slow insights are made.

    Attributes:
        pasts: The trials that insights are worked out from.
        turn: To be held while one is worked out: they keep the interpreter busy, and two at a time would only let
            all other requests wait longer.
    """

    def __init__(self, jobs: JobPool | None = None) -> None:
        self.jobs = jobs or JobPool()
        self.pasts = Pasts()
        self.turn = threading.Lock()
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[int, Any]] = OrderedDict()

    def close(self) -> None:
        """End the job that runs."""
        self.jobs.close()

    def find(self, key: Hashable, rev: int) -> Any:
        """Return what is remembered under `key`, if it was worked out at this `rev` of its study; else None."""
        with self._lock:
            version, found = self._kept.get(key, (-1, None))
        return found if version == rev else None

    def find_last(self, key: Hashable) -> tuple[int, Any]:
        """Return what is remembered under `key`, and of which `rev` it is; (-1, None) where nothing is."""
        with self._lock:
            return self._kept.get(key, (-1, None))

    def keep(self, key: Hashable, rev: int, found: Any) -> None:
        """Remember the newest answer under `key`."""
        with self._lock:
            if self._kept.get(key, (-1, None))[0] <= rev:
                self._kept[key] = rev, found
                self._kept.move_to_end(key)
            while len(self._kept) > MAX_KEPT:
                self._kept.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which study is asked about, and which of its objectives."""

    study: StudyRecord
    metrics: tuple[str, ...]
    place: int

    @property
    def metric(self) -> str:
        return self.metrics[self.place]

    def key(self, kind: str) -> Hashable:
        # The time too: a database that was emptied begins to number anew.
        return kind, self.study.id, self.study.created_at, self.place


def read_importance(ledger: Ledger, desk: InsightDesk, ref: str, objective: str | None) -> ImportanceRead:
    """Return how much each parameter of a study matters.

    Raises:
        NotFound: `study_not_found`.
        Invalid: `unknown_objective`.
    """
    asked = _ask(ledger, ref, objective)
    found = _once(ledger, desk, asked, "importance", lambda request: ped_anova(request, asked.place))
    return ImportanceRead(objective=asked.metric, **_fields(found))


def read_regret(ledger: Ledger, desk: InsightDesk, ref: str) -> RegretRead:
    """Return a study's best values so far beside those of random search.

    Raises:
        NotFound: `study_not_found`.
    """
    asked = _ask(ledger, ref, None)
    found = _once(ledger, desk, asked, "regret", regret)
    n_trials = found.n_trials if isinstance(found, TooFew) else found.n_finished[-1]
    objective = asked.metric if len(asked.metrics) == 1 else ""
    return RegretRead(objective=objective, **{**_fields(found), "n_trials": n_trials})


def read_distribution(ledger: Ledger, desk: InsightDesk, ref: str, objective: str | None) -> DistributionRead:
    """Return how the values of a study's complete trials are spread.

    Raises:
        NotFound: `study_not_found`.
        Invalid: `unknown_objective`.
    """
    asked = _ask(ledger, ref, objective)
    found = _once(ledger, desk, asked, "distribution", lambda request: distribution(request, asked.place))
    return DistributionRead(objective=asked.metric, **_fields(found))


def read_interactions(ledger: Ledger, desk: InsightDesk, ref: str, objective: str | None) -> InteractionsRead:
    """Return where the differences between a study's trials come from, or how far the job is that finds out.

    Raises:
        NotFound: `study_not_found`.
        Invalid: `unknown_objective`.
    """
    asked = _ask(ledger, ref, objective)
    return _show_interactions(desk, asked, desk.jobs.find(asked.key("interactions")))


def start_interactions(ledger: Ledger, desk: InsightDesk, ref: str, objective: str | None) -> InteractionsRead:
    """Start the job that finds out where the differences come from, unless it runs or nothing has changed since.

    Raises:
        NotFound: `study_not_found`.
        Invalid: `unknown_objective`.
        Unavailable: `jobs_busy`.
    """
    asked = _ask(ledger, ref, objective)
    key, rev = asked.key("interactions"), asked.study.rev
    job = desk.jobs.find(key)
    _remember(desk, asked, job)
    if job is not None and (not job.is_ended or (job.version == rev and job.state == "COMPLETE")):
        return _show_interactions(desk, asked, job)
    with desk.turn:
        sample = sample_of(desk.pasts.read(ledger, asked.study), asked.place)
    if isinstance(sample, TooFew):
        return InteractionsRead(objective=asked.metric, state="TOO_FEW", **_counts(sample))
    return _show_interactions(desk, asked, desk.jobs.submit(key, rev, DECOMPOSE, sample))


def _ask(ledger: Ledger, ref: str, objective: str | None) -> _Asked:
    with ledger.read() as session:
        study = get_study(session, ref)
    metrics = tuple(one.metric for one in spec_of(study).objectives)
    if objective is not None and objective not in metrics:
        message = f"the study does not optimise {objective!r}"
        raise Invalid("unknown_objective", message, "objective", nearest(objective, metrics))
    return _Asked(study, metrics, 0 if objective is None else metrics.index(objective))


def _once(ledger: Ledger, desk: InsightDesk, asked: _Asked, kind: str, make: Callable[[InsightRequest], T]) -> T:
    """Work an insight out, outside of any transaction, unless it is remembered."""
    key, rev = asked.key(kind), asked.study.rev
    found: T | None = desk.find(key, rev)
    if found is not None:
        return found
    with desk.turn:
        found = desk.find(key, rev)  # somebody else may have asked for the same meanwhile
        if found is None:
            found = make(desk.pasts.read(ledger, asked.study))
            desk.keep(key, rev, found)
    return found


def _fields(found: Any) -> dict[str, Any]:
    if isinstance(found, TooFew):
        return {"state": "TOO_FEW", **_counts(found)}
    return {"state": "COMPLETE", **asdict(found)}


def _counts(found: TooFew) -> dict[str, Any]:
    return {"n_trials": found.n_trials, "n_needed": found.n_needed, "reason": found.reason}


def _show_interactions(desk: InsightDesk, asked: _Asked, job: Job | None) -> InteractionsRead:
    rev, last = _remember(desk, asked, job)
    fields: dict[str, Any] = {} if last is None else asdict(last)
    if job is not None:
        fields |= {"n_done": job.n_done, "n_total": job.n_total, "reason": job.reason}
    return InteractionsRead(
        objective=asked.metric,
        state=job.state if job is not None else "NONE" if last is None else "COMPLETE",
        has_result=last is not None,
        is_current=last is not None and rev == asked.study.rev,
        **fields,
    )


def _remember(desk: InsightDesk, asked: _Asked, job: Job | None) -> tuple[int, Decomposition | None]:
    """Return the last result and the `rev` it is of: it stays while a newer job runs, and if that one fails."""
    key = asked.key("decomposition")
    if job is not None and isinstance(job.result, Decomposition):
        desk.keep(key, job.version, job.result)
    found: tuple[int, Decomposition | None] = desk.find_last(key)
    return found
