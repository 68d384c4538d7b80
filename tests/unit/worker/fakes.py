"""A server that takes what workers send and remembers it, and values to send."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tunewell.errors import Invalid, LeaseLost, NotFound, Problem, ServerBusy, ServerUnreachable, TunewellError
from tunewell.protocol import (
    Artifact,
    Assignment,
    Claim,
    ClaimDevice,
    Decision,
    Evaluation,
    EvaluationClaim,
    EvaluationDecision,
    EvaluationFinish,
    EvaluationOrder,
    Finish,
    Finished,
    Objective,
    Progress,
    Protocol,
    Report,
    Transport,
    Upload,
)
from tunewell.records import ParamValue
from tunewell.system.usage import PREFIX

from tests.servers.waiting import wait_until

TOKEN = "lease-of-a-test"
AWAY = ServerUnreachable(Problem("server_unreachable", "nothing listens there"))
BUSY = ServerBusy(Problem("busy", "come back later", status=503, retry_after_s=120.0))
LOST = LeaseLost(Problem("lease_lost", "somebody else's now", status=409))
REFUSED = Invalid(Problem("metric_name", "no such name", field="metrics.0.name", status=422))


@dataclass(slots=True)
class Heard:
    """All that arrived for one attempt, in its order."""

    kinds: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    uploads: list[tuple[str, int | None, bytes]] = field(default_factory=list)
    artifact_kinds: dict[str, str] = field(default_factory=dict)
    finishes: list[Finish] = field(default_factory=list)
    n_beats: int = 0

    @property
    def steps(self) -> list[int]:
        """Steps of all metric points, as they came; those of the machine's curves are seconds, and left out."""
        points = [point for report in self.reports for point in report.metrics]
        return [point.step for point in points if not point.name.startswith(PREFIX)]

    @property
    def lines(self) -> list[tuple[str, str]]:
        """Stream and text of all log lines, as they came."""
        return [(line.stream, line.text) for report in self.reports for line in report.logs]

    @property
    def text(self) -> str:
        """All log lines."""
        return "\n".join(text for _, text in self.lines)


