"""The loop that mends what messages and processes lost: expired leases, used-up time, work nobody was rung for.

One leader at a time: on PostgreSQL a round holds an advisory lock, on SQLite the write transaction is the lock. Every
step is a conditional update, so even two leaders at once would do nothing twice.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from sqlalchemy import text

from api.audit import Refusals
from api.errors import NotFound
from api.services import overviews
from api.services.audit import store_refusals
from api.services.budgets import has_hours, spent_hours
from api.services.erase import erase_deleted
from api.services.evaluations import expire as expire_evaluation
from api.services.halves import Halves
from api.services.reports import Ending, conclude, lock_trial_of
from api.services.retention import OldLines
from api.services.rollup import Retention, roll_up
from api.services.settle import settle_study, stop_study
from api.services.unnamed import drop_unnamed
from api.services.workers import lose_silent
from api.settings import Settings
from api.store import ArtifactStore
from api.transaction import Ledger, Tx
from db import attempts, evaluations, events, studies, workers
from db.audit import drop_old_entries
from db.lifecycle import AttemptState, StudyState
from db.records import AttemptRecord

_GOING_ON = (StudyState.RUNNING, StudyState.PAUSED)
_LOCK = 7_303_015  # an arbitrary key
log = logging.getLogger(__name__)


class Reconciler:
    """Runs rounds on a thread of its own until closed.

    Args:
        ledger: Where to look and write.
        settings: Lease, interval and retention.
        store: Where artifacts of deleted studies are erased; without one, such studies stay.
        refusals: What waits for the audit log.
        data_store: Where data sets lie; killed processes leave halves in both.
    """

    def __init__(
        self,
        ledger: Ledger,
        settings: Settings,
        store: ArtifactStore | None = None,
        refusals: Refusals | None = None,
        data_store: ArtifactStore | None = None,
    ) -> None:
        self._ledger = ledger
        self._store = store
        self._settings = settings
        self._refusals = refusals or Refusals()
        self._old_lines = OldLines()
        self._halves = Halves([one for one in (store, data_store) if one is not None])
        self._stop = threading.Event()
        self._started_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="reconcile", daemon=True)
        self.last_round_at: float | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after the round that runs."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def run_once(self, *, with_leases: bool = True) -> None:
        """Do one round.

        Args:
            with_leases: Whether to take away expired leases. Not right after a start: workers could not renew theirs
                while no API ran, and are given time to do so.
        """
        if with_leases:
            self._expire_leases()
        store_refusals(self._ledger, self._refusals)
        with self._ledger.write() as tx:
            if not self._lead(tx):
                return
            lose_silent(tx, self._settings.lease_s)
            events.drop_old_events(tx.session, self._settings.event_retention_s)
            drop_old_entries(tx.session, self._settings.audit_retention_s)
        self._stop_overdue()
        self._stop_spent()
        self._settle_stopping()
        self._ring()
        if self._store is not None:
            erase_deleted(self._ledger, self._store, self._settings.deleted_retention_s)
            drop_unnamed(self._ledger, self._store)
        self._make_overviews()
        roll_up(self._ledger, Retention(self._settings.pack_after_s, self._settings.point_retention_s))
        self._old_lines.drop(self._ledger, self._settings.log_retention_s)
        self._halves.drop()
        self.last_round_at = time.monotonic()

    def _run(self) -> None:
        while not self._stop.wait(self._settings.reconcile_s):
            grace_s = min(self._settings.lease_s, 2 * self._settings.heartbeat_s)
            try:
                self.run_once(with_leases=time.monotonic() - self._started_at > grace_s)
            except Exception:  # a database that is away comes back; the loop must outlive it
                log.exception("reconcile round failed; the next one is in %s s", self._settings.reconcile_s)

    def _lead(self, tx: Tx) -> bool:
        if self._ledger.database.is_sqlite:
            return True
        got: bool = tx.session.execute(text("SELECT pg_try_advisory_xact_lock(:key)"), {"key": _LOCK}).scalar_one()
        return got

    def _expire_leases(self) -> None:
        with self._ledger.read() as session:
            expired = attempts.list_expired(session)
        for attempt in expired:
            # One transaction each: locks are held briefly, and never those of two studies at once.
            with self._ledger.write() as tx:
                expire(tx, attempt)
        with self._ledger.read() as session:
            silent = evaluations.list_expired(session)
        for evaluation in silent:
            with self._ledger.write() as tx:
                expire_evaluation(tx, evaluation)

    def _stop_overdue(self) -> None:
        with self._ledger.read() as session:
            overdue = studies.list_overdue(session)
        for study_id in overdue:
            self._stop_study(study_id, "the time budget is used up")

    def _stop_spent(self) -> None:
        with self._ledger.read() as session:
            counted = [one for one in studies.list_open_studies(session, _GOING_ON) if has_hours(one)]
            spent = [(one.id, spent_hours(session, one)) for one in counted]
        for study_id, reason in spent:
            if reason is not None:
                self._stop_study(study_id, reason)

    def _stop_study(self, study_id: int, reason: str) -> None:
        with self._ledger.write() as tx:
            study = studies.lock_study(tx.session, study_id)
            if study is not None:
                stop_study(tx, study, reason)
                settle_study(tx, study_id)

    def _settle_stopping(self) -> None:
        with self._ledger.read() as session:
            stopping = studies.list_open_studies(session, [StudyState.STOPPING])
        for study in stopping:
            with self._ledger.write() as tx:
                studies.lock_study(tx.session, study.id)
                settle_study(tx, study.id)

    def _make_overviews(self) -> None:
        with self._ledger.read() as session:
            made = overviews.find_missing(session)
        if made:
            with self._ledger.write() as tx:
                if self._lead(tx):
                    overviews.store(tx.session, made)

    def _ring(self) -> None:
        with self._ledger.read() as session:
            runnable = Counter(studies.count_runnable(session)) + Counter(evaluations.count_waiting(session))
            idle = workers.count_idle_slots(session) if runnable else {}
        for queue, n in runnable.items():
            if idle.get(queue, 0) > 0:
                self._ledger.ring(queue, min(n, idle[queue]))


def expire(tx: Tx, attempt: AttemptRecord) -> None:
    """Take an attempt's lease away if it is still expired; its trial waits for another attempt or fails."""
    try:
        study, trial = lock_trial_of(tx, attempt.id)
    except NotFound:
        return
    if not attempts.is_expired(tx.session, attempt.id):
        return
    reason = "the worker gave no sign of life until the lease ran out"
    if attempts.close_attempt(tx.session, attempt.id, attempt.lease_token, AttemptState.LOST, reason):
        conclude(tx, study, trial, Ending(AttemptState.LOST, reason, {}, is_retryable=True))
