"""Files that a killed process left half written in the stores, removed now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from api.store import ArtifactStore

_EVERY_S = 30.0
log = logging.getLogger(__name__)


class Halves:
    """Looks for them again and again, beginning with the first call.

    Args:
        stores: Where to look.
        clock: Seconds that never go back.
    """

    def __init__(self, stores: Sequence[ArtifactStore], clock: Callable[[], float] = time.monotonic) -> None:
        self._stores = stores
        self._clock = clock
        self._rests_until = -1.0

    def drop(self) -> int:
        """Remove what there is, unless that was done a moment ago, and return how many files.

        Effects:
            Lists one folder of each store.
        """
        if self._clock() < self._rests_until:
            return 0
        self._rests_until = self._clock() + _EVERY_S
        n = sum(store.drop_halves() for store in self._stores)
        if n:
            log.info("removed %s half-written files that killed processes left", n)
        return n
