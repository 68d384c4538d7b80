"""What a worker runs with. Read once, when it joins."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tunewell.environments import Environment
from tunewell.system.environment import read_environment as read_any

ROOT = Path(__file__).resolve().parent.parent


def read_environment(gpus: Iterable[str] = ()) -> Environment:
    """Return what this process runs with, and the commit of our own code. Imports nothing that it names.

    Args:
        gpus: Names of the machine's GPUs.
    """
    return read_any(ROOT, gpus)
