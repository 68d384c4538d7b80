"""Hands the calls of Optuna's gRPC clients on to a Tunewell server, with the token they cannot send themselves.

Needs the extra `tunewell[optuna]`. Messages pass as the bytes they are: nothing here knows what they mean.

Example:
    >>> with forwarding("127.0.0.1:13000", token="tw_...") as port:                       # doctest: +SKIP
    ...     storage = optuna.storages.GrpcStorageProxy(host="127.0.0.1", port=port)
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from tunewell.errors import Invalid, Problem

INSTALL = "pip install 'tunewell[optuna]'"
DEFAULT_PORT = 13000  # what Optuna's clients connect to where they are told nothing else
_N_THREADS = 16
_UNBOUNDED = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]


def import_extra(name: str) -> Any:
    """Return a module of the extra `tunewell[optuna]`.

    Raises:
        Invalid: `optuna_extra` where it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Invalid(Problem("optuna_extra", f"{name} is not installed", hint=INSTALL)) from error


def parse_address(text: str) -> str:
    """Return an address `HOST:PORT` as it was given, if it is one.

    Raises:
        Invalid: `bad_address`.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not host or "/" in text or not port.isdecimal() or not 0 < int(port) < 2**16:
        hint = f"give HOST:PORT, such as tune.example.org:{DEFAULT_PORT}; the port is the server's TUNEWELL_GRPC_PORT"
        raise Invalid(Problem("bad_address", f"{text!r} is no address of a gRPC endpoint", "address", hint))
    return text


@contextmanager
def forwarding(address: str, token: str | None = None, *, port: int = 0, has_tls: bool = False) -> Iterator[int]:
    """Forward calls for the length of a `with` block, and hand out the port. It listens on loopback only.

    Args:
        address: `HOST:PORT` of the server's gRPC endpoint.
        token: Sent with each call; None: none is.
        port: Where to listen; 0: a free one.
        has_tls: Whether the server, or a proxy in front of it, speaks TLS.

    Raises:
        Invalid: `optuna_extra`, `bad_address`, or `port_taken`.
    """
    grpc = import_extra("grpc")
    with _connect(grpc, parse_address(address), has_tls) as channel:
        threads = ThreadPoolExecutor(_N_THREADS, thread_name_prefix="optuna-forward")
        server = grpc.server(threads, options=[*_UNBOUNDED, ("grpc.so_reuseport", 0)])
        server.add_generic_rpc_handlers((_handler(grpc, channel, token),))
        try:
            bound: int = server.add_insecure_port(f"127.0.0.1:{port}")
        except RuntimeError as error:
            hint = "choose another with --port, and tell the script: GrpcStorageProxy(port=...)"
            raise Invalid(Problem("port_taken", f"port {port} is in use", "port", hint)) from error
        server.start()
        try:
            yield bound
        finally:
            server.stop(1.0).wait()
            threads.shutdown()


def _connect(grpc: Any, address: str, has_tls: bool) -> Any:
    if has_tls:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(), options=_UNBOUNDED)
    return grpc.insecure_channel(address, options=_UNBOUNDED)


def _handler(grpc: Any, channel: Any, token: str | None) -> Any:
    metadata = [] if token is None else [("authorization", f"Bearer {token}")]

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # a base class that is imported when it is needed
        """Takes every method of every service."""

        def service(self, call: Any) -> Any:
            """Return what hands one call on."""
            return grpc.unary_unary_rpc_method_handler(_forward(grpc, channel.unary_unary(call.method), metadata))

    return Handler()


def _forward(grpc: Any, method: Any, metadata: list[tuple[str, str]]) -> Callable[[bytes, Any], bytes]:
    def forward(request: bytes, context: Any) -> bytes:
        try:
            answer: bytes = method(request, metadata=metadata)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
        return answer

    return forward
