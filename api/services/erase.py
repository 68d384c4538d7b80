"""Erase studies for good, once nobody can restore them any more."""

from __future__ import annotations

import logging
import time

from api.store import ArtifactStore
from api.transaction import Ledger
from db import erasing, studies

_TRIALS_AT_ONCE = 100
_ROUND_S = 2.0  # other work of the loop waits meanwhile
log = logging.getLogger(__name__)


def erase_deleted(ledger: Ledger, store: ArtifactStore, retention_s: float) -> None:
    """Erase the studies that were deleted longer than `retention_s` seconds ago, with the artifacts of them alone.

    Effects:
        Deletes rows and files, some at a time; what is left after two seconds waits for the next round.
    """
    ends_at = time.monotonic() + _ROUND_S
    with ledger.read() as session:
        found = erasing.list_erasable(session, retention_s)
    for study_id in found:
        while _erase_some(ledger, store, study_id, retention_s):
            if time.monotonic() > ends_at:
                return


def _erase_some(ledger: Ledger, store: ArtifactStore, study_id: int, retention_s: float) -> bool:
    """Erase a part of a study, and tell whether some of it is left."""
    with ledger.write() as tx:
        study = studies.lock_study(tx.session, study_id)
        if study is None or not erasing.is_over(tx.session, study_id, retention_s):
            return False  # another process was first, or it was restored
        n, unnamed = erasing.erase_trials(tx.session, study_id, _TRIALS_AT_ONCE)
        for sha256 in unnamed:
            # Before the commit: should it fail, the rows are still there and the files are looked for again.
            store.drop(sha256)
        if n == _TRIALS_AT_ONCE:
            return True
        erasing.erase_study(tx.session, study_id)
        payload = {"study_id": study_id, "name": study.name, "state": study.state, "rev": study.rev + 1}
        tx.emit("study", {**payload, "change": "erased"}, study_id=study_id)
    log.info("erased study %s (%s), which was deleted on %s", study_id, study.name, study.deleted_at)
    return False
