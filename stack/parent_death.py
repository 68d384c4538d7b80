"""Children that do not outlive their parent, and grandchildren that stay in sight.

A parent that is killed with SIGKILL runs no clean-up code, so only the kernel can end its children. Linux offers that
as `PR_SET_PDEATHSIG`; elsewhere the functions here do nothing, and an orderly stop is all there is.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""Both from `linux/prctl.h`."""


def die_with_parent(signum: signal.Signals = signal.SIGKILL) -> Callable[[], None] | None:
    """Return a function for `subprocess.Popen(preexec_fn=...)` that ties the child to the calling thread.

    The kernel sends the signal when the *thread* that started the child ends, so start such children from a thread
    that lives as long as they should. The setting survives exec, and is lost when the child changes its user; `Popen`
    changes the user before it calls the function, so both can be combined.

    Args:
        signum: What the child receives when its parent dies.

    Returns:
        The function, or None where the kernel has no such signal.

    Source: man 2 prctl, PR_SET_PDEATHSIG.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: the child must not take the loader's lock
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl, and no signal will come
            os._exit(128 + int(signum))

    return ask_kernel


def adopt_orphans() -> None:
    """Make this process the parent of every descendant that loses its own (Linux; elsewhere nothing).

    Source: man 2 prctl, PR_SET_CHILD_SUBREAPER.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
