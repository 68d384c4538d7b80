"""Bytes in the artifact store go when nothing names them any more, and not before."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

from sqlalchemy import text

from api.services.unnamed import drop_unnamed
from tests.servers.api import Caller, Served

FIRST, SECOND, OTHER = b"first weights", b"second weights", b"other weights"


class Shelf:
    """The store's files, and time that passes for them and for what is noted of them."""

    def __init__(self, served: Served) -> None:
        self._control = served.control

    def path(self, content: bytes) -> Path:
        """Return where some bytes lie, or would lie."""
        sha256 = hashlib.sha256(content).hexdigest()
        return Path(self._control.settings.effective_artifact_url) / sha256[:2] / sha256

    def has(self, *contents: bytes) -> list[bool]:
        """Tell which bytes are there."""
        return [self.path(content).exists() for content in contents]

    def look(self, *old: bytes) -> int:
        """Look for what nothing names, as if some bytes had been stored an hour ago."""
        for content in old:
            os.utime(self.path(content), (time.time() - 3600.0,) * 2)
        return drop_unnamed(self._control.ledger, self._control.store, older_than_s=-1.0)

    def n_noted(self) -> int:
        """Return how many bytes wait to be looked at."""
        with self._control.ledger.read() as session:
            found: int = session.execute(text("SELECT count(*) FROM artifact_unnamed")).scalar_one()
        return found


def test_a_replaced_artifact_goes_once_nothing_names_it(live_api: Served, caller: Caller) -> None:
    shelf = Shelf(live_api)
    caller.create("replaced")
    job, twin = caller.claim(caller.join("replaced"), "replaced", n_max=2)
    for one in (job, twin):
        caller.upload(one, "checkpoint.pt", FIRST, kind="checkpoint", step=1)
    assert shelf.look(FIRST) == 0
    caller.upload(job, "checkpoint.pt", SECOND, kind="checkpoint", step=2)
    assert (shelf.look(FIRST), shelf.has(FIRST, SECOND)) == (1, [True, True])  # the twin's checkpoint is the same
    caller.upload(twin, "checkpoint.pt", SECOND, kind="checkpoint", step=2)
    assert (shelf.look(FIRST), shelf.has(FIRST, SECOND)) == (1, [False, True])
    assert (shelf.look(SECOND), shelf.n_noted()) == (0, 0)
    caller.upload(job, "checkpoint.pt", SECOND, kind="checkpoint", step=3)
    assert shelf.look(SECOND) == 0


def test_bytes_that_are_stored_again_stay(live_api: Served, caller: Caller) -> None:
    shelf = Shelf(live_api)
    caller.create("again")
    (job,) = caller.claim(caller.join("again"), "again")
    caller.upload(job, "weights.pt", FIRST)
    caller.upload(job, "weights.pt", SECOND)
    caller.upload(job, "copy.pt", FIRST)
    assert (shelf.look(FIRST, SECOND), shelf.has(FIRST, SECOND)) == (1, [True, True])
    caller.upload(job, "weights.pt", FIRST)
    assert shelf.look() == 1
    assert shelf.has(SECOND) == [False]


def test_what_a_lost_lease_stored_goes(live_api: Served, caller: Caller) -> None:
    shelf = Shelf(live_api)
    caller.create("lost")
    worker_id = caller.join("lost")
    (job,) = caller.claim(worker_id, "lost")
    put = live_api.control.store.put

    def lose_meanwhile(*args: object) -> int:
        n_bytes = put(*args)  # type: ignore[arg-type]
        with live_api.control.ledger.write() as tx:
            tx.session.execute(text("UPDATE attempt SET lease_token = 'another'"))
        return n_bytes

    live_api.control.store.put = lose_meanwhile  # type: ignore[method-assign, assignment]
    try:
        answer = caller.upload(job, "weights.pt", OTHER, status=409)
    finally:
        del live_api.control.store.put
    assert answer["error"]["code"] == "lease_lost"
    assert (shelf.look(OTHER), shelf.has(OTHER), shelf.n_noted()) == (1, [False], 0)
