"""Deliver a spool to the server: in order, patiently, until the finish was heard or the lease is lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tunewell.delivery import MAX_REASON_CHARS, clean, persist, read_finish, read_report
from tunewell.errors import LeaseLost, NotFound, ServerFailure, ServerUnreachable, TunewellError
from tunewell.protocol import Decision, Finish, Protocol, Report, Upload
from tunewell.spool import Entry

from worker.outbox import OutboxReader

log = logging.getLogger(__name__)
More: TypeAlias = Callable[[int], Iterable[Entry]]


class Sender:
    """Sends one attempt's spool from a thread of its own.

    It gives the attempt's signs of life too: whatever the supervisor is busy with, the lease is renewed as long as its
    process lives.

    Args:
        protocol: The way to the server.
        path: The spool.
        heartbeat_s: Longest silence.
        more: Returns what the spool could not take, given how many entries were read from it.

    Raises:
        OSError: The spool cannot be read.
        ValueError: It was cut off in its first line.
    """

    def __init__(self, protocol: Protocol, path: Path, heartbeat_s: float, more: More = lambda _: []) -> None:
        self._protocol = protocol
        self._more = more
        self._heartbeat_s = heartbeat_s
        self._beat_at_s = time.monotonic() + heartbeat_s
        self._reader = OutboxReader(path)
        self._grown = threading.Event()
        self._give_up = threading.Event()
        self.ended = threading.Event()
        self.decision: Decision | None = None
        self.is_lease_lost = False
        self.is_finished = False
        self.n_sent = 0
        self._thread = threading.Thread(target=self._run, name=f"sender-{path.stem}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that the spool has grown."""
        self._grown.set()

    def stop(self) -> None:
        """End soon, delivered or not."""
        self._give_up.set()
        self._grown.set()
        self._thread.join(timeout=40)

    def _run(self) -> None:
        try:
            while not (self.is_finished or self._give_up.is_set()):
                if self._grown.wait(max(0.0, self._beat_at_s - time.monotonic())):
                    self._grown.clear()
                    self._drain()
                if not self.is_finished and time.monotonic() >= self._beat_at_s:
                    self._beat()
        except (LeaseLost, NotFound):  # NotFound: the study was deleted for good
            self.is_lease_lost = True
        except TunewellError as error:
            self._give_in(f"the server refused a report: {error}", is_retryable=isinstance(error, ServerFailure))
        except (OSError, ValueError, KeyError) as error:
            self._give_in(f"the worker cannot read what it has to send: {error}", is_retryable=True)
        finally:
            self._reader.close()
            self.ended.set()

    def _give_in(self, reason: str, *, is_retryable: bool) -> None:
        """End the attempt with the reason why its reports end; trying again would end the same way."""
        attempt_id, token = self._reader.attempt_id, self._reader.lease_token
        log.error("attempt %s is ended: %s", attempt_id, reason)
        finish = Finish("CRASHED", clean(reason, MAX_REASON_CHARS), {}, is_retryable=is_retryable)
        try:
            persist(lambda: self._protocol.finish(attempt_id, token, finish), self._pause)
        except TunewellError as error:
            log.error("attempt %s: nor does the server take its end: %s", attempt_id, error)
        self.is_lease_lost = True

    def _drain(self) -> None:
        for entry in self._entries():
            if self._give_up.is_set():
                return
            is_gone = entry.kind == "upload" and not Path(entry.body["path"]).is_file()
            if not is_gone:  # else sent before a crash, or replaced by a newer one
                answer = persist(lambda entry=entry: self._send(entry), self._pause)  # type: ignore[misc]
                if answer is None:
                    return
                self._beat_at_s = time.monotonic() + self._heartbeat_s
                if isinstance(answer, Decision):
                    self.decision = answer
            self.n_sent += 1
            self.is_finished = entry.kind == "finish"

    def _entries(self) -> Iterator[Entry]:
        yield from self._reader.entries()
        yield from self._more(self._reader.n_read)

    def _pause(self, delay_s: float) -> bool:
        # Never longer than a heartbeat: a server that comes back waits for a sign of life before it takes leases away.
        return self._give_up.wait(min(delay_s, self._heartbeat_s))

    def _beat(self) -> None:
        self._beat_at_s = time.monotonic() + self._heartbeat_s
        try:
            self.decision = self._protocol.report(self._reader.attempt_id, self._reader.lease_token, Report(seq=0))
        except (ServerUnreachable, ServerFailure) as error:
            log.warning("no sign of life from attempt %s: %s", self._reader.attempt_id, error)

    def _send(self, entry: Entry) -> object:
        attempt_id, token = self._reader.attempt_id, self._reader.lease_token
        if entry.kind == "report":
            return self._protocol.report(attempt_id, token, read_report(entry.body))
        if entry.kind == "upload":
            return self._upload(entry.body)
        return self._protocol.finish(attempt_id, token, read_finish(entry.body))

    def _upload(self, body: Mapping[str, Any]) -> object:
        path = Path(body["path"])
        upload = Upload(name=body["name"], kind=body["artifact_kind"], content=path, step=body["step"])
        try:
            answer = self._protocol.upload_artifact(self._reader.attempt_id, self._reader.lease_token, upload)
        except FileNotFoundError:
            return path  # replaced by a newer checkpoint a moment ago
        if body["artifact_kind"] == "checkpoint":
            path.unlink(missing_ok=True)
        return answer
