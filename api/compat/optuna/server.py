"""Optuna's gRPC storage endpoint on our tables, so that an unmodified script can use this service.

The protocol knows neither encryption nor credentials. Beyond loopback a proxy that speaks TLS belongs in front of it;
and where the API requires a token, so does this, as `authorization: Bearer ...` in a call's metadata, which `tunewell
optuna-proxy` adds for scripts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages._grpc import servicer
from optuna.storages._grpc.auto_generated import api_pb2, api_pb2_grpc
from optuna.trial import FrozenTrial

from api.auth import caller_of
from api.compat.optuna.storage import TunewellStorage
from api.errors import ApiError, Forbidden
from api.roles import Role
from api.state import Control

_N_THREADS = 16  # each keeps a connection to the database
_GRACE_S = 2.0
_ALLOWED = frozenset({Role.ADMIN, Role.USER})
log = logging.getLogger(__name__)


class TokenCheck(grpc.ServerInterceptor):  # type: ignore[misc]  # the library publishes no types
    """Lets calls pass whose token may do what the API's routes for studies allow.

    Args:
        control: Knows the tokens, and whether one is needed.
    """

    def __init__(self, control: Control) -> None:
        self._control = control

    def intercept_service(self, continuation: Callable[[Any], Any], call: Any) -> Any:
        """Return what handles a call, or what refuses it."""
        given = {name.lower(): value for name, value in call.invocation_metadata}
        try:
            role = caller_of(self._control, given.get("authorization")).role
            if role not in _ALLOWED:
                raise Forbidden("role_forbidden", f"the role {role} may not do this", None, "needs admin or user")
        except ApiError as error:
            return _refusal(error)
        return continuation(call)


class Servicer(servicer.OptunaStorageProxyService):
    """Optuna's own, but for what is slow or says nothing there.

    Args:
        storage: Where the studies are.
    """

    def __init__(self, storage: TunewellStorage) -> None:
        super().__init__(storage)
        self._storage = storage

    def CreateNewStudy(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Create a study."""
        try:
            return super().CreateNewStudy(request, context)
        except ValueError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    def CreateNewTrial(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Create a trial, where the study is not run by our own workers."""
        try:
            return super().CreateNewTrial(request, context)
        except UpdateFinishedTrialError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

    def GetTrials(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - the protocol's name
        """Return the trials that a client does not know in full.

        Source: the answer of Optuna's own, which looks at every trial of the study; from the newest backwards it is as
        long as what is new.
        """
        try:
            trials = self._storage.get_all_trials(request.study_id, deepcopy=False)
        except KeyError as error:
            context.abort(grpc.StatusCode.NOT_FOUND, str(error))
        wanted = _newer(trials, request.trial_id_greater_than, set(request.included_trial_ids))
        return api_pb2.GetTrialsReply(trials=[servicer._to_proto_trial(trial) for trial in wanted])


@contextmanager
def serving(control: Control, port: int) -> Iterator[int]:
    """Serve the endpoint beside the API for the length of a `with` block, and hand out its port.

    Args:
        control: Database, tokens and limits; the address is the API's.
        port: 0: one that is free.

    Raises:
        RuntimeError: The port is taken.
    """
    settings = control.settings
    options = [
        ("grpc.max_receive_message_length", settings.max_body_bytes),
        ("grpc.max_send_message_length", -1),  # all trials of a study are one message
        ("grpc.so_reuseport", 0),  # a second server on the port is a mistake, not a share of the load
    ]
    storage = TunewellStorage(settings.effective_database_url, database=control.database)
    threads = ThreadPoolExecutor(_N_THREADS, thread_name_prefix="optuna-grpc")
    server = grpc.server(threads, interceptors=[TokenCheck(control)], options=options)
    api_pb2_grpc.add_StorageServiceServicer_to_server(Servicer(storage), server)  # type: ignore[no-untyped-call]
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    bound: int = server.add_insecure_port(f"{host}:{port}")
    server.start()
    log.info("Optuna's clients are served on %s:%d", host, bound)
    try:
        yield bound
    finally:
        server.stop(_GRACE_S).wait()
        threads.shutdown()
        storage.close()


def _newer(trials: list[FrozenTrial], after_id: int, included: set[int]) -> Iterator[FrozenTrial]:
    """Yield the trials with an id above `after_id` and those in `included`; ids grow with the trials' numbers."""
    for trial in reversed(trials):
        if trial._trial_id <= after_id and not included:
            return
        if trial._trial_id > after_id or trial._trial_id in included:
            included.discard(trial._trial_id)
            yield trial


def _refusal(error: ApiError) -> Any:
    codes = {401: grpc.StatusCode.UNAUTHENTICATED, 403: grpc.StatusCode.PERMISSION_DENIED}
    code = codes.get(error.status, grpc.StatusCode.RESOURCE_EXHAUSTED)
    details = f"{error.code}: {error.message}" + (f" ({error.hint})" if error.hint else "")

    def refuse(_request: bytes, context: grpc.ServicerContext) -> None:
        context.abort(code, details)

    return grpc.unary_unary_rpc_method_handler(refuse)
