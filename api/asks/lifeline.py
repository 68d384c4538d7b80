"""A process that ends with the process that started it, however that ends."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def die_with_parent(parent_pid: int) -> None:
    """Let the kernel kill this process when the thread that started it ends, even by SIGKILL.

    Linux only; elsewhere this process notices the end of its input once it has answered.

    Source: man 2 prctl, PR_SET_PDEATHSIG.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:  # it ended before the kernel knew what to do
        os._exit(1)
