"""Wake-up tokens for idle workers.

A token says nothing but "look for work". Losing, doubling or delaying one costs nothing: workers ask the API what to
do, and the reconcile loop rings again for work that waits. So publishing happens on a thread of its own, tries
once, and gives up quietly when the broker is away.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter

from celery import Celery

TASK = "tunewell.wake"
_EXPIRES_S = 60
_MAX_TOKENS = 64  # idle workers share the news: each that finds work keeps claiming
log = logging.getLogger(__name__)


def make_producer(broker_url: str, key_prefix: str) -> Celery:
    """Return a Celery application that only publishes, and never blocks for long."""
    app = Celery("tunewell-api", broker=broker_url, set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_timeout=3,
        broker_transport_options={
            "global_keyprefix": key_prefix,
            "socket_timeout": 3,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "retry_policy": {"max_retries": 0},
        },
        task_publish_retry=True,
        task_publish_retry_policy={"max_retries": 1, "interval_start": 0, "interval_max": 0.1},
    )
    return app


class Doorbell:
    """Collects rings and publishes them from a background thread.

    Args:
        app: Publishes the tokens.
    """

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._pending: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="doorbell", daemon=True)
        self._failed_at: float | None = None

    @property
    def is_working(self) -> bool:
        """False after a failed publication, until one succeeds."""
        return self._failed_at is None

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def close(self) -> None:
        """Stop publishing; what is pending is dropped."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        self._app.close()

    def ring(self, queue: str, n: int) -> None:
        """Wake up to `n` workers of `queue`, soon. Returns at once."""
        with self._changed:
            self._pending[queue] = min(_MAX_TOKENS, self._pending[queue] + n)
            self._changed.notify()

    def ping(self) -> None:
        """Raise what the transport raises if the broker does not answer."""
        with self._app.connection_for_write(connect_timeout=3) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=3)

    def _run(self) -> None:
        while (batch := self._take()) is not None:
            for queue, n in batch.items():
                self._publish(queue, n)

    def _take(self) -> Counter[str] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._is_closing)
            if self._is_closing:
                return None
            batch, self._pending = self._pending, Counter()
            return batch

    def _publish(self, queue: str, n: int) -> None:
        try:
            for _ in range(n):
                self._app.send_task(TASK, args=[queue], queue=queue, expires=_EXPIRES_S, ignore_result=True)
            self._failed_at = None
        except Exception as error:  # the transport raises many kinds; the reconcile loop rings again
            if self._failed_at is None:
                log.warning("cannot wake workers of %s: %s (the reconcile loop will try again)", queue, error)
            self._failed_at = time.monotonic()
