"""How many cores a process has."""

from __future__ import annotations

import os


def allowed_cores() -> int:
    """Return the number of cores that this process may run on, which an affinity can make fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
