"""A server made of canned answers, and records as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]
SERVER = "http://tune.test"
API = "/api/v1"


class FakeServer(httpx.BaseTransport):
    """Answers by method and path; several answers to one path come in turn, and the last one stays."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[Answer]] = {}
        self.requests: list[httpx.Request] = []

    def on(self, method: str, path: str, *answers: Answer) -> FakeServer:
        """Answer a path below the API."""
        self.answers[method, API + path] = list(answers)
        return self

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        request.read()
        self.requests.append(request)
        answers = self.answers.get((request.method, request.url.raw_path.decode().partition("?")[0]))
        if answers is None:
            return refusal(404, "not_found", f"nothing at {request.url.path}")
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else fresh(answer)

    def bodies(self) -> list[Any]:
        """Return the JSON bodies that came."""
        return [json.loads(request.content) for request in self.requests if request.content]


class Chunks(httpx.SyncByteStream):
    """A body in given pieces, which may end with an exception."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        """Yield the pieces."""
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece


def fresh(answer: httpx.Response) -> httpx.Response:
    """Copy an answer, because one response serves one request only."""
    return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


def ok(body: object, status: int = 200) -> httpx.Response:
    """Answer with JSON."""
    return httpx.Response(status, json=body)


def refusal(status: int, code: str, message: str, **more: str) -> httpx.Response:
    """Refuse in the server's one shape of errors."""
    detail = {"code": code, "message": message, "field": None, "hint": None, **more}
    return httpx.Response(status, json={"error": detail})


def stream(*pieces: bytes | Exception) -> Callable[[httpx.Request], httpx.Response]:
    """Answer with a body in pieces."""
    return lambda _request: httpx.Response(200, stream=Chunks(*pieces))


def message(kind: str, event_id: int, data: object) -> bytes:
    """Write one server-sent event."""
    return f"id: {event_id}\nevent: {kind}\ndata: {json.dumps(data)}\n\n".encode()


def study_json(**changes: Any) -> dict[str, Any]:
    """Return a study as the server writes it, with a field that this client does not know."""
    study: dict[str, Any] = {
        "study_id": 3,
        "name": "digits-mlp",
        "state": "RUNNING",
        "state_reason": "",
        "trial_counts": {"WAITING": 0, "RUNNING": 2, "COMPLETE": 4, "PRUNED": 1, "FAIL": 0},
        "best_trial": {
            "trial_id": 12,
            "number": 2,
            "params": {"learning_rate": 0.01, "activation": "relu"},
            "values": {"val_accuracy": 0.975},
        },
        "spec": {
            "dataset": "digits",
            "model": "mlp",
            "fixed": {"epochs": 20},
            "search_space": {"learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}},
            "sampler": {"name": "bayesian", "seed": 7},
            "pruner": {"name": "none"},
            "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
            "budget": {"n_trials": 20, "max_parallel": 2, "timeout_s": None, "max_retries": 3},
            "resources": {"queue": "cpu"},
        },
        "n_grid_cells": None,
        "notes": "",
        "tags": [],
        "created_at": "2026-01-02T03:04:05Z",
        "finished_at": None,
        "deleted_at": None,
        "rev": 9,
        "colour": "a field of a newer server",
    }
    return {**study, **changes}


def trial_json(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return a trial as the server writes it."""
    trial: dict[str, Any] = {
        "trial_id": 10 + number,
        "study_id": 3,
        "number": number,
        "state": "RUNNING",
        "reason": "",
        "source": "sampler",
        "note": "",
        "params": {"learning_rate": 0.01, "activation": "relu"},
        "value": None,
        "values": {},
        "step": 5,
        "n_steps": 20,
        "n_attempts": 1,
        "is_stop_requested": False,
        "created_at": "2026-01-02T03:04:05Z",
        "started_at": "2026-01-02T03:04:05Z",
        "finished_at": None,
        "duration_s": None,
    }
    return {**trial, **changes}


def page(*items: object, next_cursor: str | None = None) -> httpx.Response:
    """Answer with a page."""
    return ok({"items": list(items), "next_cursor": next_cursor})
