"""The SDK: everything that the REST interface offers to people, typed."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx

from tunewell._calls import Query, StudyRef, items_of
from tunewell._code_calls import CodeCalls
from tunewell._compare_calls import CompareCalls
from tunewell._dataset_calls import DatasetCalls
from tunewell._decode import decode
from tunewell._evaluation_calls import EvaluationCalls
from tunewell._insight_calls import InsightCalls
from tunewell._prediction_calls import PredictionCalls
from tunewell._replay_calls import ReplayCalls
from tunewell._token_calls import TokenCalls
from tunewell._transport import Transport
from tunewell.about import About
from tunewell.edits import LearnedDefault
from tunewell.events import EventStream
from tunewell.fleet import Queue
from tunewell.login import choose
from tunewell.records import Event, Model, Worker


class Client(
    CodeCalls, CompareCalls, EvaluationCalls, InsightCalls, PredictionCalls, ReplayCalls, DatasetCalls, TokenCalls
):
    """A connection to a Tunewell server.

    A study is named by its id or its name. Every method raises a `tunewell.TunewellError`: `ServerUnreachable` where
    nothing answers, `Unauthorized` where the token is missing or wrong, `NotFound`, `Conflict` and `Invalid` where the
    request is refused, with the rule, the offending value and what would be accepted.

    Args:
        server: Address; where None the environment's TUNEWELL_SERVER, then that of `tunewell login`, then
            http://127.0.0.1:8000.
        token: Bearer token; TUNEWELL_TOKEN, then that of `tunewell login` for this server, where None. A server on this
            machine needs none by default.
        timeout_s: Seconds to wait for an answer.
        transport: Replaces the network, for tests.

    Example:
        >>> with Client() as client:                                                      # doctest: +SKIP
        ...     study = client.create_study({"name": "digits", "dataset": "digits", "model": "mlp", ...})
        ...     study = client.wait(study.study_id, timeout_s=600)
        ...     print(study.best_trial)
    """

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        server, token = choose(server, token)
        self._transport = Transport(server, token, timeout_s=timeout_s, transport=transport)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    @property
    def server(self) -> str:
        """Address of the server, without a slash at its end."""
        return self._transport.server

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def about(self) -> About:
        """Read the server's version, its clocks, and whom it takes the caller for."""
        return decode(About, self._transport.json("GET", "/server"))

    def list_workers(self) -> tuple[Worker, ...]:
        """Read the workers seen lately."""
        return items_of(Worker, self._transport.json("GET", "/workers"))

    def drain_worker(self, worker_id: int) -> Worker:
        """Tell a worker to finish what it runs and to claim nothing more."""
        return decode(Worker, self._transport.json("POST", f"/workers/{worker_id}:drain"))

    def undrain_worker(self, worker_id: int) -> Worker:
        """Let a worker that was drained claim again."""
        return decode(Worker, self._transport.json("POST", f"/workers/{worker_id}:undrain"))

    def list_queues(self) -> tuple[Queue, ...]:
        """Read what waits in each queue, and how many slots serve it."""
        return items_of(Queue, self._transport.json("GET", "/queues"))

    def list_models(self) -> tuple[Model, ...]:
        """Read the networks that studies can name."""
        return items_of(Model, self._transport.json("GET", "/models"))

    def learned_defaults(self, model: str, *, dataset: str | None = None) -> tuple[LearnedDefault, ...]:
        """Read what a network's hyperparameters were in the best tenth of the results of each past study.

        Args:
            model: Name of the network.
            dataset: Only of studies on this data set.

        Raises:
            Invalid: `unknown_model` or `unknown_dataset`.
        """
        params: Query = {} if dataset is None else {"dataset": dataset}
        path = f"/models/{quote(model, safe='')}/defaults"
        return items_of(LearnedDefault, self._transport.json("GET", path, params=params))

    def events(self, study: StudyRef | None = None, last_event_id: str | None = None) -> Iterator[Event]:
        """Follow events of one study or of all; a cut connection is taken up where it broke.

        Raises:
            ServerUnreachable: The server stayed away for a minute.
        """
        return iter(self.open_events(study, last_event_id))

    def open_events(self, study: StudyRef | None = None, last_event_id: str | None = None) -> EventStream:
        """Return the stream behind `events`, which another thread can close."""
        return EventStream(self._transport, study, last_event_id)
