"""A run under way: a thread that spools what is logged, and one that sends it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tunewell._messages import Decision
from tunewell._transport import Transport
from tunewell.errors import TunewellError
from tunewell.protocol import Protocol
from tunewell.runs.buffer import Buffer
from tunewell.runs.deliver import Deliverer
from tunewell.runs.folder import RunFolder
from tunewell.spool import Spool

log = logging.getLogger("tunewell")
SPOOL_EVERY_S = 0.5
FLUSH_EVERY_S = 10.0
AWAY_WAIT_S = 2.0  # at the end, for a server that does not answer
MakeTransport = Callable[[], Transport]


class Link:
    """Between a script and the server.

    Points are on disk half a second after they were logged, and survive the process from then on; every ten seconds,
    and at the end, the disk is told to keep them, so that they survive the machine.

    Args:
        folder: The run's.
        max_bytes: How much its spool may hold.
        transport: Makes the way to the server; None: nothing is sent.
    """

    def __init__(self, folder: RunFolder, max_bytes: int, transport: MakeTransport | None) -> None:
        self.folder = folder
        self._spool: Spool = folder.spool()
        self.buffer = Buffer(self._spool, max_bytes)
        self._transport = transport
        self._stop = threading.Event()
        self._due = threading.Event()
        self._grown = threading.Event()
        self._deliverer: Deliverer | None = None
        self._threads = [threading.Thread(target=self._write, name="tunewell-spool", daemon=True)]
        if transport is not None:
            client = transport()
            self._deliverer = Deliverer(folder, Protocol(client), self._stop.wait, self._spool.take_refused)
            self._close_client: Callable[[], None] = client.close
            self._threads.append(threading.Thread(target=self._send, name="tunewell-send", daemon=True))
        self.refusal: TunewellError | None = None

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    @property
    def decision(self) -> Decision | None:
        """The server's last answer."""
        return None if self._deliverer is None else self._deliverer.decision

    @property
    def deliverer(self) -> Deliverer | None:
        """What sends; None offline."""
        return self._deliverer

    @property
    def is_cut(self) -> bool:
        """Whether nothing can be delivered now: offline, refused, over, or the server is away."""
        sender = self._deliverer
        return sender is None or self.refusal is not None or sender.is_over or sender.is_away

    def upload(self, name: str, kind: str, source: Path | bytes, step: int | None) -> None:
        """Send a copy of a file, after what was logged before.

        Raises:
            OSError: It cannot be read, or not be kept.
        """
        kept = self.folder.keep_file(source, name)
        self.buffer.drain()
        self._spool.upload(name=name, kind=kind, path=kept, step=step)
        self._grown.set()

    def download(self, artifact_id: int, sha256: str, path: Path) -> None:
        """Fetch an artifact; it appears whole and verified, or not at all.

        Raises:
            TunewellError: It cannot be fetched.
            OSError: The file cannot be written.
        """
        assert self._transport is not None, "offline nothing is known of artifacts"
        with self._transport() as transport:
            Protocol(transport).download_artifact(artifact_id, path, sha256=sha256)

    def relay(self, body: Mapping[str, Any]) -> None:
        """Report what another process has spooled, after what was logged before."""
        self.buffer.drain()
        self._spool.report({name: value for name, value in body.items() if name != "seq"})
        self._grown.set()

    def deliver(self, wait_s: float) -> bool:
        """Wait until the server has heard what was logged so far. Returns whether it has.

        A server that is away is not waited for.
        """
        self.buffer.drain()
        self._grown.set()
        sender, n = self._deliverer, self._spool.n_appended
        if sender is None:
            return False
        deadline = time.monotonic() + wait_s
        with sender.progress:
            while sender.n_sent < n and not self.is_cut:
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    break
                sender.progress.wait(min(left_s, 1.0))
        return sender.n_sent >= n

    def finish(self, body: Mapping[str, Any], wait_s: float) -> bool:
        """Say how the run ended and wait for the server to hear it. Returns whether it has heard all.

        Effects:
            Ends the threads; a run of which everything was heard leaves no files.
        """
        self.buffer.drain()
        if self.buffer.n_left_out:
            self._note(f"{self.buffer.n_left_out} points and lines are left out: the spool had reached its limit")
        self._spool.finish(body)
        self._spool.flush()
        if self._deliverer is not None and self._deliverer.is_away:
            wait_s = min(wait_s, AWAY_WAIT_S)
        is_heard = self._await_end(wait_s)
        self.stop()
        if is_heard:
            self.folder.discard()
        else:
            self.folder.release()
        return is_heard

    def stop(self) -> None:
        """End the threads, delivered or not; what is left stays on disk."""
        self._stop.set()
        self._due.set()
        self._grown.set()
        for thread in self._threads:
            if thread.is_alive() and thread is not threading.current_thread():
                thread.join(timeout=5.0)
        self._spool.close()

    def abandon(self) -> None:
        """Have nothing to do with the run any more: in a forked child it is the parent's."""
        self.buffer.forget()
        self._deliverer = None
        self._spool.close()
        self.folder.release()

    def _await_end(self, wait_s: float) -> bool:
        sender = self._deliverer
        if sender is None:
            return False
        self._grown.set()
        deadline = time.monotonic() + wait_s
        with sender.progress:
            while not sender.has_ended and self.refusal is None and time.monotonic() < deadline:
                sender.progress.wait(min(0.2, wait_s))
        return sender.is_finished

    def _note(self, text: str) -> None:
        at = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
        self._spool.report({"step": None, "n_steps": None, "metrics": [], "logs": [("system", at, text)]})

    def _write(self) -> None:
        flushed_at = time.monotonic()
        is_dirty = False
        while not self._stop.is_set():
            self._due.wait(SPOOL_EVERY_S)
            if self._stop.is_set():
                return
            try:
                if self.buffer.drain():
                    is_dirty = True
                    self._grown.set()
            except (OSError, ValueError) as error:
                log.warning("what was logged cannot be spooled: %s", error)
            if is_dirty and time.monotonic() - flushed_at > FLUSH_EVERY_S:
                self._spool.flush()
                flushed_at, is_dirty = time.monotonic(), False

    def _send(self) -> None:
        sender = self._deliverer
        assert sender is not None
        try:
            self._send_all(sender)
        except TunewellError as error:
            self.refusal = error
            log.warning("this run is kept in %s, because the server refuses it: %s", self.folder.path, error)
        except (OSError, ValueError, KeyError) as error:
            log.warning("this run is kept in %s, because it cannot be sent: %s", self.folder.path, error)
            sender.is_away = True
        finally:
            with sender.progress:
                sender.progress.notify_all()
            sender.close()
            self._close_client()

    def _send_all(self, sender: Deliverer) -> None:
        if not sender.open():
            return
        while not (self._stop.is_set() or sender.has_ended):
            if self._grown.wait(max(0.0, sender.beat_at_s - time.monotonic())):
                self._grown.clear()
                sender.deliver()
                sender.forget_sent(self._spool.forget_read, self._spool.size_bytes())
            if not sender.has_ended and time.monotonic() >= sender.beat_at_s:
                sender.beat()
