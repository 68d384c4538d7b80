"""One transaction a request: events are written in it, messages leave after it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from api.audit import Actor
from api.peers import Peers
from db.audit import insert_entries
from db.engine import Database
from db.events import NewEvent, store_events


@dataclass(slots=True)
class Tx:
    """An open write transaction, what is to happen once it has committed, and what is kept between transactions."""

    session: Session
    peers: Peers = field(default_factory=Peers)
    events: list[NewEvent] = field(default_factory=list)
    rings: Counter[str] = field(default_factory=Counter)
    target: str = ""

    def emit(
        self, kind: str, payload: Mapping[str, Any], *, study_id: int | None = None, trial_id: int | None = None
    ) -> None:
        """Tell the live stream, with this transaction's commit."""
        self.events.append(NewEvent(kind, payload, study_id, trial_id))

    def name_target(self, target: str) -> None:
        """Say what is changed, for the audit log, where the request's address does not."""
        self.target = target

    def ring(self, queue: str, n: int = 1) -> None:
        """Wake up to `n` idle workers of `queue`, after the commit; none if `n` is 0."""
        if n > 0:
            self.rings[queue] += n


def _ignore(_events: Sequence[NewEvent]) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Ledger:
    """Opens transactions on the database and sends what they leave behind.

    Attributes:
        database: Where everything is stored.
        ring: Called with queue and count after a commit; must not block.
        notify: Called after a commit that wrote events; must not block.
        listen: Called after such a commit with the events themselves; must not block.
        peers: What pruners compare trials by.
        actor: Somebody whose changes are remembered in the audit log.
    """

    database: Database
    ring: Callable[[str, int], None]
    notify: Callable[[], None]
    listen: Callable[[Sequence[NewEvent]], None] = _ignore
    peers: Peers = field(default_factory=Peers)
    actor: Actor | None = None

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads."""
        with self.database.read() as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open a transaction; when it has committed, messages leave. When the block raises, nothing happened."""
        with self.database.write() as session:
            tx = Tx(session, self.peers)
            yield tx
            store_events(session, tx.events)
            if self.actor is not None:
                insert_entries(session, [self.actor.done(tx.events, tx.target)])
        if tx.events:
            self.notify()
            self.listen(tx.events)
        for queue, n in tx.rings.items():
            self.ring(queue, n)
