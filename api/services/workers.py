"""Use cases on workers."""

from __future__ import annotations

from sqlalchemy.orm import Session

from api.errors import Conflict, NotFound
from api.schemas.work import WorkerList, WorkerOrders, WorkerRead, WorkerRegister
from api.transaction import Tx
from db import workers
from db.lifecycle import WorkerState
from db.records import WorkerRecord

_SHOW_LOST_FOR_S = 24 * 3600


def register(tx: Tx, body: WorkerRegister) -> int:
    """Store a worker that joins, ring for what it may find, and return its id."""
    worker_id = workers.insert_worker(tx.session, body.model_dump())
    _announce(tx, worker_id, WorkerState.ALIVE)
    for queue in body.queues:
        tx.ring(queue, body.n_slots)
    return worker_id


def heartbeat(tx: Tx, worker_id: int) -> WorkerOrders:
    """Note a sign of life and answer with orders.

    Raises:
        NotFound: `worker_not_found`: register again.
    """
    state = workers.beat(tx.session, worker_id)
    if state is None:
        raise _not_found(worker_id)
    return WorkerOrders(state=state)


def drain(tx: Tx, worker_id: int) -> None:
    """Let a worker finish what it runs and claim nothing more.

    Raises:
        NotFound: `worker_not_found`.
        Conflict: `wrong_state`: it is gone.
    """
    worker = workers.find_worker(tx.session, worker_id)
    if worker is None:
        raise _not_found(worker_id)
    if worker.state == WorkerState.LOST:
        raise Conflict("wrong_state", f"worker {worker.name} is LOST: there is nothing to drain", "worker_id")
    _set_state(tx, worker_id, WorkerState.DRAINING)


def leave(tx: Tx, worker_id: int) -> None:
    """Note that a worker left.

    Raises:
        NotFound: `worker_not_found`.
    """
    _set_state(tx, worker_id, WorkerState.LOST)


def read_worker(session: Session, worker_id: int) -> WorkerRead:
    """Return one worker.

    Raises:
        NotFound: `worker_not_found`.
    """
    for worker, n_busy in workers.list_workers(session, _SHOW_LOST_FOR_S):
        if worker.id == worker_id:
            return _show(worker, n_busy)
    raise _not_found(worker_id)


def list_workers(session: Session) -> WorkerList:
    """Return the workers that are here, and those that were lost in the last day."""
    return WorkerList(items=[_show(*row) for row in workers.list_workers(session, _SHOW_LOST_FOR_S)])


def lose_silent(tx: Tx, silence_s: float) -> None:
    """Mark workers that gave no sign of life as LOST."""
    for worker_id in workers.lose_silent_workers(tx.session, silence_s):
        _announce(tx, worker_id, WorkerState.LOST)


def _set_state(tx: Tx, worker_id: int, state: WorkerState) -> None:
    if not workers.set_worker_state(tx.session, worker_id, state):
        raise _not_found(worker_id)
    _announce(tx, worker_id, state)


def _announce(tx: Tx, worker_id: int, state: WorkerState) -> None:
    tx.emit("worker", {"worker_id": worker_id, "state": state})


def _show(worker: WorkerRecord, n_busy: int) -> WorkerRead:
    return WorkerRead(
        worker_id=worker.id,
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        version=worker.version,
        queues=list(worker.queues),
        n_slots=worker.n_slots,
        n_busy=n_busy,
        state=WorkerState(worker.state),
        created_at=worker.created_at,
        heartbeat_at=worker.heartbeat_at,
    )


def _not_found(worker_id: int) -> NotFound:
    return NotFound("worker_not_found", f"there is no worker {worker_id}", "worker_id", "register again")
