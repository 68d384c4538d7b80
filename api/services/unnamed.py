"""Bytes of artifacts that nothing names any more: replaced by later ones, or stored for a lease that was lost."""

from __future__ import annotations

from api.store import ArtifactStore
from api.transaction import Ledger
from db import outputs

_OLDER_THAN_S = 120.0
"""Longer than bytes may lie in the store before they are named, so that the store does not take them for new ones."""
_AT_ONCE = 50


def drop_unnamed(ledger: Ledger, store: ArtifactStore, older_than_s: float = _OLDER_THAN_S) -> int:
    """Remove some of them, and return how many were looked at; 0: none is left.

    Effects:
        Removes files, then forgets them. A process that is killed in between removes them again, which does nothing.
    """
    with ledger.read() as session:
        found = outputs.list_unnamed(session, older_than_s, _AT_ONCE)
    if not found:
        return 0
    for sha256, is_named in found.items():
        # Stored again in this moment, it is new, and the store keeps it.
        if not is_named:
            store.drop(sha256)
    with ledger.write() as tx:
        outputs.forget_unnamed(tx.session, found, older_than_s)
    return len(found)
