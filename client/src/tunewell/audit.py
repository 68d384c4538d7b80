"""What people did on a server, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Something that somebody did or was refused.

    Attributes:
        entry_id: Its id; later entries have higher ones.
        at: When.
        who: Name of the token as it was then; empty for somebody unknown.
        role: admin, user or worker; empty for somebody unknown.
        address: Network address that it came from.
        action: Method and route.
        target: What it was done to.
        study_id: The study that changed, None where there is none.
        trial_id: The trial that changed, None where there is none.
        result: `done`, or the code of the refusal.
        n: How often; refusals that are alike are gathered.
    """

    entry_id: int
    at: datetime
    who: str
    role: str
    address: str
    action: str
    target: str
    result: str
    n: int
    study_id: int | None = None
    trial_id: int | None = None
