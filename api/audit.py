"""Who did what, and who was refused what.

What people change is remembered in the transaction that changes it: one cannot happen without the other. Refusals are
gathered and stored every few seconds, the same ones as one entry with a count, so that a flood of them stays small.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fastapi import Request

from api.browser import address_of
from api.errors import ApiError
from db.audit import NewEntry
from db.events import NewEvent

MAX_KINDS: Final = 20
"""So many different refusals are kept apart between two rounds."""
_ACTION_CHARS: Final = 120
_TARGET_CHARS: Final = 300
_PREFIX: Final = "/api/v1"
_STATUSES: Final = frozenset({401, 403, 429})
# What happens to everybody who has not signed in yet.
_HARMLESS: Final = frozenset({"token_missing", "session_over"})


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody in the course of a request."""

    who: str
    role: str
    address: str
    action: str
    target: str

    def done(self, events: Sequence[NewEvent], target: str = "") -> NewEntry:
        """Return what to remember of a change.

        Args:
            events: What the change told the live stream: they know which study and trial it was.
            target: What it was done to, where neither the address nor the events say.
        """
        study_id = next((event.study_id for event in events if event.study_id is not None), None)
        trial_id = next((event.trial_id for event in events if event.trial_id is not None), None)
        about = target[:_TARGET_CHARS] or self.target
        return NewEntry(self.who, self.role, self.address, self.action, about, study_id, trial_id)

    def refused(self, code: str) -> NewEntry:
        """Return what to remember of a refusal."""
        return NewEntry(self.who, self.role, self.address, self.action, self.target, result=code)


def actor_of(request: Request, who: str, role: str) -> Actor:
    """Return who makes a request, what it asks for and of what: the route, and the ids and names in its address."""
    route = getattr(request.scope.get("route"), "path", "")
    action = f"{request.method} {route.removeprefix(_PREFIX) or 'unknown'}"
    target = " ".join(f"{name}={value}" for name, value in request.path_params.items())
    return Actor(who, role, address_of(request), action[:_ACTION_CHARS], target[:_TARGET_CHARS])


class Refusals:
    """Refusals that wait to be stored; those of more than `MAX_KINDS` kinds are counted together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[NewEntry] = Counter()

    def note(self, request: Request, error: ApiError) -> None:
        """Remember a refusal, if it is one that tells of somebody who should not be here."""
        if error.status not in _STATUSES or error.code in _HARMLESS:
            return
        who, role = getattr(request.state, "known_as", ("", ""))
        entry = actor_of(request, who, role).refused(error.code)
        with self._lock:
            if entry not in self._counts and len(self._counts) >= MAX_KINDS:
                entry = NewEntry("", "", "", "many different requests", "", result=error.code)
            self._counts[entry] += 1

    def take(self) -> list[NewEntry]:
        """Return what waits, and forget it."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        return [replace(entry, n=n) for entry, n in counts.items()]
