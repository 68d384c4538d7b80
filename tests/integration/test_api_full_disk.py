"""A server whose disk is full says so, and takes the same request once there is room; no trial fails for it."""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any

import pytest
from tunewell.errors import ServerBusy
from tunewell.protocol import Protocol, Transport, Upload
from tunewell.retry import decide_retry

from api.store import ArtifactStore
from tests.servers.api import Caller, Served

CONTENT = b"weights" * 100


def fail_with(patch: pytest.MonkeyPatch, code: int) -> None:
    """Let the store's disk refuse to take anything."""

    def refuse(_store: ArtifactStore, chunks: Iterable[bytes], *_: Any) -> int:
        for _chunk in chunks:
            pass  # an answer to a request that was not read to its end may be lost
        raise OSError(code, "the disk says no")

    patch.setattr(ArtifactStore, "_receive", refuse)


def test_a_full_disk_is_told_and_passes(live_api: Served, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    caller.create("full")
    worker_id = caller.join("full")
    (job,) = caller.claim(worker_id, "full")
    with Transport(live_api.address) as transport, monkeypatch.context() as patch:
        for code in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            fail_with(patch, code)
            answer = caller.upload(job, "net.json", CONTENT, status=503)
            assert (answer["error"]["code"], "full" in answer["error"]["message"]) == ("disk_full", True)
        with pytest.raises(ServerBusy) as busy:
            Protocol(transport).upload_artifact(
                job["attempt_id"], job["lease_token"], Upload("net.json", "file", CONTENT)
            )
        assert decide_retry(busy.value, 1, jitter=0.0) is not None  # so workers and scripts wait and ask again
    assert caller.upload(job, "net.json", CONTENT)["n_bytes"] == len(CONTENT)
    fail_with(monkeypatch, errno.EIO)  # last: after a bug's answer the server ends the connection
    assert caller.upload(job, "net.json", CONTENT, status=500)["error"]["code"] == "internal_error"
