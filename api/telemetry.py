"""Figures for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from api.state import Control
from api.storage_telemetry import StorageGauges
from db import studies, workers
from db.lifecycle import StudyState, WorkerState

REGISTRY = CollectorRegistry()
REQUESTS = Counter("tunewell_http_requests", "HTTP requests", ["method", "route", "status"], registry=REGISTRY)
DURATION = Histogram("tunewell_http_request_seconds", "Duration of HTTP requests", ["route"], registry=REGISTRY)
STUDIES = Gauge("tunewell_studies", "Studies that have not ended, by state", ["state"], registry=REGISTRY)
RUNNABLE = Gauge("tunewell_runnable_trials", "Trials that could start now, by queue", ["queue"], registry=REGISTRY)
IDLE = Gauge("tunewell_idle_slots", "Free slots of living workers, by queue", ["queue"], registry=REGISTRY)
WORKERS = Gauge("tunewell_workers", "Workers, by state", ["state"], registry=REGISTRY)
STORAGE = StorageGauges(REGISTRY)
READERS = Gauge("tunewell_event_readers", "Clients that follow the live stream", registry=REGISTRY)

_OPEN = (StudyState.RUNNING, StudyState.PAUSED, StudyState.STOPPING)


def refresh(control: Control) -> None:
    """Bring the gauges that describe the database up to date."""
    with control.ledger.read() as session:
        open_studies = studies.list_open_studies(session, _OPEN)
        runnable, idle = studies.count_runnable(session), workers.count_idle_slots(session)
        known = workers.list_workers(session, lost_within_s=3600)
    for state in _OPEN:
        STUDIES.labels(state.value).set(sum(study.state is state for study in open_studies))
    for worker_state in WorkerState:
        WORKERS.labels(worker_state.value).set(sum(worker.state == worker_state for worker, _ in known))
    for gauge, figures in ((RUNNABLE, runnable), (IDLE, idle)):
        gauge.clear()
        for queue, n in figures.items():
            gauge.labels(queue).set(n)
    READERS.set(control.hub.n_readers)
    STORAGE.refresh(control.ledger)
