"""Work on request that is no trial: the test of the best network, baselines, an ensemble.

It runs as `python -m models`, a program of its own with libraries that training does not need, while the supervisor
renews the lease.
"""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tunewell.delivery import MAX_REASON_CHARS, clean, persist
from tunewell.errors import Invalid, LeaseLost, NotFound, ServerFailure, TunewellError
from tunewell.protocol import EvaluationFinish, EvaluationOrder, Protocol

from worker.datasets import DatasetCache, DatasetUnavailable
from worker.programs import ProgramFailed, Stopped, run_models

_TICK_S = 0.1
log = logging.getLogger(__name__)


class _Gone(Exception):
    """The evaluation is not ours any more: another worker's, or deleted."""


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

    def run(self, datasets: DatasetCache) -> None:
        """Do it and tell the result, whatever it is; where the lease is lost, nothing is told.

        Args:
            datasets: The data sets of this machine.
        """
        try:
            self._deliver(self._finish(datasets))
        except (_Gone, TunewellError) as error:
            log.warning("evaluation %s is left to its lease: %s", self._order.evaluation_id, error)
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _finish(self, datasets: DatasetCache) -> EvaluationFinish:
        order = self._order
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with datasets.use(order.dataset, order.dataset_sha256, self._tick) as dataset_file:
                return EvaluationFinish("COMPLETE", "", self._result(dataset_file))
        except Stopped:
            return EvaluationFinish("PREEMPTED", "the worker was told to end, or nobody waits")
        except ProgramFailed as error:
            return _crashed(error, is_retryable=error.is_killed)
        except DatasetUnavailable as error:
            return _crashed(error, is_retryable=True)
        except TunewellError as error:
            return _crashed(f"a network cannot be fetched: {error}", is_retryable=isinstance(error, ServerFailure))
        except OSError as error:
            return _crashed(f"the worker cannot write its folder: {error}", is_retryable=True)

    def _deliver(self, finish: EvaluationFinish) -> None:
        evaluation_id, token = self._order.evaluation_id, self._order.lease_token
        try:
            persist(lambda: self._protocol.finish_evaluation(evaluation_id, token, finish), self._pause)
        except Invalid as error:
            refused = _crashed(f"the server refused the result: {error}", is_retryable=False)
            persist(lambda: self._protocol.finish_evaluation(evaluation_id, token, refused), self._pause)

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
            path = folder / Path(file.name).name
            self._tick()
            persist(
                lambda file=file, path=path: self._protocol.download_artifact(  # type: ignore[misc]
                    file.artifact_id, path, sha256=file.sha256
                ),
                self._pause_alive,
            )
        return folder

    def _call(self, arguments: Sequence[str]) -> dict[str, Any]:
        # Numbers that are none travel as words.
        found: dict[str, Any] = json.loads(run_models(arguments, self._tick), parse_constant=str)
        return found

    def _tick(self) -> None:
        """Renew the lease where that is due.

        Raises:
            Stopped: The worker was told to end, or nobody waits.
            _Gone: The lease is lost.
        """
        if self._is_stopping():
            raise Stopped
        if time.monotonic() - self._renewed_at_s < self._heartbeat_s:
            return
        self._renewed_at_s = time.monotonic()
        try:
            answer = self._protocol.renew_evaluation(self._order.evaluation_id, self._order.lease_token)
        except (LeaseLost, NotFound) as error:
            raise _Gone(str(error)) from error
        except TunewellError as error:
            log.warning("evaluation %s: no sign of life sent: %s", self._order.evaluation_id, error)
            return
        if answer.decision == "stop":
            raise Stopped

    def _pause(self, delay_s: float) -> bool:
        """Wait; answer whether the worker was told to end."""
        end_s = time.monotonic() + delay_s
        while time.monotonic() < end_s and not self._is_stopping():
            time.sleep(_TICK_S)
        return self._is_stopping()

    def _pause_alive(self, delay_s: float) -> bool:
        """Wait and renew the lease meanwhile; what `_tick` raises ends that."""
        end_s = time.monotonic() + delay_s
        while time.monotonic() < end_s:
            self._tick()
            time.sleep(_TICK_S)
        return False


def _crashed(reason: object, *, is_retryable: bool) -> EvaluationFinish:
    return EvaluationFinish("CRASHED", clean(str(reason), MAX_REASON_CHARS), is_retryable=is_retryable)
