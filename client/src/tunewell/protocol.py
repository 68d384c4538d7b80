"""The worker's side of Tunewell: register, claim, report, finish.

Our workers speak it, and so can any program that wants to run trials. One call is one request: nothing here retries,
because only the caller knows how long its work may wait. `tunewell.retry.decide_retry` says whether to ask again.

Example:
    >>> with Transport("http://127.0.0.1:8000") as transport:                        # doctest: +SKIP
    ...     protocol = Protocol(transport)
    ...     welcome = protocol.register(Registration("mine", "host", 42, "0.1.0", ("cpu",), 1))
    ...     claim = protocol.claim(welcome.worker_id, ["cpu"], n_max=1)
    ...     for job in claim.attempts:
    ...         points = (MetricPoint("val_accuracy", 1, 0.91),)
    ...         decision = protocol.report(job.attempt_id, job.lease_token, Report(seq=1, step=1, metrics=points))
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO
from urllib.parse import quote

from tunewell._calls import StudyRef, study_path
from tunewell._decode import decode
from tunewell._download import download_verified
from tunewell._evaluation_messages import (
    MAX_RESULT_BYTES,
    EvaluationClaim,
    EvaluationDecision,
    EvaluationFinish,
    EvaluationOrder,
    EvaluationOutcome,
    NetworkFile,
    NetworkMember,
    Progress,
)
from tunewell._messages import (
    MAX_LOG_CHARS,
    MAX_LOGS_PER_REPORT,
    MAX_POINTS_PER_REPORT,
    ArtifactKind,
    Assignment,
    CheckpointRef,
    Claim,
    ClaimDevice,
    Decision,
    DecisionWord,
    Finish,
    Finished,
    LogEntry,
    LogStream,
    MemoryPeak,
    MetricPoint,
    Orders,
    Outcome,
    Registration,
    Report,
    Upload,
    Welcome,
)
from tunewell._run_messages import RunRequest, RunStart, ScriptHost
from tunewell._transport import Params, Transport
from tunewell.about import WorkerTerms
from tunewell.evaluations import Evaluation
from tunewell.fleet import Device, GpuReading, MachineReading
from tunewell.records import Artifact, EvaluationPlan, Objective, Repeats

__all__ = [
    "MAX_LOGS_PER_REPORT",
    "MAX_LOG_CHARS",
    "MAX_POINTS_PER_REPORT",
    "MAX_RESULT_BYTES",
    "Artifact",
    "ArtifactKind",
    "Assignment",
    "CheckpointRef",
    "Claim",
    "ClaimDevice",
    "Decision",
    "DecisionWord",
    "Device",
    "Evaluation",
    "EvaluationClaim",
    "EvaluationDecision",
    "EvaluationFinish",
    "EvaluationOrder",
    "EvaluationOutcome",
    "EvaluationPlan",
    "Finish",
    "Finished",
    "GpuReading",
    "LogEntry",
    "LogStream",
    "MachineReading",
    "MemoryPeak",
    "MetricPoint",
    "NetworkFile",
    "NetworkMember",
    "Objective",
    "Orders",
    "Outcome",
    "Progress",
    "Protocol",
    "Registration",
    "Repeats",
    "Report",
    "RunRequest",
    "RunStart",
    "ScriptHost",
    "Transport",
    "Upload",
    "Welcome",
    "WorkerTerms",
]


class Protocol:
    """The calls of a worker.

    Every method raises a `TunewellError`; `LeaseLost` means: stop the trial and write nothing more for this attempt.

    Args:
        transport: The connection to the server; the caller closes it.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def register(self, registration: Registration) -> Welcome:
        """Join the pool.

        Returns:
            The worker's id, the broker to listen to, and the periods of leases and heartbeats in seconds.
        """
        return decode(Welcome, self._transport.json("POST", "/workers", body=registration.to_json()))

    def check(self, registration: Registration) -> WorkerTerms:
        """Hear what joining would answer, the broker's address with its password too, without joining.

        Raises:
            Forbidden: The token's role lets no worker join.
        """
        return decode(WorkerTerms, self._transport.json("POST", "/workers:check", body=registration.to_json()))

    def heartbeat(self, worker_id: int, machine: MachineReading | None = None) -> Orders:
        """Say that the worker lives, and hear whether it is to go on (`ALIVE`) or to drain (`DRAINING`).

        Args:
            worker_id: As `register` gave it.
            machine: What its machine uses, for people to see.

        Raises:
            NotFound: The server does not know the worker (any more): register again.
        """
        body = {} if machine is None else {"machine": machine.to_json()}
        return decode(Orders, self._transport.json("POST", f"/workers/{worker_id}:heartbeat", body=body))

    def leave(self, worker_id: int) -> None:
        """Say good-bye, so that nobody waits for heartbeats."""
        self._transport.json("POST", f"/workers/{worker_id}:leave", body={})

    def claim(
        self,
        worker_id: int,
        queues: Sequence[str],
        n_max: int = 1,
        *,
        slot: int | None = None,
        device: ClaimDevice | None = None,
    ) -> Claim:
        """Ask for at most `n_max` attempts, all of one study and structure; no attempts means: nothing to do now.

        Args:
            worker_id: As `register` gave it.
            queues: Which to serve.
            n_max: At most so many attempts.
            slot: Which of the worker's slots will train them, so that its other slots count as free.
            device: What they will train on: no more are handed out than fit; None: memory is not looked at.
        """
        body = {"worker_id": worker_id, "queues": list(queues), "n_max": n_max}
        body |= {} if slot is None else {"slot": slot}
        body |= {} if device is None else {"device": device.to_json()}
        return decode(Claim, self._transport.json("POST", "/work:claim", body=body))

    def begin_run(self, study: StudyRef, request: RunRequest) -> RunStart:
        """Begin a run of a script: a trial, its attempt and the lease, in one step; or go on with that run.

        Args:
            study: Id or name.
            request: Its key and parameters.

        Raises:
            NotFound: There is no such study.
            Invalid: Parameters outside the study's space.
            Conflict: `not_for_scripts`: workers train its trials.
        """
        return decode(RunStart, self._transport.json("POST", f"{study_path(study)}/runs", body=request.to_json()))

    def create_study(self, study: Mapping[str, object]) -> None:
        """Submit a study for runs of scripts.

        Raises:
            Invalid: The study breaks a rule.
            Conflict: `name_taken`.
        """
        self._transport.json("POST", "/studies", body=dict(study))

    def report(self, attempt_id: int, lease_token: str, report: Report) -> Decision:
        """Send points, log lines and a heartbeat of an attempt, and hear whether it goes on.

        The same `report.seq` may be sent again: it is stored once.

        Raises:
            LeaseLost: Another worker may own the trial now.
        """
        body = {"lease_token": lease_token, **report.to_json()}
        return decode(Decision, self._transport.json("POST", f"/attempts/{attempt_id}:report", body=body))

    def finish(self, attempt_id: int, lease_token: str, finish: Finish) -> Finished:
        """Close an attempt.

        Raises:
            LeaseLost: Another worker may own the trial now; the result is not stored.
        """
        body = {"lease_token": lease_token, **finish.to_json()}
        return decode(Finished, self._transport.json("POST", f"/attempts/{attempt_id}:finish", body=body))

    def upload_artifact(self, attempt_id: int, lease_token: str, upload: Upload) -> Artifact:
        """Store bytes, or a file that is streamed, as an output of an attempt; the server verifies their hash.

        Raises:
            LeaseLost: Another worker may own the trial now; nothing is stored.
            OSError: The file cannot be read.
        """
        if isinstance(upload.content, bytes):
            return self._put(attempt_id, lease_token, upload, upload.content)
        with upload.content.open("rb") as file:
            return self._put(attempt_id, lease_token, upload, file)

    def download_artifact(self, artifact_id: int, path: Path | str, *, sha256: str) -> Path:
        """Fetch an artifact, such as a checkpoint to resume from; `path` appears whole and verified, or not at all.

        Returns:
            The path of the file.

        Raises:
            ServerFailure: `checksum_mismatch` where the bytes are not those of `sha256`.
            OSError: The file cannot be written.
        """
        return download_verified(self._transport, f"/artifacts/{artifact_id}/content", path, sha256=sha256)

    def download_dataset(self, sha256: str, path: Path | str, tick: Callable[[], None] | None = None) -> Path:
        """Fetch prepared data that somebody brought; `path` appears whole and verified, or not at all.

        Args:
            sha256: The digest that a claim names.
            path: Where the file is to be.
            tick: Called while it comes; what it raises ends that.

        Raises:
            NotFound: `content_not_found`.
            ServerFailure: `checksum_mismatch`.
            OSError: The file cannot be written.
        """
        return download_verified(self._transport, f"/datasets/content/{sha256}", path, sha256=None, tick=tick)

    def download_code(self, sha256: str, path: Path | str) -> Path:
        """Fetch an archive of code that a claim names; `path` appears whole and verified, or not at all.

        Raises:
            NotFound: `code_not_found`.
            OSError: The file cannot be written.
        """
        return download_verified(self._transport, f"/code/{sha256}/content", path, sha256=sha256)

    def claim_evaluation(self, worker_id: int, queues: Sequence[str]) -> EvaluationClaim:
        """Ask for an evaluation to do; without an order there is nothing to do now."""
        body = {"worker_id": worker_id, "queues": list(queues)}
        return decode(EvaluationClaim, self._transport.json("POST", "/evaluations:claim", body=body))

    def renew_evaluation(
        self, evaluation_id: int, lease_token: str, progress: Progress | None = None
    ) -> EvaluationDecision:
        """Say that an evaluation is being done, and how far it is.

        Raises:
            LeaseLost: Another worker may do it now.
        """
        body = {"lease_token": lease_token, **(progress or Progress()).to_json()}
        answer = self._transport.json("POST", f"/evaluations/{evaluation_id}:renew", body=body)
        return decode(EvaluationDecision, answer)

    def finish_evaluation(self, evaluation_id: int, lease_token: str, finish: EvaluationFinish) -> Evaluation:
        """Send an evaluation's result, or hand it back.

        Raises:
            LeaseLost: Another worker may do it now; the result is not stored.
            Invalid: The result is larger than `MAX_RESULT_BYTES`, or no JSON that can be kept.
        """
        body = {"lease_token": lease_token, **finish.to_json()}
        return decode(Evaluation, self._transport.json("POST", f"/evaluations/{evaluation_id}:finish", body=body))

    def _put(self, attempt_id: int, lease_token: str, upload: Upload, content: bytes | IO[bytes]) -> Artifact:
        params: dict[str, str | int | list[str]] = {"kind": upload.kind, "sha256": _sha256(content)}
        if upload.step is not None:
            params["step"] = upload.step
        return self._send(attempt_id, lease_token, upload.name, content, params)

    def _send(
        self, attempt_id: int, lease_token: str, name: str, content: bytes | IO[bytes], params: Params
    ) -> Artifact:
        path = f"/attempts/{attempt_id}/artifacts/{quote(name, safe='')}"
        headers = {"X-Lease-Token": lease_token}
        return decode(Artifact, self._transport.put(path, content, params=params, headers=headers))


def _sha256(content: bytes | IO[bytes]) -> str:
    """Hash, and rewind a file so that it can be sent."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    digest = hashlib.sha256()
    while block := content.read(1 << 20):
        digest.update(block)
    content.seek(0)
    return digest.hexdigest()
