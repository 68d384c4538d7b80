"""What the routes share: one control plane a process."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from fastapi import Request

from api.asks.asker import Asker
from api.audit import Actor, Refusals
from api.doorbell import Doorbell
from api.limits import Limits
from api.pieces import PieceStore
from api.services.dataset_looks import LookDesk
from api.services.insight import InsightDesk
from api.services.prepare import Preparer
from api.settings import Settings
from api.store import ArtifactStore
from api.transaction import Ledger
from db.engine import Database

if TYPE_CHECKING:
    from api.events import EventHub
    from api.services.dataset_builds import Builder


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
    looks: LookDesk
    data_store: ArtifactStore
    code_store: ArtifactStore
    pieces: PieceStore
    builder: Builder
    limits: Limits
    refusals: Refusals

    def on_behalf_of(self, actor: Actor) -> Self:
        """Return the same, but that what is written through its ledger is remembered as the actor's."""
        return replace(self, ledger=replace(self.ledger, actor=actor))


def control_of(request: Request) -> Control:
    """Return the control plane of the application that serves `request`."""
    control: Control = request.app.state.control
    return control
