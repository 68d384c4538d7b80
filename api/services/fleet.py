"""What workers do and what waits for them, as people see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from api.errors import Conflict
from api.schemas.fleet import (
    Device,
    MachineReading,
    QueueList,
    QueueRead,
    WorkerEvaluation,
    WorkerList,
    WorkerRead,
    WorkerRun,
)
from api.services.workers import not_found, set_state
from api.transaction import Tx
from db import fleet, workers
from db.lifecycle import WorkerState
from db.records import WorkerRecord

_SHOW_LOST_FOR_S = 24 * 3600
_MAX_RUNS = 5000
T = TypeVar("T", fleet.Run, fleet.Measured)


def drain(tx: Tx, worker_id: int) -> None:
    """Let a worker finish what it runs and claim nothing more.

    Raises:
        NotFound: `worker_not_found`.
        Conflict: `wrong_state`: it is gone.
    """
    _require_present(tx, worker_id, "there is nothing to drain")
    set_state(tx, worker_id, WorkerState.DRAINING)


def undrain(tx: Tx, worker_id: int) -> None:
    """Let a drained worker claim again, and ring for what it may find. One that is not draining stays as it is.

    Raises:
        NotFound: `worker_not_found`.
        Conflict: `wrong_state`: it is gone.
    """
    worker = _require_present(tx, worker_id, "start it again instead")
    set_state(tx, worker_id, WorkerState.ALIVE)
    for queue in worker.queues:
        tx.ring(queue, worker.n_slots)


def read_worker(session: Session, worker_id: int) -> WorkerRead:
    """Return one worker.

    Raises:
        NotFound: `worker_not_found`.
    """
    found = next((one for one in list_workers(session).items if one.worker_id == worker_id), None)
    if found is None:
        raise not_found(worker_id)
    return found


def list_workers(session: Session) -> WorkerList:
    """Return the workers that are here, and those that were lost in the last day, with what each runs or left."""
    known = workers.list_workers(session, _SHOW_LOST_FOR_S)
    ids = [worker.id for worker, _ in known]
    runs = _by_worker(fleet.list_runs(session, ids, _MAX_RUNS))
    measured = _by_worker(fleet.list_measured(session, ids))
    return WorkerList(items=[_show(one, n_busy, runs[one.id], measured[one.id]) for one, n_busy in known])


def list_queues(session: Session) -> QueueList:
    """Return what waits in each queue, and how many slots serve it."""
    depths = {depth.name: depth for depth in fleet.list_depths(session)}
    served = {queue for queues in fleet.list_served(session) for queue in queues}
    idle = workers.count_idle_slots(session)
    return QueueList(
        items=[
            QueueRead(
                **asdict(depths.get(name) or fleet.Depth(name, 0, 0, 0, 0, None)),
                n_slots=workers.count_slots(session, name),
                n_idle=idle.get(name, 0),
            )
            for name in sorted(depths.keys() | served)
        ]
    )


def _require_present(tx: Tx, worker_id: int, instead: str) -> WorkerRecord:
    worker = workers.find_worker(tx.session, worker_id)
    if worker is None:
        raise not_found(worker_id)
    if worker.state == WorkerState.LOST:
        raise Conflict("wrong_state", f"worker {worker.name} is LOST: {instead}", "worker_id")
    return worker


def _by_worker(items: Sequence[T]) -> dict[int, list[T]]:
    sorted_out: dict[int, list[T]] = defaultdict(list)
    for item in items:
        sorted_out[item.worker_id].append(item)
    return sorted_out


def _show(
    worker: WorkerRecord, n_busy: int, runs: Sequence[fleet.Run], measured: Sequence[fleet.Measured]
) -> WorkerRead:
    by_slot = sorted(runs, key=lambda run: (run.slot is None, run.slot or 0, run.study_id, run.number))
    return WorkerRead(
        worker_id=worker.id,
        name=worker.name,
        host=worker.host,
        pid=worker.pid,
        version=worker.version,
        queues=list(worker.queues),
        n_slots=worker.n_slots,
        devices=[Device.model_validate(one) for one in worker.devices],
        n_busy=n_busy,
        state=WorkerState(worker.state),
        created_at=worker.created_at,
        heartbeat_at=worker.heartbeat_at,
        left_at=worker.left_at,
        machine=None if worker.machine is None else MachineReading.model_validate(worker.machine),
        runs=[WorkerRun(**_without_worker(run)) for run in by_slot],
        evaluations=[WorkerEvaluation(**_without_worker(one)) for one in measured],
    )


def _without_worker(one: fleet.Run | fleet.Measured) -> dict[str, Any]:
    return {name: value for name, value in asdict(one).items() if name != "worker_id"}
