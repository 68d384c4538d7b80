"""Bring a run to the server: begin it, send its spool in order, take it up again where the lease was lost."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tunewell._messages import Decision, Report, Upload
from tunewell._run_messages import RunStart
from tunewell.delivery import persist, read_finish, read_report
from tunewell.errors import Conflict, LeaseLost, NotFound, TunewellError
from tunewell.protocol import Protocol
from tunewell.retry import decide_retry
from tunewell.runs.folder import Header, RunFolder, request_of, start_json
from tunewell.spool import Entry

log = logging.getLogger("tunewell")
COMPACT_BYTES = 16 << 20
_MAX_REOPENINGS = 100  # in a row, without a report in between


class Deliverer:
    """Sends one run; used by one thread at a time.

    Args:
        folder: The run.
        protocol: The way to the server.
        pause: Waits so many seconds, and answers whether to give up.
        more: Returns what the disk did not take, given how many entries were read from it.

    Attributes:
        decision: The last answer; None before the first.
        n_sent: Entries that the server has heard.
        is_finished: The server has heard the end.
        is_over: The run ended without us: it was stopped, its study was deleted, or somebody else goes on with it.
        is_away: The server did not answer the last time.
    """

    def __init__(
        self,
        folder: RunFolder,
        protocol: Protocol,
        pause: Callable[[float], bool],
        more: Callable[[int], Iterable[Entry]] = lambda _: (),
    ) -> None:
        self._folder = folder
        self._protocol = protocol
        self._wait = pause
        self._more = more
        self._reader = folder.reader()
        self._start = folder.start
        self._n_reopened = 0
        self.beat_at_s = 0.0
        self.decision: Decision | None = None
        self.n_sent = 0
        self.is_finished = False
        self.is_over = False
        self.is_away = False
        self.progress = threading.Condition()

    @property
    def start(self) -> RunStart | None:
        """What the server answered when the run began; None until it did."""
        return self._start

    @property
    def heartbeat_s(self) -> float:
        """The longest silence."""
        return 10.0 if self._start is None else self._start.heartbeat_s

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing more to send."""
        return self.is_finished or self.is_over

    def open(self) -> bool:
        """Begin the run, or find it again. Returns False where `pause` gave up.

        Raises:
            TunewellError: A refusal that repeating would not change.
        """
        if self._start is None or self._start.attempt is None:
            return self._begin()
        return True

    def deliver(self) -> None:
        """Send what the spool holds.

        Raises:
            TunewellError: A refusal that repeating would not change.
        """
        for entry in self._entries():
            if not self._send_surely(entry):
                return
            with self.progress:
                self.n_sent += 1
                self.is_finished = entry.kind == "finish" and not self.is_over
                self.progress.notify_all()
            if self.has_ended:
                return

    def beat(self) -> None:
        """Give a sign of life, unless the server is away."""
        self._put_off_beat()
        try:
            self._with_lease(lambda start: self._report(start, Report(seq=0)))
            self.is_away = False
        except TunewellError as error:
            if decide_retry(error, 1, jitter=0.0) is None:
                raise
            self.is_away = True

    def close(self) -> None:
        """Read no more."""
        self._reader.close()

    def forget_sent(self, forget: Callable[[Any], bool], size_bytes: int) -> None:
        """Empty a long spool of which the server has heard everything."""
        if size_bytes > COMPACT_BYTES:
            forget(self._reader)

    def _entries(self) -> Iterator[Entry]:
        yield from self._reader.entries()
        yield from self._more(self._reader.n_read)

    def _send_surely(self, entry: Entry) -> bool:
        """Send until the server has heard it. Returns False where that was given up."""
        if entry.kind == "report" and self._start is not None and entry.body["seq"] <= self._start.last_seq:
            return True  # stored before: an earlier attempt sent it
        done = persist(lambda: self._try(entry), self._pause)
        return done is not None or self.is_over

    def _try(self, entry: Entry) -> object:
        answer = self._with_lease(lambda start: self._send(start, entry))
        self.is_away = False
        self._put_off_beat()
        return answer or True

    def _with_lease(self, send: Callable[[RunStart], object]) -> object:
        """Send; where the lease was lost, go on with a new one."""
        while not self.is_over:
            start = self._start
            assert start is not None, "the run was not begun"
            try:
                answer = send(start)
            except (LeaseLost, NotFound) as error:
                log.info("the lease of this run was lost: %s", error)
                self._reopen()
                continue
            self._n_reopened = 0
            return answer
        return True

    def _reopen(self) -> None:
        self._n_reopened += 1
        request = request_of(self._folder.header.request)
        if not request.is_own:
            self._end("somebody else goes on with this trial")
            return
        if self._n_reopened > _MAX_REOPENINGS:
            self._end("its lease is lost time and again")
            return
        try:
            self._take(self._protocol.begin_run(self._folder.header.study, request))
        except (NotFound, Conflict) as error:
            self._end(str(error))

    def _end(self, why: str) -> None:
        log.warning("this run ended without its script: %s; what it still had to say is not kept", why)
        self.is_over = True

    def _begin(self) -> bool:
        header = self._folder.header
        start = persist(lambda: self._begin_in(header), self._pause)
        if start is None:
            return False
        self.is_away = False
        self._take(start)
        return True

    def _begin_in(self, header: Header) -> RunStart:
        request = request_of(header.request)
        try:
            return self._protocol.begin_run(header.study, request)
        except NotFound:
            if header.new_study is None:
                raise
        try:
            self._protocol.create_study(header.new_study)
        except Conflict as error:  # another run was faster
            log.debug("not made: %s", error)
        return self._protocol.begin_run(header.study, request)

    def _take(self, start: RunStart) -> None:
        """Go on with what the server answered, and keep it."""
        self._start = start
        self._put_off_beat()
        self._folder.save(dataclasses.replace(self._folder.header, start=start_json(start)))
        if start.attempt is None and start.trial_state is not None:
            self._end(f"it is {start.trial_state} already")

    def _send(self, start: RunStart, entry: Entry) -> object:
        attempt = start.attempt
        assert attempt is not None
        if entry.kind == "report":
            return self._report(start, read_report(entry.body))
        if entry.kind == "finish":
            return self._protocol.finish(attempt.attempt_id, attempt.lease_token, read_finish(entry.body))
        return self._upload(start, entry.body)

    def _report(self, start: RunStart, report: Report) -> object:
        attempt = start.attempt
        assert attempt is not None
        self.decision = self._protocol.report(attempt.attempt_id, attempt.lease_token, report)
        return self.decision

    def _upload(self, start: RunStart, body: Mapping[str, Any]) -> object:
        path, attempt = Path(body["path"]), start.attempt
        assert attempt is not None
        upload = Upload(name=body["name"], kind=body["artifact_kind"], content=path, step=body["step"])
        try:
            answer = self._protocol.upload_artifact(attempt.attempt_id, attempt.lease_token, upload)
        except FileNotFoundError:  # sent before
            return path
        path.unlink(missing_ok=True)
        return answer

    def _pause(self, delay_s: float) -> bool:
        self.is_away = True
        with self.progress:
            self.progress.notify_all()
        return self._wait(min(delay_s, self.heartbeat_s))

    def _put_off_beat(self) -> None:
        self.beat_at_s = time.monotonic() + self.heartbeat_s
