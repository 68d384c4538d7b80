"""What the routes share: one control plane a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fastapi import Request

from api.asks.asker import Asker
from api.doorbell import Doorbell
from api.services.insight import InsightDesk
from api.services.prepare import Preparer
from api.settings import Settings
from api.store import ArtifactStore
from api.transaction import Ledger
from db.engine import Database

if TYPE_CHECKING:
    from api.events import EventHub


@dataclass(frozen=True, slots=True)
class Control:
    """Everything a request can need."""

    settings: Settings
    database: Database
    ledger: Ledger
    doorbell: Doorbell
    hub: EventHub
    store: ArtifactStore
    asker: Asker
    preparer: Preparer
    insight: InsightDesk


def control_of(request: Request) -> Control:
    """Return the control plane of the application that serves `request`."""
    control: Control = request.app.state.control
    return control
