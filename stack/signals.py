"""Ctrl-C, `kill` and a closed terminal all mean: stop in order."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """Somebody wants the stack to stop."""

    def __init__(self, signum: signal.Signals) -> None:
        """Keep the signal."""
        super().__init__(signum.name)
        self.signum = signum


@contextmanager
def stop_on_signals() -> Iterator[None]:
    """Raise `StopRequested` in the main thread when a stop signal arrives; afterwards the old handlers are back.

    A signal that was ignored before, as `nohup` and background jobs have it, stays ignored.
    """
    with _handled_by(_stop):
        yield


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Let no stop signal interrupt what must run to its end, such as stopping."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def _handled_by(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> Iterator[None]:
    wanted = [signum for signum in STOP_SIGNALS if signal.getsignal(signum) is not signal.SIG_IGN]
    old = {signum: signal.signal(signum, handler) for signum in wanted}
    try:
        yield
    finally:
        for signum, former in old.items():
            signal.signal(signum, former)


def _stop(signum: int, _frame: FrameType | None) -> None:
    raise StopRequested(signal.Signals(signum))
