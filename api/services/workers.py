"""Use cases of workers themselves: join, give signs of life, leave."""

from __future__ import annotations

from api.errors import Invalid, NotFound
from api.schemas.fleet import MachineReading
from api.schemas.work import WorkerOrders, WorkerRegister
from api.transaction import Tx
from db import workers
from db.lifecycle import WorkerState


def register(tx: Tx, body: WorkerRegister) -> int:
    """Store a worker that joins, ring for what it may find, and return its id.

    Raises:
        Invalid: `unknown_slot`: a device names a slot that the worker does not have.
    """
    for place, device in enumerate(body.devices):
        beyond = [slot for slot in device.slots if slot >= body.n_slots]
        if beyond:
            message = f"device {device.uuid} names slot {beyond[0]}, but the worker has {body.n_slots}"
            raise Invalid("unknown_slot", message, f"devices.{place}.slots", f"slots are 0 to {body.n_slots - 1}")
    worker_id = workers.insert_worker(tx.session, body.model_dump())
    _announce(tx, worker_id, WorkerState.ALIVE)
    for queue in body.queues:
        tx.ring(queue, body.n_slots)
    return worker_id


def heartbeat(tx: Tx, worker_id: int, machine: MachineReading | None = None) -> WorkerOrders:
    """Note a sign of life, and what the machine uses if it tells, and answer with orders.

    Raises:
        NotFound: `worker_not_found`: register again.
    """
    state = workers.beat(tx.session, worker_id, None if machine is None else machine.model_dump())
    if state is None:
        raise not_found(worker_id)
    return WorkerOrders(state=state)


def leave(tx: Tx, worker_id: int) -> None:
    """Note that a worker left.

    Raises:
        NotFound: `worker_not_found`.
    """
    if not workers.let_worker_go(tx.session, worker_id):
        raise not_found(worker_id)
    _announce(tx, worker_id, WorkerState.LOST)


def lose_silent(tx: Tx, silence_s: float) -> None:
    """Mark workers that gave no sign of life as LOST."""
    for worker_id in workers.lose_silent_workers(tx.session, silence_s):
        _announce(tx, worker_id, WorkerState.LOST)


def set_state(tx: Tx, worker_id: int, state: WorkerState) -> None:
    """Set a worker's state and tell the live stream.

    Raises:
        NotFound: `worker_not_found`.
    """
    if not workers.set_worker_state(tx.session, worker_id, state):
        raise not_found(worker_id)
    _announce(tx, worker_id, state)


def not_found(worker_id: int) -> NotFound:
    """Return the refusal of a worker that is unknown."""
    return NotFound("worker_not_found", f"there is no worker {worker_id}", "worker_id", "register again")


def _announce(tx: Tx, worker_id: int, state: WorkerState) -> None:
    tx.emit("worker", {"worker_id": worker_id, "state": state})