class FakeServer(Protocol):
    """Answers like the real one: a repeated sequence number is stored once, an ended attempt is closed.

    Attributes:
        failures: What the next calls raise, one each, before anything is stored.
        decision: What reports are answered.
        claims: What `claim` answers, one after the other.
        stored: Artifacts that can be downloaded.
        orders: What `claim_evaluation` answers, one after the other.
        evaluated: How evaluations ended.
        lost: Attempts that are somebody else's now.
    """

    def __init__(self) -> None:
        super().__init__(Transport("http://127.0.0.1:9"))
        self._transport.close()
        self.failures: deque[TunewellError] = deque()
        self.is_away = False
        self.decision = "continue"
        self.claims: deque[Claim] = deque()
        self.stored: dict[int, bytes] = {}
        self.heard: dict[int, Heard] = {}
        self.orders: deque[EvaluationOrder] = deque()
        self.evaluated: list[EvaluationFinish] = []
        self.lost: set[int] = set()
        self.n_renewals = 0
        self.evaluation_decision = "continue"
        self.asked: list[tuple[int, int | None]] = []
        self.n_claims = 0
        self.n_refused = 0
        self._lock = threading.Lock()

    def of(self, attempt_id: int = 1) -> Heard:
        """Return what an attempt said."""
        return self.heard.setdefault(attempt_id, Heard())

    def claim(
        self,
        worker_id: int,
        queues: Sequence[str],
        n_max: int = 1,
        *,
        slot: int | None = None,
        device: ClaimDevice | None = None,
    ) -> Claim:
        self._fail()
        self.n_claims += 1
        self.asked.append((n_max, slot))
        return self.claims.popleft() if self.claims else Claim(lease_s=60, attempts=())

    def report(self, attempt_id: int, lease_token: str, report: Report) -> Decision:
        heard = self._open(attempt_id, lease_token)
        if report.seq == 0:
            heard.n_beats += 1
        elif report.seq > len(heard.reports):
            heard.reports.append(report)
            heard.kinds.append("report")
        return Decision(self.decision, 60.0, len(heard.reports))

    def upload_artifact(self, attempt_id: int, lease_token: str, upload: Upload) -> Artifact:
        assert isinstance(upload.content, Path)
        content = upload.content.read_bytes()
        heard = self._open(attempt_id, lease_token)
        heard.uploads.append((upload.name, upload.step, content))
        heard.artifact_kinds[upload.name] = upload.kind
        heard.kinds.append("upload")
        return Artifact(1, upload.name, upload.kind, hashlib.sha256(content).hexdigest(), len(content))

    def download_artifact(self, artifact_id: int, path: Path | str, *, sha256: str) -> Path:
        self._fail()
        Path(path).write_bytes(self.stored[artifact_id])
        return Path(path)

    def download_dataset(self, sha256: str, path: Path | str, tick: Callable[[], None] | None = None) -> Path:
        self._fail()
        raise NotFound(Problem("content_not_found", f"nobody brought data that was prepared to {sha256}"))

    def finish(self, attempt_id: int, lease_token: str, finish: Finish) -> Finished:
        heard = self._open(attempt_id, lease_token, may_be_closed=True)
        if not heard.finishes:
            heard.finishes.append(finish)
            heard.kinds.append("finish")
        return Finished("COMPLETE", heard.finishes[0].outcome)

    def claim_evaluation(self, worker_id: int, queues: Sequence[str]) -> EvaluationClaim:
        return EvaluationClaim(60, self.orders.popleft() if self.orders else None)

    def renew_evaluation(
        self, evaluation_id: int, lease_token: str, progress: Progress | None = None
    ) -> EvaluationDecision:
        self._fail()
        self.n_renewals += 1
        return EvaluationDecision(self.evaluation_decision, 60)

    def finish_evaluation(self, evaluation_id: int, lease_token: str, finish: EvaluationFinish) -> Evaluation:
        self._fail()
        assert lease_token == TOKEN
        json.dumps(finish.to_json(), allow_nan=False)
        self.evaluated.append(finish)
        return Evaluation(evaluation_id, 1, "test", finish.outcome)

    def _open(self, attempt_id: int, lease_token: str, *, may_be_closed: bool = False) -> Heard:
        self._fail()
        heard = self.of(attempt_id)
        if attempt_id in self.lost or lease_token != TOKEN or (heard.finishes and not may_be_closed):
            raise LOST
        return heard

    def _fail(self) -> None:
        with self._lock:
            if self.is_away or self.failures:
                self.n_refused += 1
                raise AWAY if self.is_away else self.failures.popleft()


def assignment(attempt_id: int = 1, **params: ParamValue) -> Assignment:
    """Return an attempt at a small network that trains in a moment, unless `params` say otherwise."""
    small: Mapping[str, ParamValue] = {"epochs": 3, "batch_size": 512, "hidden_layers": 0, "learning_rate": 0.01}
    return Assignment(attempt_id, 1, TOKEN, attempt_id, 0, {**small, **params}, seed=1)


def claim(*attempts: Assignment, dataset: str = "digits", dataset_sha256: str = "") -> Claim:
    """Return a claim's answer."""
    objectives = (Objective("val_accuracy", "maximize"),)
    return Claim(60, attempts, 1, "study", dataset, dataset_sha256, "mlp", objectives)


def wait_for_finish(server: FakeServer, attempt_id: int = 1, timeout_s: float = 20) -> Finish:
    """Return how an attempt ended, once the server has heard it."""
    wait_until(lambda: server.of(attempt_id).finishes, timeout_s, what="the finish is heard")
    return server.of(attempt_id).finishes[0]


def children_with(word: str) -> list[psutil.Process]:
    """Return the children of this process whose command line has a word; what another test has ended does not count."""
    found = []
    for child in psutil.Process().children():
        try:
            if word in child.cmdline():
                found.append(child)
        except psutil.NoSuchProcess:  # a zombie is one too: ended, and not waited for yet
            continue
    return found
