"""The one place that talks HTTP: builds requests, maps errors once, streams bytes."""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import IO, Any, Self
from urllib.parse import urlsplit

import httpx

from tunewell import _refusals
from tunewell.errors import Invalid, Problem, ServerFailure

DEFAULT_SERVER = "http://127.0.0.1:8000"
API_PREFIX = "/api/v1"
Params = Mapping[str, str | int | list[str]]
Body = bytes | Iterable[bytes] | IO[bytes]


class Transport:
    """A connection pool to one server. Threads may share it; a forked child makes its own.

    Args:
        server: Address such as `http://127.0.0.1:8000`; `TUNEWELL_SERVER`, then the default, where None.
        token: Bearer token; `TUNEWELL_TOKEN` where None. Sent to this server only.
        timeout_s: Seconds to wait for a connection, and between two pieces of an answer.
        transport: Replaces the network, for tests.

    Raises:
        Invalid: `server_address` where the address is not `http://HOST[:PORT]` or `https://...`.
    """

    def __init__(
        self,
        server: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.server = read_address(server or os.environ.get("TUNEWELL_SERVER") or DEFAULT_SERVER)
        token = token or os.environ.get("TUNEWELL_TOKEN")
        self._has_token = bool(token)
        self._http = httpx.Client(
            base_url=self.server + API_PREFIX,
            headers=_headers(token),
            timeout=timeout_s,
            transport=transport,
            # A proxy for the outside world cannot reach this machine's own loopback.
            trust_env=not _is_loopback(self.server),
        )

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def json(self, method: str, path: str, *, params: Params | None = None, body: object = None) -> Any:
        """Send a request with an optional JSON body and parse the JSON answer; None for an empty one.

        Raises:
            TunewellError: As drawn in `tunewell.errors`.
        """
        request = self._request(method, path, params=params, json=body)
        with self._mapped_errors():
            response = self._http.send(request)
        self._check(response)
        return _parsed(response)

    def put(self, path: str, content: Body, *, params: Params, headers: Mapping[str, str]) -> Any:
        """Send raw bytes and parse the JSON answer.

        Raises:
            TunewellError: As drawn in `tunewell.errors`.
        """
        return self._send_bytes("PUT", path, content, params=params, headers=headers)

    def patch(self, path: str, content: bytes, *, headers: Mapping[str, str]) -> Any:
        """Send a piece of raw bytes and parse the JSON answer.

        Raises:
            TunewellError: As drawn in `tunewell.errors`.
        """
        return self._send_bytes("PATCH", path, content, headers=headers)

    def _send_bytes(
        self, method: str, path: str, content: Body, *, headers: Mapping[str, str], params: Params | None = None
    ) -> Any:
        headers = {"Content-Type": "application/octet-stream", **headers}
        request = self._request(method, path, params=params, headers=headers, content=content)
        with self._mapped_errors():
            response = self._http.send(request)
        self._check(response)
        return _parsed(response)

    @contextmanager
    def stream(
        self, path: str, *, params: Params | None = None, headers: Mapping[str, str] | None = None, idle_s: float = 60.0
    ) -> Iterator[httpx.Response]:
        """Open an answer whose body is read piece by piece; `idle_s` bounds the wait for each piece.

        Raises:
            TunewellError: As drawn in `tunewell.errors`, also while the body is read.
        """
        request = self._request("GET", path, params=params, headers=headers)
        request.extensions["timeout"] = {**request.extensions["timeout"], "read": idle_s}
        with self._mapped_errors():
            response = self._http.send(request, stream=True)
            try:
                if not response.is_success:
                    response.read()
                self._check(response)
                yield response
            finally:
                response.close()

    def _request(self, method: str, path: str, **parts: Any) -> httpx.Request:
        try:
            return self._http.build_request(method, path, **parts)
        except (ValueError, TypeError, RecursionError) as error:
            raise Invalid(
                Problem("not_json", f"the request cannot be written as JSON: {error}", hint='write NaN as "NaN"')
            ) from error

    @contextmanager
    def _mapped_errors(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            raise _refusals.from_network(error, self.server) from error

    def _check(self, response: httpx.Response) -> None:
        if not response.is_success:
            raise _refusals.from_response(response, self.server, has_token=self._has_token)


def read_address(text: str) -> str:
    """Normalise a server's address: no trailing slash, no `/api/v1`.

    Raises:
        Invalid: `server_address` where it is not an http(s) address without credentials, query or fragment.
    """
    address = text.strip().rstrip("/").removesuffix(API_PREFIX)
    problem = Problem("server_address", f"{text!r} is not a server's address", hint=f"for example {DEFAULT_SERVER}")
    try:
        parts = urlsplit(address)
        has_port = parts.port is None or parts.port > 0
    except ValueError as error:
        raise Invalid(problem) from error
    is_plain = not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in {"http", "https"} or not parts.hostname or not has_port or not is_plain:
        raise Invalid(problem)
    return address


def _headers(token: str | None) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "tunewell-python"}
    if token is None or not token:
        return headers
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Invalid(
            Problem("bad_token", "the token has characters that no token has", hint="check TUNEWELL_TOKEN or --token")
        )
    return {**headers, "Authorization": f"Bearer {token}"}


def _is_loopback(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parsed(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ServerFailure(
            Problem(
                "bad_answer",
                f"the answer of {response.request.url} is not JSON",
                hint="is this address a Tunewell server, and not something else's?",
                status=response.status_code,
            )
        ) from error
