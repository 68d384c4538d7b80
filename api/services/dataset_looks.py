"""Looks into prepared data: made once for each content by a program of its own, and kept in the database."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.programs import Limits, ProgramFailed, run_models
from api.transaction import Ledger
from db import datasets
from models.catalogue import DatasetInfo

_LIMITS = Limits(memory_bytes=8 * 2**30, file_bytes=2**31, time_s=120.0)
_MAX_LOCKS = 64
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of prepared content: how it is spread, and a few examples."""

    profile: Mapping[str, Any]
    preview: Mapping[str, Any]


class LookDesk:
    """Looks into built-in data sets; those that people bring are looked into when they are prepared.

    Args:
        ledger: Where looks are kept.
        cache_dir: Where built-in data sets are prepared; a worker of the same home finds them there.
    """

    def __init__(self, ledger: Ledger, cache_dir: Path) -> None:
        self._ledger = ledger
        self._cache_dir = cache_dir
        self._lock = threading.Lock()
        self._locks: OrderedDict[str, threading.Lock] = OrderedDict()

    def look(self, info: DatasetInfo) -> Look:
        """Return a look into a built-in data set; the first one takes seconds. Not for the event loop.

        Raises:
            ProgramFailed: It cannot be had here, such as where its source cannot be reached.
        """
        found = self._find_whole(info.sha256)
        if found is not None:
            return found
        with self._lock_of(info.sha256):  # whoever asks meanwhile waits for the same answer
            found = self._find_whole(info.sha256)
            return self._make(info) if found is None else found

    def find(self, sha256: str) -> Look | None:
        """Return the look that is kept of some content."""
        with self._ledger.read() as session:
            found = datasets.find_look(session, sha256)
        return None if found is None else Look(*found)

    def _find_whole(self, sha256: str) -> Look | None:
        """Return a look with its profile: of content that somebody brought, too, the version keeps the profile."""
        found = self.find(sha256)
        return found if found is not None and found.profile else None

    def _make(self, info: DatasetInfo) -> Look:
        self._cache_dir.mkdir(parents=True, exist_ok=True)
        try:
            answer = run_models(
                ["preview", "--dataset", info.name, "--cache-dir", str(self._cache_dir.absolute())], _LIMITS
            )
        except ProgramFailed as error:
            log.warning("the data set %s cannot be looked into: %s", info.name, error)
            raise
        kept = self.find(info.sha256)
        made = Look(answer["profile"], answer["preview"] if kept is None else kept.preview)
        with self._ledger.write() as tx:
            datasets.store_look(tx.session, info.sha256, made.profile, made.preview)
        return made

    def _lock_of(self, sha256: str) -> threading.Lock:
        with self._lock:
            lock = self._locks.setdefault(sha256, threading.Lock())
            while len(self._locks) > _MAX_LOCKS:
                self._locks.popitem(last=False)
            return lock
