"""One search in simulated time: workers take the seconds that a training took when its cell was tabulated."""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass

from benchmarks.search.peers import Peer
from benchmarks.search.tasks import Task


@dataclass(frozen=True, slots=True)
class Run:
    """What a search found.

    Attributes:
        losses: Of each trial, in the order in which they were asked for.
        ask_s: CPU seconds of each ask with the tells before it.
    """

    losses: list[float]
    ask_s: list[float]


def simulate(peer: Peer, task: Task, n_trials: int, n_workers: int) -> Run:
    """Run a search whose workers are asked for as soon as they are free.

    Args:
        peer: Proposes.
        task: Answers.
        n_trials: How many trials are asked for, at least 1.
        n_workers: How many run at once, at least 1.

    Returns:
        All trials; those still running when the last one was asked for are finished.

    Raises:
        RuntimeError: The peer gives no parameters and has no trial to wait for.
    """
    losses: list[float] = []
    ask_s: list[float] = []
    running: list[tuple[float, int]] = []
    now_s = 0.0
    for number in range(n_trials):
        began_s = time.process_time()
        params = None if len(running) == n_workers else peer.ask()
        while params is None:
            if not running:
                raise RuntimeError(f"no parameters for trial {number}, and no trial is running to wait for")
            now_s, finished = heapq.heappop(running)
            peer.tell(finished, losses[finished])
            params = peer.ask()
        ask_s.append(time.process_time() - began_s)
        loss, seconds = task.evaluate(params)
        losses.append(loss)
        heapq.heappush(running, (now_s + seconds, number))
    return Run(losses, ask_s)
