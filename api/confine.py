"""Become a program that may take only so much: `python -m api.confine PARENT_PID MEMORY_BYTES FILE_BYTES MODULE ...`.

The limits are set here and outlive the exec, which a server with many threads cannot do safely between fork and exec.
"""

from __future__ import annotations

import os
import resource
import sys

from api.asks.lifeline import die_with_parent


def main(arguments: list[str]) -> None:
    """Take the limits on, and become the module."""
    parent_pid, memory_bytes, file_bytes, *module = arguments
    die_with_parent(int(parent_pid))
    _limit(resource.RLIMIT_AS, int(memory_bytes))
    _limit(resource.RLIMIT_FSIZE, int(file_bytes))
    _limit(resource.RLIMIT_CORE, 0)
    os.execv(sys.executable, [sys.executable, "-m", *module])  # noqa: S606 - a module of ours, named by our code


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (value if hard == resource.RLIM_INFINITY else min(value, hard),) * 2)


if __name__ == "__main__":
    main(sys.argv[1:])
