"""The processes that descend from this one."""

import signal
from collections.abc import Collection

import psutil


def children_now() -> frozenset[psutil.Process]:
    """Return this process's own children as they are now, without theirs."""
    return frozenset(psutil.Process().children())


def descendants(strangers: Collection[psutil.Process] = ()) -> list[psutil.Process]:
    """Return all descendants of this process, except these children and what descends from them."""
    found = []
    for child in children_now().difference(strangers):
        found.append(child)
        try:
            found += child.children(recursive=True)
        except psutil.NoSuchProcess:
            continue
    return found


def end_descendants(strangers: Collection[psutil.Process], grace_s: float = 5.0) -> None:
    """End all descendants except these children's families: SIGTERM, some seconds of grace, SIGKILL."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        family = descendants(strangers)
        for process in family:
            _send(process, signum)
        psutil.wait_procs(family, timeout=grace_s)


def _send(process: psutil.Process, signum: signal.Signals) -> None:
    try:
        process.send_signal(signum)
    except psutil.NoSuchProcess:
        return
