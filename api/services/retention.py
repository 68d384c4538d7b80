"""Output lines of trials that ended long ago, dropped where people asked for that."""

from __future__ import annotations

import time

from api.transaction import Ledger
from db import outputs

_TRIALS_AT_ONCE = 200
_LINES_AT_ONCE = 5000
_EVERY_S = 600.0
_ROUND_S = 0.5  # other work of the loop waits meanwhile


class OldLines:
    """Walks through the trials that ended, some a round, and drops the lines of those that ended too long ago.

    Where it is lives in memory: a process that starts walks from the beginning, which finds nothing where nothing is.
    """

    def __init__(self) -> None:
        self._behind_id = 0
        self._rests_until = 0.0

    def drop(self, ledger: Ledger, older_than_s: float) -> int:
        """Drop lines of trials that ended `older_than_s` seconds ago or more, and return how many; 0: no trial is.

        Effects:
            Transactions of a few thousand lines each; what is left after half a second waits for the next round.
        """
        started_at = time.monotonic()
        n = 0
        while older_than_s and self._rests_until <= time.monotonic() < started_at + _ROUND_S:
            with ledger.read() as session:
                trial_ids = outputs.list_ended(session, self._behind_id, older_than_s, _TRIALS_AT_ONCE)
                lines = outputs.find_lines(session, trial_ids, _LINES_AT_ONCE) if trial_ids else []
            if lines:
                with ledger.write() as tx:
                    outputs.drop_lines(tx.session, lines)
                n += len(lines)
            elif trial_ids:
                self._behind_id = trial_ids[-1]
            else:
                self._behind_id, self._rests_until = 0, time.monotonic() + _EVERY_S
        return n
