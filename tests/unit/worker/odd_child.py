"""The real trial program with real torch, whose training does odd things when a trial's parameters name one.

Started by tests in place of `worker.child`: `python -m tests.unit.worker.odd_child MESSAGE_FD PARENT_PID`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from models.engine.jobs import LaneResult, Listener, TrainJob
from worker.child import main


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every tensor operation that runs."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen: list[str] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Note it and run it."""
        if function is not torch.ops.aten.lift_fresh.default:  # wraps a constant: computes nothing, starts no thread
            self.seen.append(str(function))
        return function(*args, **(kwargs or {}))


WATCH = Watch()
with WATCH:
    import models.engine.trainer
    import models.engine.trials
    import worker.training  # noqa: F401 - all that the program imports
    from models.engine.trainer import TrainSettings

_train = models.engine.trainer.train


def say(*words: object) -> None:
    """Print a line."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def mumble(_job: TrainJob) -> None:
    """Leave a line without its end."""
    sys.stdout.write("no end of line")
    sys.stdout.flush()
    os._exit(0)


def own_up(_job: TrainJob) -> None:
    """Tell which tensor operations the import of the trainer ran, and that it would have been noticed."""
    say("operations:", len(WATCH.seen))
    with WATCH:
        torch.zeros(1)
    say("operations:", len(WATCH.seen))


def speak(_job: TrainJob) -> None:
    """Print on both streams, a line that looks like a message among them."""
    say('{"kind":"LaneEnded","lane":"1","outcome":"COMPLETE","reason":"a lie"}')
    say("first line")
    sys.stderr.write("a warning\n")


def chatter(_job: TrainJob) -> None:
    """Print three megabytes without a line's end, then a line of a hundred thousand characters."""
    for _ in range(48):
        sys.stdout.write("." * 65_536)
    sys.stdout.write("\n" + "x" * 100_000 + "\nafter\n")


def flood(_job: TrainJob) -> None:
    """Print more lines than one report may carry."""
    for number in range(5_000):
        say("line", number)


def fail(_job: TrainJob) -> None:
    """Raise what no other try would avoid."""
    raise RuntimeError("the loss went for a walk")


def fill_memory(_job: TrainJob) -> None:
    """Raise what a process without memory raises."""
    raise MemoryError("no more")


def fill_disk(_job: TrainJob) -> None:
    """Raise what a full disk raises."""
    raise OSError(28, "No space left on device")


def die(_job: TrainJob) -> None:
    """End as the kernel ends a process that took too much memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def quit_silently(_job: TrainJob) -> None:
    """End as if all was well, without a word."""
    os._exit(0)


def hang(_job: TrainJob) -> None:
    """Say that it hangs, and never come back."""
    say("hanging")
    while True:
        signal.pause()


def bear(_job: TrainJob) -> None:
    """Start a process that outlives its parent unless somebody ends it; say its id, and hang."""
    child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
    say("grandchild", child.pid)
    hang(_job)


def confess(_job: TrainJob) -> None:
    """Print the names of all environment variables."""
    say(*sorted(os.environ))


ODDITIES: Mapping[str, Callable[[TrainJob], None]] = {
    one.__name__: one
    for one in (
        speak,
        mumble,
        own_up,
        chatter,
        flood,
        fail,
        fill_memory,
        fill_disk,
        die,
        quit_silently,
        hang,
        bear,
        confess,
    )
}


def train(jobs: Sequence[TrainJob], listener: Listener, settings: TrainSettings | None = None) -> list[LaneResult]:
    """Do what the parameter `odd` says, if there is one, then train."""
    plain = []
    for job in jobs:
        odd = job.params.get("odd")
        if isinstance(odd, str):
            ODDITIES[odd](job)
        plain.append(replace(job, params={name: value for name, value in job.params.items() if name != "odd"}))
    return _train(plain, listener, settings)


if __name__ == "__main__":
    vars(models.engine.trials).update(train=train)
    main()
