"""Keep a picture of a running study fresh: from events where the stream holds, by asking where it does not."""

from __future__ import annotations

import itertools
import queue
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from tunewell._pacing import Pacing
from tunewell.errors import TunewellError
from tunewell.records import Event, Study, Trial
from tunewell.retry import decide_retry

MAX_RUNNING_SHOWN = 100
SHORTEST_PAUSE_S = 0.5  # between two fetches, however many events come
STREAMING_PAUSE_S = 10.0  # with a live stream, a fetch only corrects what it may have missed
POLLING_PAUSE_S = 2.0


class EventSource(Protocol):
    """An iterator of events that another thread can close."""

    def __iter__(self) -> Iterator[Event]:
        """Yield events."""

    def close(self) -> None:
        """End the iteration."""


class StudySource(Protocol):
    """The part of a client that following needs."""

    def get_study(self, study: int | str) -> Study:
        """Read a study."""

    def list_trials(
        self, study: int | str, *, state: str = ..., order_by: Literal["started_at"] = ..., page_size: int = ...
    ) -> Iterator[Trial]:
        """Read its trials."""

    def open_events(self, study: int | str | None = None) -> EventSource:
        """Follow its events."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study now: its running trials (the first hundred), the seconds it may still take, and what hinders us."""

    study: Study
    running: tuple[Trial, ...]
    left_s: float | None = None
    trouble: str | None = None


class TimeLeft:
    """Estimate from the speed of the last two minutes; half a trained trial counts as half a trial."""

    def __init__(self, window_s: float = 120.0) -> None:
        self._window_s = window_s
        self._seen: deque[tuple[float, float]] = deque()

    def estimate(self, now: float, study: Study, running: tuple[Trial, ...]) -> float | None:
        """Take the study's progress at `now` (monotonic seconds) and return the seconds left; None while unknown."""
        done = study.n_finished + sum(_fraction(trial) for trial in running)
        if study.state != "RUNNING":
            self._seen.clear()
        self._seen.append((now, done))
        while now - self._seen[0][0] > self._window_s and len(self._seen) > 2:
            self._seen.popleft()
        first_at, first_done = self._seen[0]
        if study.n_planned is None or done <= first_done or now - first_at < 1.0:
            return None
        return max(0.0, (study.n_planned - done) * (now - first_at) / (done - first_done))


class StudyFollower:
    """Follows one study; use it as a context, so that its thread ends.

    Args:
        client: Where to ask.
        study: Id or name; a rename while following does no harm.
        patience_s: Seconds to go on while the server is away.
        pacing: Clock and randomness.

    Raises:
        TunewellError: The study cannot be read at the start.
    """

    def __init__(
        self, client: StudySource, study: int | str, *, patience_s: float = 60.0, pacing: Pacing | None = None
    ) -> None:
        self._client = client
        self._pacing = pacing or Pacing()
        self._patience_s = patience_s
        self._time_left = TimeLeft()
        self._steps: dict[int, tuple[int, int | None]] = {}
        self._n_failures = 0
        first = client.get_study(study)
        self._study_id = first.study_id
        self._snapshot = Snapshot(first, ())
        self._fetched_at = self._answered_at = self._due_at = self._pacing.now()
        self._pump = _Pump(client.open_events(first.study_id))

    def __enter__(self) -> Self:
        """Start to listen."""
        self._pump.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Stop to listen."""
        self._pump.close()

    def update(self, timeout_s: float) -> Snapshot:
        """Wait at most `timeout_s` for news and return what is known then.

        Raises:
            TunewellError: The study is gone, or the server stayed away for `patience_s`.
        """
        for event in self._pump.take(max(0.0, min(timeout_s, self._due_at - self._pacing.now()))):
            self._apply(event)
        if self._pacing.now() >= self._due_at:
            self._fetch()
        return self._snapshot

    def _apply(self, event: Event) -> None:
        if event.kind == "metrics":
            self._note_steps(event.data)
        elif event.kind in {"hello", "reset", "study", "trial"}:
            self._due_at = min(self._due_at, self._fetched_at + SHORTEST_PAUSE_S)

    def _note_steps(self, data: Mapping[str, Any]) -> None:
        batches = data.get("trials", [data])
        for batch in batches if isinstance(batches, list) else []:
            with suppress(TypeError, KeyError, AttributeError):  # a newer server may say it differently: then we ask
                self._steps[batch["trial_id"]] = (int(batch["step"]), batch.get("n_steps"))
        running = tuple(self._with_step(trial) for trial in self._snapshot.running)
        self._snapshot = self._picture(self._snapshot.study, running)

    def _with_step(self, trial: Trial) -> Trial:
        step, n_steps = self._steps.get(trial.trial_id, (None, None))
        if step is None or step <= (trial.step or 0):
            return trial
        return replace(trial, step=step, n_steps=n_steps or trial.n_steps)

    def _fetch(self) -> None:
        try:
            study = self._client.get_study(self._study_id)
            found = self._client.list_trials(
                self._study_id, state="RUNNING", order_by="started_at", page_size=MAX_RUNNING_SHOWN
            )
            running = tuple(itertools.islice(found, MAX_RUNNING_SHOWN))
        except TunewellError as error:
            self._postpone(error)
            return
        self._n_failures = 0
        self._fetched_at = self._answered_at = self._pacing.now()
        self._due_at = self._fetched_at + (STREAMING_PAUSE_S if self._pump.is_alive else POLLING_PAUSE_S)
        self._steps.clear()
        self._snapshot = self._picture(study, running)

    def _picture(self, study: Study, running: tuple[Trial, ...]) -> Snapshot:
        return Snapshot(study, running, self._time_left.estimate(self._pacing.now(), study, running))

    def _postpone(self, error: TunewellError) -> None:
        self._n_failures += 1
        retry = decide_retry(error, self._n_failures, jitter=self._pacing.jitter())
        now = self._pacing.now()
        if retry is None or now - self._answered_at > self._patience_s:
            raise error
        self._due_at = now + retry.delay_s
        self._snapshot = replace(self._snapshot, left_s=None, trouble=error.message)


class _Pump:
    """A thread that moves events into a queue, because reading a stream blocks."""

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="tunewell-events", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether events can still come."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Start to listen."""
        self._thread.start()

    def close(self) -> None:
        """End the stream and wait shortly for the thread."""
        self._source.close()
        self._thread.join(timeout=2.0)

    def take(self, timeout_s: float) -> list[Event]:
        """Wait for an event; return it and all that came meanwhile."""
        found: list[Event] = []
        with suppress(queue.Empty):
            found.append(self._events.get(timeout=timeout_s))
            while True:
                found.append(self._events.get_nowait())
        return found

    def _run(self) -> None:
        # A stream that fails for good is no reason to stop watching: the follower asks instead.
        with suppress(TunewellError):
            for event in self._source:
                self._events.put(event)


def _fraction(trial: Trial) -> float:
    return min(1.0, trial.step / trial.n_steps) if trial.step and trial.n_steps else 0.0
