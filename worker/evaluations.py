"""Work on request that is no trial: the test of the best network, baselines, an ensemble.

It runs as `python -m models`, a program of its own with libraries that training does not need, while the supervisor
renews the lease.
"""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tunewell.errors import LeaseLost, TunewellError
from tunewell.protocol import EvaluationFinish, EvaluationOrder, Protocol

from worker.launcher import trial_environment

_POLL_S = 0.2
_ROOT = Path(__file__).resolve().parent.parent
_MAX_REASON_CHARS = 1000
log = logging.getLogger(__name__)


class EvaluationFailed(RuntimeError):
    """The program said no, or died; the message is for people."""


class Stopped(Exception):
    """Nobody waits for the result any more, or the worker was told to end."""


class EvaluationRun:
    """One evaluation under way.

    Args:
        order: What to do.
        protocol: The way to the server.
        folder: For the networks; made here, removed at the end.
        heartbeat_s: How often to renew the lease.
        is_stopping: Tells whether the worker was told to end.
    """

    def __init__(
        self,
        order: EvaluationOrder,
        protocol: Protocol,
        folder: Path,
        heartbeat_s: float,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._order = order
        self._protocol = protocol
        self._folder = folder
        self._heartbeat_s = heartbeat_s
        self._is_stopping = is_stopping
        self._renewed_at_s = time.monotonic()

    def run(self, dataset_file: Path) -> None:
        """Do it and tell the result, whatever it is; a lost lease or a server that is away ends it silently.

        Args:
            dataset_file: The prepared data.
        """
        try:
            finish = self._finish(dataset_file)
            self._protocol.finish_evaluation(self._order.evaluation_id, self._order.lease_token, finish)
        except TunewellError as error:
            log.warning("evaluation %s is left to its lease: %s", self._order.evaluation_id, error)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _finish(self, dataset_file: Path) -> EvaluationFinish:
        try:
            return EvaluationFinish("COMPLETE", "", self._result(dataset_file))
        except Stopped:
            return EvaluationFinish("PREEMPTED", "the worker was told to end, or nobody waits")
        except EvaluationFailed as error:
            return EvaluationFinish("CRASHED", str(error)[-_MAX_REASON_CHARS:], is_retryable=False)
        except OSError as error:
            return EvaluationFinish("CRASHED", f"the worker cannot write its folder: {error}", is_retryable=True)

    def _result(self, dataset_file: Path) -> dict[str, Any]:
        networks = [self._fetch(place) for place in range(len(self._order.members))]
        data = ["--dataset-file", str(dataset_file)]
        if self._order.kind == "baselines":
            answer = self._call(["baselines", *data, "--seed", str(self._order.seed)])
            return {"baselines": answer["baselines"], "n_test": answer["n_test"]}
        if self._order.kind == "test":
            answer = self._call(["evaluate", "--network", str(networks[0]), *data])
            extra: dict[str, Any] = {key: answer[key] for key in ("n_test", "confusion_matrix") if key in answer}
            return {"networks": [self._named(0, answer["network"])], **extra}
        answer = self._call(["ensemble", *(str(folder) for folder in networks), *data])
        members = [{k: v for k, v in one.items() if k not in ("folder", "model")} for one in answer["members"]]
        named = [self._named(place, metrics) for place, metrics in enumerate(members)]
        return {"ensemble": answer["ensemble"], "networks": named, "n_test": answer["n_test"]}

    def _named(self, place: int, metrics: dict[str, Any]) -> dict[str, Any]:
        member = self._order.members[place]
        return {"trial_id": member.trial_id, "number": member.number, **metrics}

    def _fetch(self, place: int) -> Path:
        folder = self._folder / str(place)
        folder.mkdir(parents=True, exist_ok=True)
        for file in self._order.members[place].files:
            self._renew()
            self._protocol.download_artifact(file.artifact_id, folder / Path(file.name).name, sha256=file.sha256)
        return folder

    def _call(self, arguments: Sequence[str]) -> dict[str, Any]:
        command = [sys.executable, "-m", "models", *arguments]
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "answer").open("wb") as answer, (self._folder / "errors").open("wb") as errors:
            process = subprocess.Popen(command, cwd=_ROOT, stdout=answer, stderr=errors, env=trial_environment())  # noqa: S603
            try:
                while process.poll() is None:
                    self._renew()
                    time.sleep(_POLL_S)
            except BaseException:
                process.kill()
                process.wait()
                raise
        if process.returncode != 0:
            said = (self._folder / "errors").read_text(errors="replace").strip()
            raise EvaluationFailed(said or f"python -m models {arguments[0]} ended with code {process.returncode}")
        found: dict[str, Any] = json.loads((self._folder / "answer").read_text())
        return found

    def _renew(self) -> None:
        if self._is_stopping():
            raise Stopped
        if time.monotonic() - self._renewed_at_s < self._heartbeat_s:
            return
        self._renewed_at_s = time.monotonic()
        try:
            answer = self._protocol.renew_evaluation(self._order.evaluation_id, self._order.lease_token)
        except LeaseLost:
            raise
        except TunewellError as error:
            log.warning("evaluation %s: no sign of life sent: %s", self._order.evaluation_id, error)
            return
        if answer.decision == "stop":
            raise Stopped
